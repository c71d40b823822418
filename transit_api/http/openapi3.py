"""Swagger 2.0, as aiohttp-apispec collects it, turned into OpenAPI 3.0: one pure function."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

JSON: Final = "application/json"
# A generator makes an integer of 32 bits of what has no format.
LARGEST_INT32: Final = 2**31 - 1
# What Swagger 2.0 writes beside a parameter or header, OpenAPI 3 writes into its schema.
_PLAIN_KEYS: Final = frozenset({"name", "in", "required", "description"})
# Of Swagger 2.0's operation, told otherwise in OpenAPI 3; the last one is our own.
_GONE: Final = frozenset({"parameters", "responses", "produces", "consumes", "x-examples"})


def to_openapi3(swagger: Json, media_types: dict[str, str]) -> Json:
    """An OpenAPI 3.0.3 document.

    `media_types` names the schemas that are answered as something else than the operation
    produces. An operation's `x-examples`, keyed by status (and `request`), become examples.
    """
    asked = _requests(swagger)
    return {
        "openapi": "3.0.3",
        "info": swagger["info"],
        "servers": [{"url": "/", "description": "The service that answered this document."}],
        "security": [],
        "tags": swagger["tags"],
        "paths": {
            path: {
                method: _operation(operation, media_types)
                for method, operation in operations.items()
            }
            for path, operations in swagger["paths"].items()
        },
        "components": {
            "schemas": {
                name: _schema(schema if name in asked else _opened(schema))
                for name, schema in swagger["definitions"].items()
            }
        },
    }


def _requests(swagger: Json) -> set[str]:
    """The names of the schemas that a body is read by."""
    found: set[str] = set()
    waiting = [
        parameter["schema"]
        for operations in swagger["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "body"
    ]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(swagger["definitions"][name])
    return found


def _opened(schema: Json) -> Json:
    """A later release may answer more fields: a client that is generated now must bear them."""
    return {key: value for key, value in schema.items() if key != "additionalProperties"}


def _operation(operation: Json, media_types: dict[str, str]) -> Json:
    examples = operation.get("x-examples", {})
    parameters = operation.get("parameters", [])
    turned = {key: value for key, value in operation.items() if key not in _GONE}
    turned["parameters"] = [_parameter(p) for p in parameters if p["in"] != "body"]
    for body in parameters:
        if body["in"] == "body":
            content = {"schema": _schema(body["schema"]), "examples": examples["request"]}
            turned["requestBody"] = {"required": True, "content": {JSON: content}}
    (produced,) = operation["produces"]
    turned["responses"] = {
        status: _response(status, response, produced, media_types, examples.get(status))
        for status, response in operation["responses"].items()
    }
    return turned


def _parameter(parameter: Json) -> Json:
    schema = {key: value for key, value in parameter.items() if key not in _PLAIN_KEYS}
    schema.pop("collectionFormat", None)
    # A query parameter is absent or it is there; null is not a spelling of it.
    schema.pop("x-nullable", None)
    if "enum" in schema:
        schema["enum"] = [word for word in schema["enum"] if word is not None]
    kept = {key: value for key, value in parameter.items() if key in _PLAIN_KEYS}
    return {**kept, "schema": _schema(schema)}


def _response(
    status: str,
    response: Json,
    produced: str,
    media_types: dict[str, str],
    examples: Json | None,
) -> Json:
    turned: Json = {"description": response["description"], "headers": {}}
    for name, header in response.get("headers", {}).items():
        turned["headers"][name] = _parameter(header)
    if "schema" in response:
        named = response["schema"].get("$ref", "").rpartition("/")[2]
        content: Json = {"schema": _schema(response["schema"])}
        if examples:
            content["examples"] = examples
        turned["content"] = {media_types.get(named, produced): content}
    elif produced != JSON and status == "200":
        turned["content"] = {produced: {"schema": {"type": "string"}}}
    return turned


def _schema(schema: Any) -> Any:
    """References to where OpenAPI 3 keeps them, null in its words, and the size of integers.

    A default of null says no more than that the field may be absent, and generators trip over it.
    """
    if isinstance(schema, list):
        return [_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    turned: Json = {}
    for key, value in schema.items():
        if key == "$ref":
            turned[key] = value.replace("#/definitions/", "#/components/schemas/")
        elif key == "x-nullable":
            turned["nullable"] = value
        elif key == "default" and value is None:
            continue
        else:
            # Examples and defaults are data, not schemas.
            turned[key] = value if key in ("example", "default") else _schema(value)
    if turned.get("type") == "integer" and turned.get("maximum", 0) >= LARGEST_INT32:
        turned["format"] = "int64"
    return turned
