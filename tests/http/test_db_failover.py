"""A standby becomes the primary: the service follows by its address, and nobody restarts it."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.conftest import open_directory
from tests.http.conftest import FARE, City, Contract
from transit_api.app import make_app
from transit_api.database.migrate import migrate
from transit_api.local.embedded import Servers, start_embedded
from transit_api.local.postgresql import PostgreSQL, find_binaries, unprivileged_uid
from transit_api.process.processes import as_user
from transit_api.settings import Settings

BACK_WITHIN_S = 20.0


@dataclass
class Pair:
    """A primary with its standby."""

    servers: Servers
    standby: PostgreSQL

    def url(self, **more: str) -> str:
        """Both by one address, the standby first."""
        parts = parse_dsn(self.servers.database_url)
        parts["host"] = f"{self.standby.socket_directory},{parts['host']}"
        return make_dsn(**{**parts, **more})

    def promote(self) -> None:
        parts = parse_dsn(self.servers.owner_url) | {"host": str(self.standby.socket_directory)}
        connection = psycopg2.connect(make_dsn(**parts))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_promote()")
        connection.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with open_directory() as directory, start_embedded(directory / "data") as servers:
        migrate(servers.owner_url)
        standby = make_standby(servers, directory)
        standby.start()
        yield Pair(servers, standby)
        standby.stop()


def make_standby(servers: Servers, directory: Path) -> PostgreSQL:
    uid = unprivileged_uid()
    base, run = directory / "base", directory / "run"
    for folder in (base, run):
        folder.mkdir(mode=0o700)
        if uid is not None:
            os.chown(folder, uid, uid)
    command = [find_binaries(uid) / "pg_basebackup", f"--dbname={servers.owner_url}"]
    command += [f"--pgdata={base}", "--checkpoint=fast", "--write-recovery-conf"]
    subprocess.run(command, check=True, cwd=directory, **as_user(uid))
    return PostgreSQL(base, run, directory / "standby.log")


@pytest.mark.parametrize("attribute", ["primary", "read-write"])
async def test_service_follows_the_primary(
    pair: Pair, attribute: str, contract: Contract, aiohttp_client: Any
) -> None:
    settings = Settings(
        database_url=pair.url(target_session_attrs=attribute), redis_url=pair.servers.redis_url
    )
    city = City(await aiohttp_client(make_app(settings)), contract)
    card = await city.make_card(balance=20_000)
    assert (await city.tap(card["card_id"])).status == 201
    # In order: what was answered has reached the standby.
    pair.servers.postgresql.stop()
    assert (await city.tap(card["card_id"])).status == 503
    await asyncio.to_thread(pair.promote)
    async with asyncio.timeout(BACK_WITHIN_S):
        while (await city.tap(card["card_id"], key="after")).status == 503:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await city.balance(card["card_id"]) == (20_000 - 2 * FARE, 0)
