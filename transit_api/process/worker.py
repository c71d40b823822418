"""One worker: the application on sockets that its parent opened, until it is asked to stop."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable

import uvloop
from aiohttp import web

from transit_api.app import make_app
from transit_api.http.connections import CONNECTIONS, KEEP_ALIVE_S, Connections, raise_file_limit
from transit_api.observe.logs import configure_logging
from transit_api.process.draining import DRAINING
from transit_api.process.own_user import become
from transit_api.process.processes import die_with_parent
from transit_api.settings import Settings, read_settings

POLL_S = 0.02
# New objects, and collections of the younger generations, before the next collection.
COLLECT_AFTER = (20_000, 20, 20)


async def serve(
    settings: Settings, app: web.Application, sockets: list[socket.socket], ready_fd: int
) -> None:
    """Answer requests; at SIGTERM or SIGINT drain, finish and return, in bounded time."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        app,
        # The application writes its own line per request, off the hot path.
        access_log=None,
        keepalive_timeout=KEEP_ALIVE_S,
        shutdown_timeout=settings.drain_seconds,
    )
    await runner.setup()
    server, connections = runner.server, app[CONNECTIONS]
    assert server is not None
    asyncio.get_running_loop().set_exception_handler(connections.on_loop_error)
    try:
        await connections.listen(server, sockets)
        watch = asyncio.create_task(connections.watch(server))
        # What was made until here lives as long as the worker: no collection needs to look at it.
        gc.collect()
        gc.freeze()
        # Requests leave few cycles: looking for them at every 700 objects costs more than they do.
        gc.set_threshold(*COLLECT_AFTER)
        os.write(ready_fd, b"ready\n")
        os.close(ready_fd)
        await stop.wait()
        app[DRAINING].active = True
        watch.cancel()
        await _drain(server, connections, settings)
    finally:
        await runner.cleanup()


async def _drain(server: web.Server, connections: Connections, settings: Settings) -> None:
    """Wait until the requests that were sent to us have their answers.

    For a grace period connections are still taken and idle ones kept, so that a balancer sees
    us go and a request that is on its way is answered; each answer closes its connection.
    """
    await _wait_while(lambda: bool(server.connections), settings.idle_grace_seconds)
    connections.stop_listening()
    # aiohttp's own shutdown drops the rest of a body that is still arriving, so it comes after.
    await _wait_while(lambda: any(map(_is_busy, server.connections)), settings.drain_seconds)


async def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    # aiohttp has no event for the end of a connection, so this has to look.
    while condition() and clock() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


def _is_busy(connection: web.RequestHandler) -> bool:
    # aiohttp has no public word for "a request is being read or answered".
    return connection._current_request is not None or bool(connection._messages)


def main() -> None:
    """Started by the parent: who to be, the numbers of its sockets and, last, of the ready pipe."""
    words = sys.argv[1:]
    uid = int(words.pop(0).removeprefix("--uid=")) if words[0].startswith("--uid=") else None
    *numbers, ready_fd = (int(word) for word in words)
    # Its parent stops it; Ctrl-C is for the parent alone.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sockets = [socket.socket(fileno=number) for number in numbers]
    settings = read_settings()
    # What it reads of our own files it reads here: afterwards they may be closed to it.
    app = make_app(settings)
    if uid is not None:
        become(uid)
        # The kernel forgets this with the user.
        die_with_parent(signal.SIGTERM)
    configure_logging(settings)
    raise_file_limit()
    uvloop.run(serve(settings, app, sockets, ready_fd))


if __name__ == "__main__":
    main()
