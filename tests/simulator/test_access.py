"""https and headers of one's own: what is trusted, what is refused, what every request carries."""

import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from simulator.__main__ import main
from simulator.access import OWN_HEADERS, Access, parse_header
from simulator.client import ApiClient, NoAnswer
from simulator.parallel import run_parallel
from simulator.session import run_here
from simulator.world import Unusable
from tests.conftest import skip_or_fail
from tests.simulator.conftest import short_rush_hour
from tests.simulator.fake_service import FakeService

Serve = Callable[..., Awaitable[Any]]
TOKEN = ("Authorization", "Bearer t0ken")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that is its own authority, with its key in one file."""
    if shutil.which("openssl") is None:
        skip_or_fail("openssl", "OpenSSL's command")
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder / "ca.pem"


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


@web.middleware
async def only_with_the_token(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A gateway that lets nothing else in."""
    if request.headers.get(TOKEN[0]) != TOKEN[1]:
        return web.Response(status=401)
    return await handler(request)


async def test_a_run_over_https_with_a_private_authority_and_a_token(
    aiohttp_server: Serve, certificate: Path, tls: ssl.SSLContext
) -> None:
    server = await aiohttp_server(FakeService().app(only_with_the_token), ssl=tls)
    access = Access(certificate, (TOKEN,))
    url = f"https://127.0.0.1:{server.port}"
    result = await run_here(url, short_rush_hour(), access=access)
    assert result.books_agree
    assert not result.failed


async def test_workers_get_in_as_their_parent_does(
    aiohttp_server: Serve, certificate: Path, tls: ssl.SSLContext
) -> None:
    server = await aiohttp_server(FakeService().app(only_with_the_token), ssl=tls)
    url, access = f"https://127.0.0.1:{server.port}", Access(certificate, (TOKEN,))
    result = await run_parallel(url, short_rush_hour(), 2, access=access)
    assert result.books_agree
    with pytest.raises(Unusable, match="401"):
        await run_parallel(url, short_rush_hour(), 2, access=Access(certificate))


async def test_an_authority_that_is_not_trusted_is_no_answer(
    aiohttp_server: Serve, tls: ssl.SSLContext
) -> None:
    server = await aiohttp_server(FakeService().app(), ssl=tls)
    client = ApiClient(f"https://127.0.0.1:{server.port}")
    with pytest.raises(NoAnswer, match=r"no TLS with 127\.0\.0\.1.*self-signed certificate"):
        await client.request("GET", "/health/ready")


async def test_a_certificate_of_another_name_is_no_answer(
    aiohttp_server: Serve, certificate: Path, tls: ssl.SSLContext
) -> None:
    server = await aiohttp_server(FakeService().app(), ssl=tls)
    client = ApiClient(f"https://localhost:{server.port}", access=Access(certificate))
    with pytest.raises(NoAnswer, match=r"no TLS.*Hostname mismatch"):
        await client.request("GET", "/health/ready")


async def test_plain_http_behind_https_is_no_answer(aiohttp_server: Serve) -> None:
    server = await aiohttp_server(FakeService().app())
    with pytest.raises(NoAnswer, match="no TLS"):
        await ApiClient(f"https://127.0.0.1:{server.port}").request("GET", "/health/ready")


def test_a_header_is_a_name_and_a_value() -> None:
    assert parse_header("Authorization: Bearer a:b") == ("Authorization", "Bearer a:b")
    assert parse_header("X-Empty:") == ("X-Empty", "")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization", ": value", "Two Words: value", "A: b\r\nX-Evil: 1", "A: b\nc", "A\r\n: b",
        "A: caf\u00e9", "A: \x00", *(f"{name.title()}: 1" for name in sorted(OWN_HEADERS)),
    ],
)  # fmt: skip
def test_a_header_that_would_break_the_request_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--header"):
        parse_header(text)


@pytest.mark.parametrize("command", [["run", "rush-hour"], ["day"], ["latency"]])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--header", "Authorization: secret\r\nX: y"], "--header Authorization: the value"),
        (["--header", "secret"], "--header does not parse"),
        (["--header", "Content-Length: 5"], "the client sends this one itself"),
        (["--ca", "/nowhere.pem", "--url", "https://localhost"], "--ca /nowhere.pem"),
        (["--ca", __file__, "--url", "https://localhost"], "no certificates in PEM"),
        (["--ca", __file__, "--url", "http://localhost"], "is for an https:// address"),
        (["--url", "https://user:secret@localhost"], "credentials go into --header"),
        (["--url", "https://127.0.0.1:9"], "does not accept connections"),
    ],
)
def test_every_command_refuses_a_wrong_way_in_and_repeats_no_secret(
    command: list[str], arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *arguments]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert "secret" not in complaint
    assert complaint.count("\n") == 1


def test_an_address_of_version_6_is_bracketed() -> None:
    data = ApiClient("http://[::1]:8000").encode("GET", "/", None, None)
    assert b"Host: [::1]:8000\r\n" in data
