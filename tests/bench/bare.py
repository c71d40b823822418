"""The yardstick of cached and simple reads: one aiohttp handler and nothing else, on uvloop."""

import ast
import asyncio
import sys

import uvloop
from aiohttp import web


async def serve(body: bytes, headers: dict[str, str]) -> None:
    """Answer every GET and POST with these bytes until terminated."""

    async def answer(request: web.Request) -> web.Response:
        if request.can_read_body:
            await request.read()
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    given_body, given_headers = ast.literal_eval(sys.stdin.readline())
    uvloop.run(serve(given_body, given_headers))
