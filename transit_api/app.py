"""The map: settings in, application out."""

from __future__ import annotations

from aiohttp import web

from transit_api.batching import batching_lifespan
from transit_api.cache import cache_lifespan
from transit_api.connections import CONNECTIONS, Connections
from transit_api.cors import CORS, Cors
from transit_api.db import database_lifespan
from transit_api.draining import DRAINING, Draining
from transit_api.handlers.documents import DOCUMENT, Document
from transit_api.logs import logs_lifespan
from transit_api.metrics import metrics_lifespan
from transit_api.middleware import answer_request
from transit_api.pace import pace_lifespan
from transit_api.protocol import answer_rubbish_as_problems
from transit_api.routes import CLOCK_ROUTES, ROUTES
from transit_api.settings import SETTINGS, Settings
from transit_api.upkeep import upkeep_lifespan

# Opened in this order, closed in the other: what waits in a line is answered before the pools go.
LIFESPANS = (
    metrics_lifespan,
    logs_lifespan,
    pace_lifespan,
    database_lifespan,
    cache_lifespan,
    batching_lifespan,
    upkeep_lifespan,
)


def make_app(settings: Settings) -> web.Application:
    """The whole service; it connects when it is first asked, so that making it cannot fail."""
    answer_rubbish_as_problems()
    app = web.Application(
        middlewares=[answer_request],
        client_max_size=settings.body_limit_bytes,
        # Packed bodies are refused: aiohttp would unpack a bomb to its end, read or not.
        handler_args={"auto_decompress": False},
    )
    app[SETTINGS] = settings
    app[DRAINING] = Draining()
    app[CONNECTIONS] = Connections(settings)
    app[CORS] = Cors(settings)
    routes = [*ROUTES, *CLOCK_ROUTES] if settings.simulated_clock else ROUTES
    app[DOCUMENT] = Document(routes)
    app.add_routes(routes)
    app.cleanup_ctx.extend(LIFESPANS)
    return app
