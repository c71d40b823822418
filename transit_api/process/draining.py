"""What the application knows of its own end: a worker that stops is not ready any more."""

from aiohttp import web


class Draining:
    """True in `active` from the moment that this worker was asked to stop."""

    def __init__(self) -> None:
        self.active = False


DRAINING = web.AppKey("DRAINING", Draining)
