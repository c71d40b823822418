"""The outcome of the last audit, as a file that Prometheus' node_exporter tells on.

The service may not run the audit, and should not need a table to speak of it: whoever runs the
audit writes down what it found.
"""

import os
import tempfile
import time
from pathlib import Path

from transit_api.process.processes import ProcessError

TEXT = """\
# HELP transit_audit_offences Offences against the invariants of the books in the last audit
# TYPE transit_audit_offences gauge
transit_audit_offences {offences}
# HELP transit_audit_finished_timestamp_seconds When the last audit ended
# TYPE transit_audit_finished_timestamp_seconds gauge
transit_audit_finished_timestamp_seconds {finished:.3f}
"""


def write_audit_metrics(file: Path, offences: int) -> None:
    """Replace the file as a whole, so that nobody reads half of it."""
    text = TEXT.format(offences=offences, finished=time.time())
    try:
        # Its name does not end in .prom, so it is passed over until it has its place.
        descriptor, partial = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
            # It holds two numbers, and another user reads it.
            os.fchmod(output.fileno(), 0o644)
        Path(partial).replace(file)
    except OSError as error:
        raise ProcessError(f"cannot write {file}: {error.strerror}") from error
