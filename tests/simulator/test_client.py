"""The HTTP client against small servers: bodies of each kind, broken connections, lost answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from simulator.client import ApiClient, NoAnswer, join_chunks

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Serves bytes written by hand; answers the address."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> str:
        servers.append(await asyncio.start_server(handler, "127.0.0.1", 0))
        host, port = servers[-1].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    yield start
    for server in servers:
        server.close()


def answering(*pieces: bytes, close: bool = False) -> Handler:
    """Answers every request with these pieces, each sent on its own."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while await reader.readline() not in (b"\r\n", b""):
                pass
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if close:
                break
        writer.close()

    return handle


async def test_json_goes_both_ways_on_one_connection(aiohttp_server: object) -> None:
    peers = set()

    async def echo(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response(await request.json(), headers={"X-Cache": "HIT"})

    app = web.Application()
    app.router.add_post("/echo", echo)
    server = await aiohttp_server(app)  # type: ignore[operator]
    client = ApiClient(f"http://127.0.0.1:{server.port}", connections=1)
    for number in range(3):
        answer = await client.request("POST", "/echo", {"n": number})
        assert answer.status == 200
        assert answer.json() == {"n": number}
        assert answer.header("x-cache") == "HIT"
        assert answer.header("Age") is None
    assert len(peers) == 1
    client.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", b'{"a"', b":1}"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n",
         b'{"a\r\n4;x=y\r\n":1}\r\n0', b"\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", b'content-length: 7\r\n\r\n{"a":1}'),
    ],
)  # fmt: skip
async def test_bodies_arrive_whole_in_whatever_pieces(
    raw_server: Callable[[Handler], Awaitable[str]], pieces: tuple[bytes, ...]
) -> None:
    client = ApiClient(await raw_server(answering(*pieces)))
    for _ in range(2):
        assert (await client.request("GET", "/")).json() == {"a": 1}
    client.close()


async def test_a_body_without_length_ends_with_its_connection(
    raw_server: Callable[[Handler], Awaitable[str]],
) -> None:
    client = ApiClient(await raw_server(answering(b"HTTP/1.1 200 OK\r\n\r\n[1]", close=True)))
    for _ in range(2):
        assert (await client.request("GET", "/")).body == b"[1]"
    client.close()


async def test_an_answer_without_body_leaves_the_connection_usable(
    raw_server: Callable[[Handler], Awaitable[str]],
) -> None:
    client = ApiClient(await raw_server(answering(b"HTTP/1.1 204 No Content\r\n\r\n")))
    for _ in range(2):
        assert (await client.request("DELETE", "/")).status == 204
    client.close()


async def test_a_connection_that_the_service_gives_up_is_not_used_again(
    raw_server: Callable[[Handler], Awaitable[str]],
) -> None:
    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        # It is open a while longer, and deaf.
        await reader.read()
        writer.close()

    client = ApiClient(await raw_server(answer_once), timeout_s=5)
    for _ in range(2):
        assert (await client.request("GET", "/")).status == 200
    client.close()


async def test_a_broken_connection_is_no_answer(
    raw_server: Callable[[Handler], Awaitable[str]],
) -> None:
    half = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", close=True)
    client = ApiClient(await raw_server(half))
    with pytest.raises(NoAnswer, match="broke"):
        await client.request("GET", "/")
    client.close()


async def test_connection_that_broke_before_the_request_is_no_answer(
    raw_server: Callable[[Handler], Awaitable[str]],
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    client = ApiClient(await raw_server(hang_up))
    connection = await client._connect()
    while not connection.closing:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    with pytest.raises(NoAnswer, match="broke"):
        await client._exchange(connection, b"GET / HTTP/1.1\r\n\r\n", lose_answer=False)
    client.close()


async def test_silence_is_no_answer_in_time(
    raw_server: Callable[[Handler], Awaitable[str]],
) -> None:
    client = ApiClient(await raw_server(answering(b"HTTP/1.1")), timeout_s=0.05)
    with pytest.raises(NoAnswer, match="in time"):
        await client.request("GET", "/")
    client.close()


async def test_rubbish_is_no_answer(raw_server: Callable[[Handler], Awaitable[str]]) -> None:
    client = ApiClient(await raw_server(answering(b"SSH-2.0-OpenSSH\r\n\r\n")))
    with pytest.raises(NoAnswer, match="not HTTP"):
        await client.request("GET", "/")
    client.close()


async def test_nobody_there_is_no_answer(unused_tcp_port: int) -> None:
    with pytest.raises(NoAnswer, match="does not accept"):
        await ApiClient(f"http://127.0.0.1:{unused_tcp_port}").request("GET", "/")


async def test_a_lost_answer_still_reaches_the_server(aiohttp_server: object) -> None:
    seen = asyncio.Event()

    async def note(request: web.Request) -> web.Response:
        seen.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", note)
    server = await aiohttp_server(app)  # type: ignore[operator]
    client = ApiClient(f"http://127.0.0.1:{server.port}")
    with pytest.raises(NoAnswer, match="on purpose"):
        await client.request("POST", "/", {}, lose_answer=True)
    await asyncio.wait_for(seen.wait(), 5)
    client.close()


async def test_requests_beyond_the_connections_wait_their_turn(aiohttp_server: object) -> None:
    at_once = most = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.005)
        at_once -= 1
        return web.Response()

    app = web.Application()
    app.router.add_get("/", slow)
    server = await aiohttp_server(app)  # type: ignore[operator]
    client = ApiClient(f"http://127.0.0.1:{server.port}", connections=3)
    answers = await asyncio.gather(*(client.request("GET", "/") for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert most == 3
    client.close()


def test_chunks_wait_for_their_end() -> None:
    assert join_chunks(bytearray(b"2\r\nab\r\n")) is None
    assert join_chunks(bytearray(b"2\r\nab\r\n0\r\n")) is None
    assert join_chunks(bytearray(b"2\r\nab\r\n0\r\nTrailer: x\r\n\r\n")) == b"ab"


def test_only_http_addresses_are_taken() -> None:
    with pytest.raises(ValueError, match="not an http"):
        ApiClient("localhost:8000")
