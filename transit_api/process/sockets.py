"""The sockets that the parent opens once and every worker inherits."""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from transit_api.process.processes import ProcessError

BACKLOG = 1024
# A client that takes nothing of its answer for so long is gone: nothing else would ever end it.
UNREAD_LIMIT_MS = 30_000


def open_sockets(host: str, port: int, *, any_port_if_taken: bool = False) -> list[socket.socket]:
    """A listening socket per address of `host`, all on one port; ProcessError says why not."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ProcessError(f"cannot listen on {host}: {error.strerror}") from error
    try:
        return _open_all(addresses, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and any_port_if_taken:
            return _open_all(addresses, 0)
        raise ProcessError(_reason(host, port, error)) from error


def url_of(sockets: list[socket.socket]) -> str:
    """Where a browser on this machine finds the service."""
    host, port = sockets[0].getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(sockets: list[socket.socket]) -> bool:
    """Whether only this machine can reach them."""
    return all(ipaddress.ip_address(one.getsockname()[0]).is_loopback for one in sockets)


def _open_all(addresses: Sequence[tuple[Any, ...]], port: int) -> list[socket.socket]:
    opened: list[socket.socket] = []
    try:
        for family, *_, address in addresses:
            one = socket.socket(family, socket.SOCK_STREAM)
            opened.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # Linux; what it accepts inherits it.
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_LIMIT_MS)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # With port 0 the kernel picks one for the first address, and the others follow it.
            one.bind((address[0], port))
            one.listen(BACKLOG)
            port = one.getsockname()[1]
    except OSError:
        for one in opened:
            one.close()
        raise
    return opened


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken; choose another with --port (0 picks a free one)"
    return f"cannot listen on port {port} of {host}: {error.strerror}"
