"""`make run`: a rush hour on a service of its own; twice, and interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from simulator.demo import PR_SET_PDEATHSIG

COMMAND = (sys.executable, "-m", "simulator", "demo", "--rate", "20")


def start(directory: Path, data: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, "--port", "0", "--data-dir", str(data), *arguments],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def servers_of(data: Path) -> list[int]:
    """Processes whose command line names the data directory."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(data) in word for word in process.info["cmdline"] or ())
    ]


def wait_for(process: "subprocess.Popen[str]", words: str) -> str:
    """The output up to the line with these words."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(seen)


def test_a_rush_hour_agrees_and_ctrl_c_ends_only_the_driving_of_the_next(
    data_directory: Path, tmp_path: Path
) -> None:
    process = start(tmp_path, data_directory, "--duration", "2")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "books and audit agree to the peso" in out
    assert "/docs" in out
    assert servers_of(data_directory) == []
    process = start(tmp_path, data_directory, "--duration", "600")
    wait_for(process, "Driving rush-hour")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "Stopped    by Ctrl-C" in out
    assert "compared: agree to the peso" in out
    assert "books and audit agree to the peso" in out
    assert servers_of(data_directory) == []


def test_a_killed_demo_takes_its_service_along(data_directory: Path, tmp_path: Path) -> None:
    process = start(tmp_path, data_directory, "--duration", "600")
    wait_for(process, "Serving")
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert gone
    assert (alive == []) or not sys.platform.startswith("linux")
    assert PR_SET_PDEATHSIG == 1
