"""What the application knows of its own end: a worker that stops is not ready any more."""

from aiohttp import web


class Draining:
    """True in `active` from the moment that this worker was asked to stop."""

    def __init__(self) -> None:
        self.active = False


# Set by the worker; absent in tests that run the application without one.
DRAINING = web.AppKey("DRAINING", Draining)


def is_draining(request: web.Request) -> bool:
    """Whether readiness should say no."""
    state = request.config_dict.get(DRAINING)
    return state is not None and state.active


async def close_while_draining(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the client to come back on another connection, which another worker will take."""
    if is_draining(request):
        response.headers["Connection"] = "close"
        response.force_close()
