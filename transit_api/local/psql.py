"""PostgreSQL's own terminal on a database of ours; the wheel of the server does not have it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence

from transit_api.database.backup import split_secrets
from transit_api.process.processes import ProcessError


def open_psql(url: str, arguments: Sequence[str]) -> int:
    """Run psql with these arguments until it ends; answers its exit code."""
    program = shutil.which("psql")
    if program is None:
        raise ProcessError(
            "psql is not installed (Debian: apt-get install postgresql-client);"
            " `transit-api url` prints the address for any other client"
        )
    address, secrets = split_secrets(url)
    # Ctrl-C ends a query of psql, and not us.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(
            [program, f"--dbname={address}", *arguments],
            env={**os.environ, **secrets},
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ).returncode
    finally:
        signal.signal(signal.SIGINT, before)
