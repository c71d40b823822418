"""Whatever fails, no log of a running service holds a byte of the request that made it fail."""

import json
import logging
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Database, Server, administration
from tests.platform.test_serving import connect, wait_until
from transit_api.local.embedded import Servers
from transit_api.observe.logs import DiscreetFormatter, JsonFormatter
from transit_api.process.processes import LOG_MODE, open_log

Start = Callable[..., Server]

# What must never be read again: as a name, document, e-mail, phone, key and the number of a card.
CANARY = "c4n4ry"
NAME, DOCUMENT, EMAIL = f"Ana {CANARY} Rojas", f"CC{CANARY}", f"{CANARY}@example.co"
PHONE, CARD_NUMBER = "+57 300 7070707", "1010770770770771"
KEY = f"key-{CANARY}"
CANARIES = (CANARY, PHONE, CARD_NUMBER)
PERSON = {"full_name": NAME, "document_id": DOCUMENT, "email": EMAIL, "phone": PHONE}
JSON = {"Content-Type": "application/json", "Idempotency-Key": KEY}

# Each stands in for api.create_users and fails in its own way.
BROKEN = {
    "a constraint": (
        "INSERT INTO transit.users (user_id, document_id, full_name, created_at) "
        "VALUES (1, p_document_id[1], NULL, now())"
    ),
    "an outcome of no kind": "RETURN QUERY SELECT 0, p_document_id[1], 1::bigint, '', now()",
    "a timeout": "PERFORM pg_sleep(30)",
}
RUBBISH = (
    f"GET /{CANARY} {CARD_NUMBER} HTTP/1.1 HTTP/1.1\r\n\r\n",
    f"{CANARY} /api/v1/cards HTTP/1.1\r\nHost: a\r\n\r\n",
    f"GET /api/v1/cards?card_number={CARD_NUMBER} HTTP/9.{CANARY}\r\n\r\n",
    f"GET /health HTTP/1.1\r\nHost: a\r\nIdempotency Key {KEY}\r\n\r\n",
    f"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: {CANARY}\r\n\r\n",
    f"GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
    f"GET /health HTTP/1.1\r\nHost: a\r\nX-Long: {CANARY * 2_000}\r\n\r\n",
    f"POST /api/v1/users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
)


def ask(server: Server, path: str, body: bytes | None = None, **headers: str) -> int:
    try:
        with urlopen(Request(server.url + path, body, {**JSON, **headers}), timeout=20) as answer:
            status: int = answer.status
            return status
    except HTTPError as error:
        with error:
            return error.code


def send(server: Server, rubbish: str) -> bytes:
    with connect(server) as one:
        one.sendall(rubbish.encode())
        return one.recv(65_536)


@pytest.fixture
def logs(cluster: Servers) -> dict[Path, int]:
    """The logs of the servers below and where this test begins in each."""
    files = [cluster.valkey.log]
    with administration(cluster) as cursor:
        cursor.execute("SELECT current_setting('log_min_error_statement')")
        # A server of other settings writes the statements that failed into its log.
        if cursor.fetchone()[0] == "panic":
            files.append(cluster.postgresql.log)
    return {file: file.stat().st_size for file in files}


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_log_holds_a_byte_of_what_failed(
    server: Start, fresh_database: Database, logs: dict[Path, int], log_format: str
) -> None:
    running = server(log_level="debug", log_format=log_format, statement_timeout_ms=300,
                     head_seconds=0.5, body_pace_bytes=1_048_576)  # fmt: skip
    person = json.dumps(PERSON).encode()
    assert ask(running, "/api/v1/users", person) == 201
    for rubbish in RUBBISH:
        assert b" 4" in send(running, rubbish)[:12], rubbish
    assert ask(running, f"/api/v1/{CANARY}/x?{CANARY}=1") == 404
    assert ask(running, f"/api/v1/cards?card_number={CARD_NUMBER}&{CANARY}=1") == 422
    assert ask(running, "/api/v1/users", person[:-1]) == 400
    assert ask(running, "/api/v1/users", json.dumps({CANARY: NAME}).encode()) == 422
    assert ask(running, "/api/v1/users", person, **{"Content-Type": f"text/{CANARY}"}) == 415
    assert ask(running, "/api/v1/users", person + b" " * 2**20) == 413
    assert ask(running, "/api/v1/users", person, **{"X-Request-ID": f"{CANARY} {KEY}"}) == 409

    with connect(running) as head, connect(running) as body:
        head.sendall(f"GET /api/v1/{CANARY}".encode())
        length = f"Content-Length: 5000\r\nContent-Type: application/json\r\n\r\n{CANARY}"
        body.sendall(f"POST /api/v1/users HTTP/1.1\r\nHost: a\r\n{length}".encode())
        body.settimeout(20)
        assert b" 408 " in body.recv(65_536)
        head.settimeout(20)
        assert b" 408 " in head.recv(65_536)

    statuses = {}
    for kind, breaking in BROKEN.items():
        break_function(fresh_database, breaking)
        statuses[kind] = ask(running, "/api/v1/users", person)
    assert statuses == {"a constraint": 500, "an outcome of no kind": 500, "a timeout": 503}

    wait_until(lambda: "a statement took too long" in running.log.read_text())
    time.sleep(0.5)
    told = running.log.read_text()
    assert "rubbish from 127.0.0.1" in told and "defect" in told
    for file, size in {running.log: 0, **logs}.items():
        written = file.read_bytes()[size:].decode(errors="replace")
        for canary in CANARIES:
            found = re.search(f".*{re.escape(canary)}.*", written)
            assert not found, (file.name, found and found.group()[:500])


def break_function(database: Database, statement: str) -> None:
    connection = database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('api.create_users'::regproc)")
        head, _, _ = cursor.fetchone()[0].partition("AS $function$")
        cursor.execute(f"{head} AS $function$ BEGIN {statement}; END $function$")
    connection.close()


def test_logs_of_the_servers_are_their_owners_alone(cluster: Servers) -> None:
    for log in (cluster.postgresql.log, cluster.valkey.log):
        assert stat.S_IMODE(log.stat().st_mode) == LOG_MODE == 0o600


def test_log_that_an_earlier_release_began_is_closed_to_others(tmp_path: Path) -> None:
    log = tmp_path / "old.log"
    log.write_text("before\n")
    log.chmod(0o644)
    with open_log(log) as output:
        output.write(b"after\n")
    assert log.read_text() == "before\nafter\n"
    assert stat.S_IMODE(log.stat().st_mode) == LOG_MODE


@pytest.mark.parametrize("formatter", [JsonFormatter(), DiscreetFormatter()])
def test_exception_is_told_by_kind_and_place(formatter: logging.Formatter) -> None:
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise KeyError(CANARY) from error
    except KeyError as error:
        record = logging.makeLogRecord({"msg": "defect", "exc_info": (KeyError, error, None)})
    line = formatter.format(record)
    assert CANARY not in line
    for word in ("KeyError", "ValueError", "test_exception_is_told_by_kind_and_place"):
        assert word in line
