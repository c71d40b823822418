"""Child processes that never outlive us: started, watched and stopped by their process id."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

_PR_SET_PDEATHSIG = 1
LOG_MODE = 0o600

# Loaded before any fork: a child may not import anything between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ProcessError(RuntimeError):
    """A server of ours did not do what it should; the message is for whoever started us."""


def die_with_parent(death_signal: signal.Signals) -> None:
    """Have the kernel send this process `death_signal` when its parent dies (Linux only)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)


def start_process(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    log: Path | None = None,
    stdout: int | None = None,
    uid: int | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a child that dies with us, as user `uid` if given.

    Its output is appended to `log`, if given; else it goes where ours goes, standard output
    to the descriptor `stdout` if given.
    """
    output = open_log(log) if log else None
    try:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output or stdout,
            stderr=output,
            cwd=cwd,
            env=dict(environment) if environment is not None else None,
            pass_fds=pass_fds,
            preexec_fn=_before_exec(os.getpid(), death_signal),
            # A group of its own: Ctrl-C reaches only us, and we stop the others in order.
            process_group=0,
            **as_user(uid),
        )
    finally:
        if output:
            output.close()


def open_log(path: Path) -> IO[bytes]:
    """A log to append to that only its owner reads, also one that an earlier release began."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, LOG_MODE)
    os.fchmod(descriptor, LOG_MODE)
    return os.fdopen(descriptor, "ab")


def as_user(uid: int | None) -> dict[str, Any]:
    """What `subprocess` needs to run a program as somebody else."""
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


def _before_exec(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        die_with_parent(death_signal)
        # The parent may have died before the line above took hold.
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def stop_process(
    process: "subprocess.Popen[bytes]", stop_signal: signal.Signals, wait_s: float
) -> None:
    """Ask a child to stop, wait, and kill it if it has not."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def stop_leftover(process: psutil.Process, stop_signal: signal.Signals, wait_s: float) -> None:
    """The same for a process that a killed run left behind."""
    try:
        process.send_signal(stop_signal)
        process.wait(wait_s)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(wait_s)


def find_process(pid: int, accept: Callable[[psutil.Process], bool]) -> psutil.Process | None:
    """The running process of that id if `accept` knows it as ours: ids are used again."""
    try:
        process = psutil.Process(pid)
        running = process.status() != psutil.STATUS_ZOMBIE
        return process if running and accept(process) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in lines[-count:])
