"""`transit-api audit`: the exit code of an operator's nightly job."""

import os
import subprocess
import sys

from tests.sql.books import write_busy_book


def run_audit(database, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "transit_api", "audit", *arguments],
        env={**os.environ, "DATABASE_URL": database.owner_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_audit_command_answers_0_while_the_books_agree_and_1_with_each_offence(fresh_database):
    connection = fresh_database.connect()
    connection.autocommit = True
    book = write_busy_book(connection)
    clean = run_audit(fresh_database)
    assert clean.returncode == 0, clean

    book.story.decree(
        "UPDATE transit.accounts SET balance = balance + 1 WHERE card_id = %s", book.card["usual"]
    )
    connection.close()
    corrupt = run_audit(fresh_database)
    assert corrupt.returncode == 1, corrupt
    assert f"card_balances card {book.card['usual']} balance" in corrupt.stdout
    assert run_audit(fresh_database, "--card", str(book.card["usual"])).returncode == 1
    assert run_audit(fresh_database, "--card", str(book.card["lost"])).returncode == 0
    assert run_audit(fresh_database, "--on", "2028-03-01").returncode == 0
