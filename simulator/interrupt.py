"""Ctrl-C twice: the first ends the driving alone, the second ends everything."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_first_ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    """Within, the first Ctrl-C calls `stop`; the second does what it did before. Only in the main
    thread, within a running loop."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)

    def restore() -> None:
        if loop.remove_signal_handler(signal.SIGINT):
            signal.signal(signal.SIGINT, before)

    def first() -> None:
        restore()
        stop()

    loop.add_signal_handler(signal.SIGINT, first)
    try:
        yield
    finally:
        restore()
