"""The sockets that the workers inherit."""

import socket

import pytest

from transit_api.process.processes import ProcessError
from transit_api.process.sockets import is_loopback, open_sockets, url_of


def close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def test_free_port_is_picked_and_named() -> None:
    sockets = open_sockets("127.0.0.1", 0)
    assert url_of(sockets) == f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    assert is_loopback(sockets)
    close(sockets)


def test_every_address_of_a_name_has_the_same_port() -> None:
    sockets = open_sockets("localhost", 0)
    assert len({one.getsockname()[1] for one in sockets}) == 1
    close(sockets)


def test_every_address_of_the_machine_is_not_loopback_and_opens_in_a_browser() -> None:
    sockets = open_sockets("0.0.0.0", 0)
    assert not is_loopback(sockets)
    assert url_of(sockets).startswith("http://127.0.0.1:")
    close(sockets)


def test_taken_port_is_refused_or_replaced_as_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ProcessError, match=f"port {port} of 127.0.0.1 is taken"):
            open_sockets("127.0.0.1", port)
        sockets = open_sockets("127.0.0.1", port, any_port_if_taken=True)
        assert sockets[0].getsockname()[1] != port
        close(sockets)


def test_address_of_every_ipv6_interface_is_one_that_answers() -> None:
    try:
        sockets = open_sockets("::", 0)
    except ProcessError:
        pytest.skip("this machine has no IPv6")
    try:
        assert url_of(sockets) == f"http://[::1]:{sockets[0].getsockname()[1]}"
        socket.create_connection(("::1", sockets[0].getsockname()[1]), timeout=5).close()
    finally:
        for one in sockets:
            one.close()
