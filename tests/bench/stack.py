"""What is measured: the embedded servers, durable, and the service on them as real processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from transit_api.embedded import Servers, start_embedded
from transit_api.migrate import migrate

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

    def resident_mb(self) -> float:
        """Memory of the largest worker, in MB (10^6 bytes)."""
        parent = psutil.Process(self.process.pid)
        workers = [
            child
            for child in parent.children(recursive=True)
            if "transit_api.worker" in " ".join(child.cmdline())
        ]
        return float(max(worker.memory_info().rss for worker in workers)) / 1e6


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
    """One `transit-api` command that serves; waits for the line with its URL."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [python, "-m", "transit_api", *arguments],
            stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=cwd,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = next((word for word in line.split() if word.startswith("http")), None)
            if url is None:
                log.seek(0)
                raise RuntimeError(f"the service did not start: {log.read()[-2000:]}")
            yield Service(url, process)
        finally:
            process.terminate()
            process.wait(START_LIMIT_S)


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
