"""A standby becomes the primary: the service follows by its address, and nobody restarts it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.conftest import open_directory, with_password
from tests.http.conftest import FARE, City, Contract
from transit_api.app import make_app
from transit_api.database.migrate import migrate
from transit_api.local.embedded import Servers, start_embedded
from transit_api.local.embedded_roles import SUPERUSER
from transit_api.local.postgresql import PostgreSQL
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
        superuser = self.servers.postgresql.url(SUPERUSER)
        parts = parse_dsn(superuser) | {"host": str(self.standby.socket_directory)}
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
    # It runs as the primary does, and may not read the files of passwords that are ours.
    uid, binaries = servers.postgresql.uid, servers.postgresql.binaries
    assert binaries is not None
    base, run = directory / "base", directory / "run"
    for folder in (base, run):
        folder.mkdir(mode=0o700)
        if uid is not None:
            os.chown(folder, uid, uid)
    url = with_password(servers.postgresql.url(SUPERUSER))
    command = [binaries / "pg_basebackup", f"--dbname={url}"]
    command += [f"--pgdata={base}", "--checkpoint=fast", "--write-recovery-conf"]
    subprocess.run(command, check=True, cwd=directory, **as_user(uid))
    # Its roles have the passwords of the primary.
    for passwords in servers.data.glob("*.pgpass"):
        shutil.copy2(passwords, directory)
    return PostgreSQL(base, run, directory / "standby.log", uid=uid, binaries=binaries)


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
