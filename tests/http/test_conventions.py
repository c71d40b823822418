"""What holds for every endpoint: ids, bodies, errors, headers, pages."""

import asyncio
import gzip
import io
import json
import re
from typing import Any

from aiohttp.test_utils import TestClient

from tests.http.conftest import UNKNOWN_ID, City
from transit_api.app import make_app
from transit_api.database.pools import DB
from transit_api.http import validation
from transit_api.settings import Settings

JSON = {"Content-Type": "application/json"}


async def send(city: City, data: bytes | None, **headers: str) -> Any:
    """A raw body to the recharge endpoint, answered and checked against the document."""
    raw = None if data is None else io.BytesIO(data)
    return await city.post("cards/recharge", data=raw, headers=headers)


async def test_unknown_path_is_a_problem_not_found(city: City) -> None:
    for path in (
        "/",
        "/docs/static/",
        "/docs/static/../x",
        "/api",
        "/api/v1",
        "cardz",
        "cards/1/balances",
        "trips/",
        "/api/v2/cards",
    ):
        answer = await city.get(path)
        assert (answer.status, answer.code) == (404, "not_found")


async def test_wrong_method_names_the_right_ones_method_not_allowed(city: City) -> None:
    for method, path, allowed in [
        ("DELETE", "cards", {"GET", "HEAD", "POST"}),
        ("GET", "cards/recharge", {"POST"}),
        ("GET", "trips/start", {"POST"}),
        ("POST", "cards/deny-list", {"GET", "HEAD"}),
        ("PUT", "cards/1", {"GET", "HEAD"}),
        ("PATCH", "users", {"POST"}),
        ("POST", "/health", {"GET", "HEAD"}),
    ]:
        answer = await city.ask(method, path)
        assert (answer.status, answer.code) == (405, "method_not_allowed"), path
        assert set(answer.headers["Allow"].split(",")) == allowed


async def test_bad_id_in_a_path_is_a_client_error(city: City) -> None:
    for thing in ("cards", "users", "trips", "stations", "routes"):
        for bad in ("0", "-1", "abc", "1.5", "1e3", "9007199254740992", "9" * 40, "%00", "１"):
            answer = await city.get(f"{thing}/{bad}")
            assert answer.status in (404, 422), (thing, bad)


async def test_head_answers_like_get_without_a_body(city: City) -> None:
    answer = await city.ask("HEAD", "stations/1")
    assert (answer.status, answer.body) == (200, "")
    assert (await city.ask("HEAD", f"stations/{UNKNOWN_ID}")).status == 404


async def test_body_that_is_not_json_is_refused_malformed_json(city: City) -> None:
    for body in (b"", b"{", b"{]", b"nonsense", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000,
                 b"{'a': 1}", b'{"a": 1} {"b": 2}'):  # fmt: skip
        answer = await send(city, body, **JSON)
        assert (answer.status, answer.code) == (400, "malformed_json"), body[:20]


async def test_body_that_is_not_an_object_is_refused_validation_error(city: City) -> None:
    for body in (b"[]", b"5", b'"text"', b"null", b"true"):
        answer = await send(city, body, **JSON)
        assert (answer.status, answer.code) == (422, "validation_error")


async def test_wrong_content_type_is_refused_unsupported_media_type(city: City) -> None:
    body = b'{"card_id": 1, "amount": 1000}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp",
                 "application/json; charset=latin-1", "application/problem+json"):  # fmt: skip
        answer = await send(city, body, **{"Content-Type": kind})
        assert (answer.status, answer.code) == (415, "unsupported_media_type"), kind
    for kind in ("application/json", "Application/JSON", 'application/json; charset="UTF-8"'):
        assert (await send(city, body, **{"Content-Type": kind})).status == 404, kind


async def test_body_without_a_content_type_is_refused_unsupported_media_type(
    city: City, api: TestClient[Any, Any]
) -> None:
    async with api.post(
        "/api/v1/cards/recharge", data=b"{}", skip_auto_headers=["Content-Type"]
    ) as answer:
        assert answer.status == 415


async def test_body_over_the_limit_is_refused_payload_too_large(city: City) -> None:
    body = json.dumps({"card_id": 1, "amount": 1000}).encode()
    within = body + b" " * (1024 * 1024 - len(body))
    assert (await send(city, within, **JSON)).status == 404
    answer = await send(city, within + b" ", **JSON)
    assert (answer.status, answer.code) == (413, "payload_too_large")


async def test_streamed_body_over_the_limit_is_refused_payload_too_large(city: City) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 65536
            await asyncio.sleep(0)

    answer = await city.post("cards/recharge", data=pieces(), headers=JSON)
    assert (answer.status, answer.code) == (413, "payload_too_large")


async def test_unknown_fields_and_parameters_are_refused_validation_error(city: City) -> None:
    answer = await city.post("cards", {"profil": "adult", "\ud800": 1})
    assert answer.status == 422
    assert {"profil"} < set(answer.body["errors"])
    for path in (
        "cards?limits=5",
        "users/1?x",
        "analytics/revenue?until=2026-01-01",
        "/health?a=1",
    ):
        answer = await city.get(path)
        assert (answer.status, answer.code) == (422, "validation_error"), path
    answer = await city.post("cards?dry=1", {})
    assert (answer.status, list(answer.body["errors"])) == (422, ["dry"])
    twice = await city.get("cards?limit=1&limit=2")
    assert (twice.status, list(twice.body["errors"])) == (422, ["limit"])


async def test_every_offending_field_is_named(city: City) -> None:
    body = {"card_id": "1", "amount": 1.5, "channel": 7, "recharge_point_id": 0, "extra": None}
    answer = await city.post("cards/recharge", body)
    assert set(answer.body["errors"]) == set(body)
    missing = await city.post("cards/recharge", {})
    assert set(missing.body["errors"]) == {"card_id", "amount"}


async def test_text_that_cannot_be_stored_is_refused_validation_error(city: City) -> None:
    for text in ("a\x00b", "a\u202eb", "\ud800", "", " \t ", "x" * 201, 5, None, ["x"]):
        answer = await city.post("users", {"full_name": text, "document_id": "1"})
        assert (answer.status, list(answer.body["errors"])) == (422, ["full_name"]), repr(text)
    strange = "Ñandú 🚌 '; DROP TABLE users; -- \\ \" { } %s"
    stored = await city.post("users", {"full_name": strange, "document_id": '{a,b}\\"'})
    assert (stored.status, stored.body["full_name"]) == (201, strange)


async def test_post_without_fields_takes_nothing_or_an_empty_object(city: City) -> None:
    card = await city.make_card()
    path = f"cards/{card['card_id']}/unblock"
    assert (await city.post(path)).status == 200
    assert (await city.post(path, {})).status == 200
    assert (await city.post(path, headers=JSON)).status == 200
    assert (await city.post(path, headers={"Content-Type": "text/plain"})).status == 200
    refused = await city.post(path, {"reason": "found"})
    assert (refused.status, list(refused.body["errors"])) == (422, ["reason"])
    assert (await city.post(path, data=b"{", headers=JSON)).code == "malformed_json"
    assert (await city.post(path, [])).status == 422
    plain = await city.post(path, data=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.code == "unsupported_media_type"


async def test_request_id_is_taken_when_well_formed_and_made_otherwise(city: City) -> None:
    for given in ("a", "Trip-1_2.3", "x" * 128):
        answer = await city.get("cards/0", headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == answer.body["request_id"] == given
    for given in ("", "a b", "x" * 129, "ñ", "a/b"):
        answer = await city.get("cards/0", headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == answer.body["request_id"] != given
    ok = await city.get("stations/1", headers={"X-Request-ID": "mine"})
    assert ok.headers["X-Request-ID"] == "mine"


async def test_problem_says_what_rfc_9457_asks(city: City) -> None:
    answer = await city.get(f"cards/{UNKNOWN_ID}")
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert set(answer.body) == {"type", "title", "status", "detail", "code", "request_id"}
    assert answer.body["status"] == 404


async def test_defect_is_told_without_its_insides_internal_error(
    city: City, api: TestClient[Any, Any], monkeypatch: Any, caplog: Any
) -> None:
    async def break_down(*_: Any) -> None:
        raise RuntimeError("secret at /srv/path")

    monkeypatch.setattr(api.app[DB], "fetch_one", break_down)  # type: ignore[union-attr]
    answer = await city.get("cards/1", headers={"X-Request-ID": "find-me"})
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "secret" not in json.dumps(answer.body)
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.request_id == "find-me"


async def test_page_is_asked_for_within_its_limits(city: City) -> None:
    card = await city.make_card()
    for path in ("users/1/cards", f"cards/{card['card_id']}/history", "stations", "routes",
                 f"cards/{card['card_id']}/statement", "trips/user/1"):  # fmt: skip
        for limit in ("0", "201", "-1", "x", "", "1.0", "５"):
            answer = await city.get(f"{path}?limit={limit}")
            assert (answer.status, list(answer.body["errors"])) == (422, ["limit"])


async def test_cursor_of_another_list_or_of_nobody_is_refused_validation_error(city: City) -> None:
    cursor = (await city.get("stations?limit=1")).body["next_cursor"]
    assert (await city.get(f"stations?cursor={cursor}")).status == 200
    refused = [f"routes?cursor={cursor}"]
    refused += [
        f"stations?cursor={bad}"
        for bad in (
            "",
            "x",
            "%C3%B1",
            "bnVsbA",
            "W10",
            "e30",
            cursor[:-3],
            cursor + "AAAA",
            "WyJzdGF0aW9ucyIsLTFd",
            "WyJzdGF0aW9ucyIsMS41XQ",
            "x" * 201,
        )  # fmt: skip
    ]
    for path in refused:
        answer = await city.get(path)
        assert (answer.status, list(answer.body["errors"])) == (422, ["cursor"]), path


async def test_packed_body_is_refused_unsupported_media_type(city: City) -> None:
    for encoding in ("gzip", "deflate", "br", "nonsense"):
        bomb = gzip.compress(b" " * 5_000_000)
        answer = await send(city, bomb, **{**JSON, "Content-Encoding": encoding})
        assert (answer.status, answer.code) == (415, "unsupported_media_type")
    body = b'{"card_id": 1, "amount": 1000}'
    plain = await send(city, body, **{**JSON, "Content-Encoding": "identity"})
    assert plain.code == "card_not_found"


async def test_body_that_never_comes_is_given_up_request_timeout(
    city: City, monkeypatch: Any
) -> None:
    monkeypatch.setattr(validation, "BODY_TIMEOUT_S", 0.1)
    come = asyncio.Event()

    async def pieces() -> Any:
        yield b'{"card_id": 1'
        await come.wait()

    answer = await city.post("cards/recharge", data=pieces(), headers=JSON)
    come.set()
    assert (answer.status, answer.code) == (408, "request_timeout")


async def test_unforeseen_expectation_is_passed_over(city: City) -> None:
    answer = await send(city, b'{"card_id": 1, "amount": 1000}', **{**JSON, "Expect": "miracle"})
    assert answer.code == "card_not_found"


async def send_raw(api: TestClient[Any, Any], raw: bytes) -> tuple[bytes, bytes]:
    """What the port answers before it closes, head and body."""
    reader, writer = await asyncio.open_connection(api.host, api.port)
    writer.write(raw)
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head, body


async def test_invented_method_names_the_known_ones_method_not_allowed(
    api: TestClient[Any, Any],
) -> None:
    known = {route.method for route in make_app(Settings(simulated_clock=True)).router.routes()}
    for method in (b"BREW", b"get", b"Post", b"GETS", b"X-Y.Z_1", b"DESCRIBE"):
        for path in (b"/api/v1/cards", b"/a\"b'c"):
            line = method + b" " + path + b" HTTP/1.1\r\n"
            head, body = await send_raw(api, line + b"Host: x\r\nContent-Length: 0\r\n\r\n")
            assert b" 405 " in head.splitlines()[0], line
            assert b"application/problem+json" in head
            assert json.loads(body)["code"] == "method_not_allowed"
            (allow,) = re.findall(rb"(?m)^Allow: (.*)\r$", head)
            assert set(allow.decode().split(",")) == known


async def test_rubbish_on_the_port_is_a_problem_bad_request(api: TestClient[Any, Any]) -> None:
    for rubbish in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/9.9\r\n\r\n",
        b"BREW /\r\n\r\n",
        b"B(EW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/cards HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v1/cards HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ):
        head, body = await send_raw(api, rubbish)
        assert b" 400 " in head.splitlines()[0], rubbish[:40]
        assert b"application/problem+json" in head
        assert b"X-Request-ID" in head
        assert json.loads(body)["code"] == "bad_request"


async def test_body_that_waits_to_be_asked_for_is_asked_for(api: TestClient[Any, Any]) -> None:
    reader, writer = await asyncio.open_connection(api.host, api.port)
    body = b'{"card_id": 4096, "amount": 5000}'
    writer.write(
        b"POST /api/v1/cards/recharge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n" % len(body)
    )
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        head, _, problem = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(problem)["code"] == "card_not_found"


async def test_connection_is_closed_for_a_client_that_says_so(api: TestClient[Any, Any]) -> None:
    for path in (b"/api/v1/stations?limit=1", b"/api/v1/analytics/revenue", b"/api/v1/cards/5"):
        request = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path
        # Until the end of the connection, which a kept one would not have in time.
        head, body = await send_raw(api, request)
        assert re.search(rb"(?mi)^Connection: close\r?$", head)
        assert isinstance(json.loads(body), dict)


async def test_old_clients_are_answered_in_their_version(api: TestClient[Any, Any]) -> None:
    for path in (b"/api/v1/stations?limit=1", b"/api/v1/analytics/revenue"):
        head, body = await send_raw(api, b"GET %b HTTP/1.0\r\n\r\n" % path)
        assert head.startswith(b"HTTP/1.0 200 ")
        assert isinstance(json.loads(body), dict)
        reader, writer = await asyncio.open_connection(api.host, api.port)
        for _ in range(2):
            writer.write(b"GET %b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" % path)
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                (length,) = re.findall(rb"(?mi)^Content-Length: (\d+)\r$", head)
                await reader.readexactly(int(length))
            assert head.startswith(b"HTTP/1.0 200 ")
            assert re.search(rb"(?mi)^Connection: keep-alive\r?$", head)
        writer.close()
        await writer.wait_closed()


async def test_head_of_an_answer_comes_without_its_body(api: TestClient[Any, Any]) -> None:
    request = b"HEAD /api/v1/stations?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    closing = request.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")
    head, body = await send_raw(api, request + closing)
    assert head.startswith(b"HTTP/1.1 200 ")
    # The second answer follows the first head at once.
    assert body.startswith(b"HTTP/1.1 200 ")
    assert body.endswith(b"\r\n\r\n")
