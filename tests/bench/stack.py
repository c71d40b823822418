"""What is measured: the embedded servers, durable, and the service on them as real processes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from transit_api.database.migrate import migrate
from transit_api.local.embedded import Servers, start_embedded

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 60


@dataclass(frozen=True)
class Service:
    """A running `transit-api serve`."""

    url: str
    process: "subprocess.Popen[str]"

    def get(self, path: str) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one answer."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read(), dict(answer.headers)

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        return [
            child
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if "transit_api.process.worker" in " ".join(child.cmdline())
        ]

    def resident_mb(self) -> float:
        """Memory of the largest worker, in MB (10^6 bytes)."""
        return float(max(worker.memory_info().rss for worker in self.workers())) / 1e6


@contextmanager
def start_servers() -> Iterator[Servers]:
    """A new durable cluster, migrated, and an empty cache; removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="transit-bench-"))
    directory.chmod(0o755)
    try:
        with start_embedded(directory) as servers:
            migrate(servers.owner_url)
            yield servers
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def start_service(servers: Servers, workers: int = 1, **settings: str) -> Iterator[Service]:
    """The service on a free port, stopped at the end."""
    environment = (
        os.environ
        | settings
        | {
            "DATABASE_URL": servers.database_url,
            "TRANSIT_OWNER_DATABASE_URL": servers.owner_url,
            "REDIS_URL": servers.redis_url,
        }
    )
    arguments = ["serve", "--port", "0", "--workers", str(workers)]
    with start_command(arguments, environment) as service:
        yield service


@contextmanager
def start_command(
    arguments: list[str],
    environment: dict[str, str],
    python: str = sys.executable,
    cwd: Path = ROOT,
) -> Iterator[Service]:
    """One `transit-api` command that serves; it logs into a file, as it would in production."""
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "service.log"
        with output.open("w") as log:
            process = subprocess.Popen(
                [python, "-m", "transit_api", *arguments],
                stdout=log, stderr=log, text=True, env=environment, cwd=cwd,
            )  # fmt: skip
        try:
            yield Service(_wait_for_url(process, output), process)
        finally:
            process.terminate()
            process.wait(START_LIMIT_S)


def _wait_for_url(process: "subprocess.Popen[str]", output: Path) -> str:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"Serving (http://\S+)", output.read_text())
        if found:
            return found[1]
        time.sleep(0.02)
    raise RuntimeError(f"the service did not start: {output.read_text()[-2000:]}")


@contextmanager
def connect(servers: Servers) -> Iterator[Any]:
    """An autocommit cursor as the owner."""
    connection = psycopg2.connect(servers.owner_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def post(url: str, body: object) -> Any:
    """One JSON request outside of any measurement."""
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
