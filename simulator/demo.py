"""`make run`: the service on this machine, a rush hour through it, the books at the end."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TextIO

import orjson
import uvloop
from rich.console import Console

from simulator.client import NoAnswer
from simulator.live import Progress
from simulator.report import print_result
from simulator.result import Result
from simulator.scenario import BadInput, load_scenario
from simulator.session import run_here
from simulator.world import Unusable

SERVICE = (sys.executable, "-m", "transit_api")
START_PATIENCE_S = 120.0
STOP_PATIENCE_S = 30.0
LOG_LINES = 20
PR_SET_PDEATHSIG = 1  # of prctl(2)


@dataclass(frozen=True, slots=True)
class Demo:
    """What the command line asked for."""

    duration_s: float
    rate: float
    port: int
    data_dir: Path
    scenario: str
    serve: bool
    log: Path


def run_demo(demo: Demo, console: Console) -> int:
    """Exit code 0 only if nothing failed and every book agrees. Ctrl-C while it drives ends the
    driving alone: books are compared, the report is printed, then everything stops."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        scenario = load_scenario(demo.scenario)
        scenario = replace(scenario, duration_s=demo.duration_s, rate=demo.rate)
        with service(demo, console) as url:
            console.print(f"Serving    {url}\nDocs       {url}/docs\n", highlight=False)
            with Progress(console) as progress:
                result = uvloop.run(run_here(url, scenario, progress.report, True))
            print_result(result, console)
            audited = audit(demo.data_dir, console)
            verdict = conclude(result, audited, console)
            if demo.serve and not result.stopped:
                keep_serving(url, console)
        return verdict
    except (Unusable, BadInput, NoAnswer) as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started is stopped.")
        return 128 + signal.SIGINT


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def service(demo: Demo, console: Console) -> Iterator[str]:
    """`transit-api up` as a child in a process group of its own; stopped whatever happens."""
    console.print(f"Starting PostgreSQL, Valkey and the service (log: {demo.log}) ...",
                  highlight=False)  # fmt: skip
    with open_log(demo.log) as log:
        child = subprocess.Popen(
            [*SERVICE, "up", "--port", str(demo.port), "--any-port-if-taken",
             "--data-dir", str(demo.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )  # fmt: skip
        try:
            url = read_url(child, demo)
            say_if_moved(url, demo, console)
            yield url
        finally:
            stop(child)


def open_log(path: Path) -> TextIO:
    """Where the service writes what it has to say."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise Unusable(f"cannot write the service's log: {error}") from error


def end_with_parent() -> None:
    """In the child: on Linux the kernel ends it when we are killed and can no longer."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def read_url(child: "subprocess.Popen[str]", demo: Demo) -> str:
    """The address in the line that the service prints when it accepts requests."""
    assert child.stdout is not None
    alarm = threading.Timer(START_PATIENCE_S, child.terminate)
    alarm.start()
    try:
        for line in child.stdout:
            word = next((word for word in line.split() if word.startswith("http://")), None)
            if word:
                threading.Thread(target=drain, args=(child.stdout,), daemon=True).start()
                return word.rstrip("/.,")
    finally:
        alarm.cancel()
    child.wait()
    lines = demo.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    raise Unusable("the service did not start:\n" + "\n".join(f"  {line}" for line in lines))


def drain(stream: TextIO) -> None:
    """Read what else the child prints, so that a full pipe never stops it."""
    for _ in stream:
        pass


def say_if_moved(url: str, demo: Demo, console: Console) -> None:
    """A taken port is no reason to stop, but one to speak."""
    if demo.port and not url.endswith(f":{demo.port}"):
        console.print(f"Port {demo.port} is taken, so this run has another one.", highlight=False)


def stop(child: "subprocess.Popen[str]") -> None:
    """End the child and all it started: asked first, made to after a while."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if child.stdout is not None:
        child.stdout.close()


def audit(data_dir: Path, console: Console) -> bool:
    """The service's own audit, while it serves."""
    done = subprocess.run(
        [*SERVICE, "audit", "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in (done.stdout + done.stderr).splitlines():
        console.print(f"Audit      {line}", highlight=False, markup=False)
    return done.returncode == 0


def time_base_tables(data_dir: Path) -> dict[str, float]:
    """What analytics would cost without rollups, in ms, as the service's own command says."""
    done = subprocess.run(
        [*SERVICE, "compute", "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Unusable(f"--data-dir {data_dir}: {done.stderr.strip()}")
    found: dict[str, float] = orjson.loads(done.stdout)
    return found


def conclude(result: Result, audited: bool, console: Console) -> int:
    """The verdict in one line."""
    if not result.failed and audited:
        console.print("\n[green]Nothing failed; books and audit agree to the peso.[/green]")
        return 0
    reasons = []
    if result.recorder.failures:
        reasons.append(f"{sum(result.recorder.failures.values()):,} requests failed")
    if not result.books_agree:
        reasons.append("the riders' books differ from the service's")
    if not audited:
        reasons.append("the audit found offences")
    console.print(f"\n[red]Failed: {'; '.join(reasons)}.[/red]", highlight=False)
    return 1


def keep_serving(url: str, console: Console) -> None:
    """Until Ctrl-C."""
    console.print(f"\nStill serving on {url} (docs: {url}/docs). Ctrl-C ends it.", highlight=False)
    try:
        asyncio.run(asyncio.Event().wait())
    except KeyboardInterrupt:
        console.print("\nStopping.")
