"""The servers that an address names, one at a time.

libpq tries them one after the other, on a new socket each, and aiopg goes on listening to the
first socket for ever. So what aiopg gets is one host and one of its addresses, and what to try
next is decided here.
"""

import asyncio
import itertools
import socket
from typing import Final

from psycopg2.extensions import parse_dsn

_SOCKET_PATH: Final = ("/", "@")


class Hosts:
    """Goes round the hosts of `dsn`, and round the addresses of each name."""

    def __init__(self, dsn: str) -> None:
        parts = parse_dsn(dsn) if dsn else {}
        hosts, addresses, ports = (
            parts.get(name, "").split(",") for name in ("host", "hostaddr", "port")
        )
        if len(ports) == 1:
            ports *= max(len(hosts), len(addresses))
        self._named = [
            {
                name: value
                for name, value in zip(("host", "hostaddr", "port"), one, strict=True)
                if value
            }
            for one in itertools.zip_longest(hosts, addresses, ports, fillvalue="")
        ]
        self._left: list[dict[str, str]] = []
        self.current: dict[str, str] | None = None
        self.count = len(self._named)

    async def choose(self) -> dict[str, str]:
        """What to add to the address: the same until `move_on`. OSError if no name is known."""
        if self.current is None:
            if not self._left:
                self._left = await self._resolve()
                self.count = len(self._left)
            # Somebody else may have chosen while we asked for the names.
            self.current = self.current or self._left.pop(0)
        return self.current

    def move_on(self) -> bool:
        """Have `choose` take the next one; False if there will never be another."""
        if len(self._named) == 1 and not _is_name(self._named[0]):
            return False
        self.current = None
        return True

    async def _resolve(self) -> list[dict[str, str]]:
        """Anew on each round: a name may lead to another server by then."""
        found: list[dict[str, str]] = []
        failure: OSError | None = None
        for one in self._named:
            try:
                found += await _addresses(one) if _is_name(one) else [one]
            except OSError as error:
                failure = error
        if failure and not found:
            raise failure
        return found


def _is_name(one: dict[str, str]) -> bool:
    return "hostaddr" not in one and not one.get("host", "/").startswith(_SOCKET_PATH)


async def _addresses(one: dict[str, str]) -> list[dict[str, str]]:
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(one["host"], None, type=socket.SOCK_STREAM)
    # The name stays: certificates and passwords belong to it.
    return [one | {"hostaddr": str(address[0])} for *_, address in answers]
