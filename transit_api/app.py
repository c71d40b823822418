"""The map: settings in, application out."""

from __future__ import annotations

from aiohttp import web

from transit_api.cache.cache import cache_lifespan
from transit_api.database.batching import batching_lifespan
from transit_api.database.pools import database_lifespan
from transit_api.handlers.documents import DOCUMENT, Document
from transit_api.handlers.operations import WANTED_PARTS, wanted_parts
from transit_api.http.aiohttp_errors import answer_rubbish_as_problems
from transit_api.http.connections import CONNECTIONS, Connections
from transit_api.http.cors import CORS, Cors
from transit_api.http.large_bodies import LARGE_BODIES, LargeBodies
from transit_api.http.middleware import answer_request
from transit_api.observe.logs import logs_lifespan
from transit_api.observe.metrics import metrics_lifespan
from transit_api.process.draining import DRAINING, Draining
from transit_api.process.pace import pace_lifespan
from transit_api.process.upkeep import upkeep_lifespan
from transit_api.routes import CLOCK_ROUTES, ROUTES
from transit_api.settings import SETTINGS, Settings

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
    app[LARGE_BODIES] = LargeBodies()
    app[CORS] = Cors(settings)
    routes = [*ROUTES, *CLOCK_ROUTES] if settings.simulated_clock else ROUTES
    app[DOCUMENT] = Document(routes)
    app[WANTED_PARTS] = wanted_parts()
    app.add_routes(routes)
    app.cleanup_ctx.extend(LIFESPANS)
    return app
