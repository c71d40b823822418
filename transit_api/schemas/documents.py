"""The OpenAPI document, as far as it can describe itself."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import Text
from transit_api.schemas.strict import ResponseSchema


class DocumentResponse(ResponseSchema):
    """An OpenAPI 3 document."""

    openapi = Text(20)
    info = fields.Dict()
    servers = fields.List(fields.Dict())
    tags = fields.List(fields.Dict())
    security = fields.List(fields.Dict())
    paths = fields.Dict()
    components = fields.Dict()

    example = {
        "openapi": "3.0.3",
        "info": {"title": "Transit fare-card back office", "version": "1.0.0"},
        "servers": [{"url": "/"}],
        "tags": [{"name": "Cards"}],
        "security": [],
        "paths": {},
        "components": {},
    }
