"""How a client gets in: the authority whose certificates it trusts, the headers that it shows."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

# What stands in a header's name and value (RFC 9110); a line break in one would begin another.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
# The client's own: two of them, or one that promises what it does not do, break every request.
OWN_HEADERS = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type",
        "expect", "host", "if-none-match", "idempotency-key", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """Without `ca` the system's authorities are trusted; the headers go with every request."""

    ca: Path | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def tls(self) -> ssl.SSLContext:
        """Certificates and names are always checked; ValueError where `ca` holds no certificate."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ValueError) as error:
            why = "no certificates in PEM" if isinstance(error, ssl.SSLError) else error
            raise ValueError(f"--ca {self.ca}: {why}") from error
        context.set_alpn_protocols(["http/1.1"])
        return context

    def lines(self) -> str:
        """The headers as they are sent."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.headers)


ANYBODY = Access()


def parse_header(text: str) -> tuple[str, str]:
    """`Name: value`, or ValueError; the value is not repeated, it may be a secret."""
    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not colon or not _NAME.fullmatch(name):
        raise ValueError("--header does not parse: write it like 'Authorization: Bearer ...'")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"--header {name}: the value has a line break or is not plain ASCII")
    if name.lower() in OWN_HEADERS:
        raise ValueError(f"--header {name}: the client sends this one itself")
    return name, value
