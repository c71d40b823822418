"""Which addresses of databases and caches are well formed; whether anybody answers is not asked."""

import re
from typing import Final
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import parse_dsn
from redis.asyncio.connection import parse_url

# libpq looks at these only when it connects, and its complaint reads like that of a server.
_WORDS: Final = {
    "sslmode": {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
    "target_session_attrs": {
        *("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
    },
}
_DATABASE_NUMBER: Final = re.compile(r"/?|/\d{1,6}", re.ASCII)


def is_database_address(text: str) -> bool:
    """Whether libpq could connect to it, as a URL or as `key=value` words."""
    try:
        parts = parse_dsn(text)
    except psycopg2.Error:
        return False
    ports = [port for port in parts.get("port", "").split(",") if port]
    hosts = parts.get("hostaddr", parts.get("host", "")).split(",")
    return (
        all(port.isdecimal() and 0 < int(port) < 65_536 for port in ports)
        and len(ports) in {0, 1, len(hosts)}
        and all(parts.get(name, next(iter(words))) in words for name, words in _WORDS.items())
    )


def is_cache_address(text: str) -> bool:
    """Whether it names a Redis by TCP, TLS or unix socket."""
    try:
        parse_url(text)
    except ValueError:
        return False
    scheme, _, path, *_ = urlsplit(text)
    # redis-py takes database 0 for a number that it cannot read, and no path for an empty one.
    return bool(path) if scheme == "unix" else bool(_DATABASE_NUMBER.fullmatch(path))
