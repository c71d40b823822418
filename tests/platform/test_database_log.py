"""PostgreSQL's log holds nothing of what a statement carried, whatever made it fail."""

import threading
from pathlib import Path

import psycopg2
import pytest

from transit_api.local.embedded import start_embedded

CANARIES = ("CC-9182736450", "Zoraida Canaria", "zoraida@canary.example", "+57 300 555 0199")
NAMED = "SELECT '{}', '{}', '{}', '{}'".format(*CANARIES)

FAILURES = {
    "statement timeout": f"SET statement_timeout = 20; {NAMED}, pg_sleep(5)",
    "a CHECK broken": "INSERT INTO kept VALUES (-1, '{}', '{}', '{}', '{}')".format(*CANARIES),
    "a key twice": "INSERT INTO kept VALUES (1, '{}', '{}', '{}', '{}')".format(*CANARIES),
    "malformed input": f"SELECT '{CANARIES[0]}'::integer",
    "malformed syntax": f"SELEC {NAMED}",
    "malformed json": f"""SELECT '{{"name": {CANARIES[1]}}}'::json""",
}


def deadlock(url: str) -> None:
    first, second = (psycopg2.connect(url) for _ in range(2))
    lock = f"SELECT pg_advisory_xact_lock(%s), '{CANARIES[1]}'"
    for connection, number in ((first, 1), (second, 2)):
        connection.cursor().execute(lock, [number])

    def cross() -> None:
        try:
            first.cursor().execute(lock, [2])
        except psycopg2.Error:
            first.rollback()

    other = threading.Thread(target=cross)
    other.start()
    try:
        second.cursor().execute(lock, [1])
    except psycopg2.Error:
        second.rollback()
    # Whoever won lets go.
    second.close()
    other.join(10)
    first.close()


def test_no_log_holds_what_a_failed_statement_carried(data_directory: Path) -> None:
    with start_embedded(data_directory, durable=False) as servers:
        connection = psycopg2.connect(servers.owner_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE SCHEMA mine; SET search_path = mine; CREATE TABLE kept"
                " (n integer PRIMARY KEY CHECK (n > 0), a text, b text, c text, d text);"
                "INSERT INTO kept VALUES (1)"
            )
            for kind, statement in FAILURES.items():
                with pytest.raises(psycopg2.Error):
                    cursor.execute(statement)
                    pytest.fail(kind)
        connection.close()
        deadlock(servers.owner_url)
        log = servers.postgresql.log.read_text()
        everything = "".join(
            path.read_text() for path in (servers.postgresql.log, servers.valkey.log)
        )
    # It is written, and it is the log of this server.
    assert "ready to accept connections" in log
    assert [canary for canary in CANARIES if canary in everything] == []
