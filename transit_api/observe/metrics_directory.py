"""Where the workers of one parent count together, and what killed parents left of it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "transit-metrics-"

# A directory that young may belong to a parent which is about to lock it.
YOUNG_S = 60.0


@contextmanager
def metrics_directory() -> Iterator[Path]:
    """A new directory under the temporary one, removed at the end."""
    _clear_leftovers(Path(tempfile.gettempdir()))
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        # The kernel lets go of the lock however we end, which is how the next one knows.
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _clear_leftovers(parent: Path) -> None:
    for directory in parent.glob(f"{PREFIX}*"):
        # Another parent may be clearing the same ones.
        with contextlib.suppress(OSError):
            status = directory.stat()
            ours = status.st_uid == os.geteuid()
            if ours and time.time() - status.st_mtime > YOUNG_S and _is_abandoned(directory):
                shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    with (directory / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
