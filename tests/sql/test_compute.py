"""The answers from the base tables are those of the rollups, folded or not."""

from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.books import write_busy_book
from transit_api.database.base_tables import ANSWERS, RollupsDiffer, time_base_tables


@pytest.mark.parametrize(("name", "arguments"), ANSWERS.values(), ids=list(ANSWERS))
def test_base_tables_and_rollups_say_the_same_before_and_after_folding(
    pg: Any, name: str, arguments: str
) -> None:
    write_busy_book(pg)
    with pg.cursor() as cursor:
        # The story was told as the service; this is the owner's command.
        cursor.execute("RESET ROLE")
        for fold in (False, True):
            if fold:
                cursor.execute("SELECT api.fold_rollups(1000)")
            answers = []
            for kind in ("read", "compute"):
                cursor.execute(f"SELECT * FROM api.{kind}_{name}({arguments})")
                answers.append([tuple(row)[:-1] for row in cursor.fetchall()])
            assert answers[0] == answers[1]
            assert any(value for row in answers[0] for value in row if isinstance(value, int))


def test_a_rollup_that_is_off_is_named_when_the_base_tables_are_timed(
    fresh_database: Database,
) -> None:
    with fresh_database.connect() as connection:
        write_busy_book(connection)
    assert set(time_base_tables(fresh_database.owner_url, rounds=1)) == set(ANSWERS)
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT api.fold_rollups(1000)")
        cursor.execute("UPDATE transit.daily_totals SET trips = trips + 1")
    with pytest.raises(RollupsDiffer, match="trips/total"):
        time_base_tables(fresh_database.owner_url, rounds=1)
