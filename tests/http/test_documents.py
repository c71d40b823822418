"""The document, held against the router, the table of errors and itself."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from tests.http.conftest import City, Contract
from transit_api.app import make_app
from transit_api.errors import REFUSALS, Problem, problem_body
from transit_api.handlers.documents import DOCUMENT
from transit_api.http.endpoint import contract_of
from transit_api.settings import Settings


@pytest.fixture(scope="session")
def document(contract: Contract) -> Any:
    return contract.document


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_document_is_valid_openapi(document: Any) -> None:
    assert document["openapi"].startswith("3.")
    validate(document)


@pytest.mark.parametrize("simulated", [False, True])
def test_document_names_every_route_and_no_other(simulated: bool) -> None:
    app = make_app(Settings(simulated_clock=simulated))
    routed = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD"
        and route.resource is not None
        and not isinstance(route.resource, web.StaticResource)
    }
    served = json.loads(app[DOCUMENT].body)
    assert {(method, path) for method, path, _ in operations(served)} == routed
    assert ("/api/v1/clock" in served["paths"]) is simulated


def test_every_route_has_a_contract() -> None:
    for route in make_app(Settings(simulated_clock=True)).router.routes():
        if not isinstance(route.resource, web.StaticResource):
            assert contract_of(route.handler) is not None, route


def test_every_operation_is_told_in_full(document: Any) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(document):
        assert operation["summary"]
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == {piece[1:-1] for piece in path.split("/") if piece.startswith("{")}
        if "requestBody" in operation:
            assert method in ("PATCH", "POST", "PUT")
            assert operation["requestBody"]["required"] is True
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"], (path, status)


def test_every_answer_has_an_example_that_fits_its_schema(document: Any) -> None:
    checked = 0
    for method, path, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in [*bodies, *operation["responses"].values()]:
            for media_type, content in body.get("content", {}).items():
                if media_type == "text/plain" or path in ("/openapi.json", "/docs"):
                    continue
                assert content.get("examples"), (method, path)
                schema = {**content["schema"], "components": document["components"]}
                for example in content["examples"].values():
                    OAS30Validator(schema).validate(example["value"])
                    checked += 1
    assert checked > 300


def test_every_error_code_is_in_the_document_and_in_a_test(document: Any) -> None:
    told = document["info"]["description"]
    named = "".join(path.read_text() for path in Path(__file__).parent.parent.rglob("test_*.py"))
    for code in REFUSALS:
        assert f"`{code}`" in told
        assert (
            code
            in document["components"]["schemas"]["ProblemResponse"]["properties"]["code"]["enum"]
        )
        assert code in named


def test_document_says_what_to_do_with_an_answer_that_is_not_the_services(document: Any) -> None:
    told = document["info"]["description"]
    (paragraph,) = [part for part in told.split("\n\n") if "Answers that are not ours" in part]
    for word in ("`X-Request-ID`", "502", "504", "HTML", "`Idempotency-Key`", "may have been"):
        assert word in paragraph, word


async def test_clock_is_told_where_it_is_served(simulated_city: City) -> None:
    assert "/api/v1/clock" in (await simulated_city.get("/openapi.json")).body["paths"]
    assert (await simulated_city.get("clock")).status == 200


async def test_clock_is_not_told_where_there_is_none_not_found(city: City) -> None:
    assert "/api/v1/clock" not in (await city.get("/openapi.json")).body["paths"]
    assert (await city.get("clock")).status == 404


async def test_document_and_its_page_are_served_without_the_internet(
    simulated_city: City, document: Any
) -> None:
    city = simulated_city
    served = await city.get("/openapi.json")
    assert (served.status, served.body) == (200, document)
    page = await city.get("/docs")
    assert page.status == 200
    assert "http" not in page.body.replace("https://example", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"):
        assert f"/docs/static/{name}" in page.body
        static = await city.ask("HEAD", f"/docs/static/{name}")
        assert static.status == 200


def test_document_serves_generators(document: Any) -> None:
    def parts(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            yield node
        for part in node.values() if isinstance(node, dict) else node:
            if isinstance(part, dict | list):
                yield from parts(part)

    for part in parts(document["components"]["schemas"]):
        assert part.get("default", 0) is not None, part
        if part.get("type") == "integer":
            assert (part.get("format") == "int64") is (part["maximum"] >= 2**31 - 1), part
    for _, path, operation in operations(document):
        for parameter in operation["parameters"]:
            assert None not in parameter["schema"].get("enum", []), (path, parameter)
            assert parameter["schema"].get("default", 0) is not None


def test_requests_are_strict_and_answers_open_for_new_fields(document: Any) -> None:
    schemas = document["components"]["schemas"]
    closed = {name for name, schema in schemas.items() if "additionalProperties" in schema}
    asked = {name for name in schemas if re.search("Request$|Element$|Changes$", name)}
    assert closed == asked
    assert {schemas[name]["additionalProperties"] for name in closed} == {False}


def test_every_tag_is_described(document: Any) -> None:
    assert all(tag["description"] for tag in document["tags"])
    assert {tag["name"] for tag in document["tags"]} == {
        tag for _, _, operation in operations(document) for tag in operation["tags"]
    }


async def test_type_of_a_problem_leads_to_its_row(city: City) -> None:
    page = (await city.get("/docs")).body
    for code in REFUSALS:
        path, _, anchor = problem_body(Problem(code), "1")["type"].partition("#")
        assert path == "/docs"
        assert page.count(f'id="{anchor}"') == 1


TOOLS = ("@redocly/cli@2", "@stoplight/spectral-cli@6")


@pytest.fixture(scope="module")
def linters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the linters' programs, brought by npm where TRANSIT_TEST_NPM asks for them."""
    if not os.environ.get("TRANSIT_TEST_NPM"):
        pytest.skip("redocly and spectral: TRANSIT_TEST_NPM=1 lets npm bring them")
    npm = shutil.which("npm")
    assert npm, "TRANSIT_TEST_NPM asks for npm, and there is none"
    folder = tmp_path_factory.mktemp("linters")
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *TOOLS]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=240)
    return folder / "node_modules" / ".bin"


def test_linters_of_documents_find_no_error(document: Any, linters: Path, tmp_path: Path) -> None:
    file, rules = tmp_path / "openapi.json", tmp_path / "rules.yaml"
    file.write_text(json.dumps(document))
    rules.write_text('extends: ["spectral:oas"]\n')
    for command in (
        ["redocly", "lint", str(file)],
        ["spectral", "lint", str(file), "--ruleset", str(rules), "--fail-severity", "error"],
    ):
        environment = {**os.environ, "REDOCLY_TELEMETRY": "off"}
        told = subprocess.run(
            [str(linters / command[0]), *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr
