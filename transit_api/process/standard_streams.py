"""Standard streams that a program can rely on, whatever it was started with."""

import io
import os
import sys


def open_standard_streams() -> None:
    """Open closed ones on nothing, so that no socket takes their place; write any character."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the one that is missing.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # "Bogotá" on a stream of ASCII is worth a letter, not a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
