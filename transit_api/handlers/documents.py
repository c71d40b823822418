"""/docs and /openapi.json: the surface described by itself, without the internet."""

from __future__ import annotations

import functools
import html
import mimetypes
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from transit_api.errors import REFUSALS
from transit_api.http.answers import encode
from transit_api.http.endpoint import Endpoint
from transit_api.http.openapi import SWAGGER_UI, TITLE, describe
from transit_api.schemas.documents import DocumentResponse


class Document:
    """What `routes` serve, described when somebody first asks: 0.1 s a start need not take."""

    def __init__(self, routes: Iterable[web.AbstractRouteDef]) -> None:
        self._routes = routes

    @functools.cached_property
    def body(self) -> bytes:
        """JSON."""
        return encode(describe(self._routes))


# Read once, here: a worker that root started may not look into our directories any more when
# somebody asks. The maps are for who changes Swagger UI, and six times as large as the rest.
FILES: Final = {
    file.name: file.read_bytes() for file in SWAGGER_UI.iterdir() if file.suffix != ".map"
}

DOCUMENT: Final = web.AppKey("DOCUMENT", Document)


def problem_rows() -> str:
    """One row a code, with the anchor that the `type` of its problems leads to."""
    return "\n".join(
        f'      <tr id="{code}"><td><code>{code}</code></td><td>{refusal.status}</td>'
        f"<td>{html.escape(refusal.detail)}</td><td>{', '.join(refusal.facts)}</td></tr>"
        for code, refusal in REFUSALS.items()
    )


PAGE: Final = f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{TITLE}</title>
  <link rel="stylesheet" href="/docs/static/swagger-ui.css">
  <link rel="icon" type="image/png" href="/docs/static/favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui"></div>
  <details>
    <summary>Problems: what each code of a refusal means</summary>
    <table>
      <tr><th>code</th><th>status</th><th>meaning</th><th>fields besides</th></tr>
{problem_rows()}
    </table>
  </details>
  <script src="/docs/static/swagger-ui-bundle.js"></script>
  <script>
    SwaggerUIBundle({{url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true}});
  </script>
</body>
</html>
"""


class StaticFiles(web.StaticResource):
    """The files of Swagger UI; one that is not there is a problem like everything else."""

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["filename"]
        if name not in FILES:
            raise web.HTTPNotFound
        kind, _ = mimetypes.guess_type(name)
        return web.Response(body=FILES[name], content_type=kind or "application/octet-stream")


class StaticRoutes(web.AbstractRouteDef):
    """Where those files are."""

    def register(self, router: web.UrlDispatcher) -> list[web.AbstractRoute]:
        """GET and HEAD."""
        files = StaticFiles("/docs/static", SWAGGER_UI)
        router.register_resource(files)
        return list(files)


static_files = StaticRoutes()


@Endpoint(
    summary="Read this document",
    tag="Operations",
    answer=DocumentResponse,
    uses_database=False,
)
async def read_openapi(request: web.Request) -> web.Response:
    """The OpenAPI 3 document."""
    return web.Response(body=request.app[DOCUMENT].body, content_type="application/json")


@Endpoint(
    summary="Read this document as a page",
    tag="Operations",
    description="Swagger UI, served by the service itself.",
    answer=None,
    media_type="text/html",
    uses_database=False,
)
async def show_docs(request: web.Request) -> web.Response:
    """Swagger UI."""
    return web.Response(text=PAGE, content_type="text/html")
