"""Registering, reading and erasing people."""

import asyncio

from tests.conftest import Database
from tests.http.conftest import FARE, UNKNOWN_ID, City, owner_cursor

ANA = {"full_name": "Ana María Rojas", "document_id": "CC-52123456"}


async def test_user_is_registered_and_read(city: City) -> None:
    created = await city.post("users", {**ANA, "email": "a@b.co", "phone": "+57 300 123"})
    assert created.status == 201
    assert created.body["full_name"] == "Ana María Rojas"
    read = await city.get(f"users/{created.body['user_id']}")
    assert (read.status, read.body) == (200, created.body)


async def test_document_registers_once_user_exists(city: City) -> None:
    await city.post("users", ANA)
    again = await city.post("users", {**ANA, "full_name": "Otra"})
    assert (again.status, again.code) == (409, "user_exists")


async def test_other_spelling_of_a_document_is_the_same_one_user_exists(city: City) -> None:
    await city.post("users", ANA)
    again = await city.post("users", {**ANA, "document_id": "c.c. 52.123.456"})
    assert (again.status, again.code) == (409, "user_exists")


async def test_document_of_separators_alone_is_refused_validation_error(city: City) -> None:
    for document_id in ("...", "- \u2013 .", "\ufdfa" * 3):
        answer = await city.post("users", {**ANA, "document_id": document_id})
        assert (answer.status, answer.code) == (422, "validation_error")
        assert list(answer.body["errors"]) == ["document_id"]


async def test_one_of_many_at_once_registers(city: City) -> None:
    answers = await asyncio.gather(*(city.post("users", ANA) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9


async def test_unknown_user_is_not_found_user_not_found(city: City) -> None:
    for path in ("", "/cards"):
        answer = await city.get(f"users/{UNKNOWN_ID}{path}")
        assert (answer.status, answer.code) == (404, "user_not_found")
    erased = await city.ask("DELETE", f"users/{UNKNOWN_ID}")
    assert (erased.status, erased.code) == (404, "user_not_found")


async def test_batch_is_decided_in_array_order(city: City) -> None:
    people = [
        {"full_name": "Uno", "document_id": "1"},
        {"full_name": "Dos", "document_id": "2"},
        {"full_name": "Uno otra vez", "document_id": "1"},
    ]
    answer = await city.post("users/batch", {"users": people})
    assert answer.status == 200
    results = answer.body["results"]
    assert [r["outcome"] for r in results] == ["created", "created", "user_exists"]
    assert [r["full_name"] for r in results] == ["Uno", "Dos", None]
    assert (await city.get(f"users/{results[1]['user_id']}")).body["full_name"] == "Dos"


async def test_batch_of_a_thousand_is_taken_and_more_is_refused(city: City) -> None:
    people = [{"full_name": "Ñoño", "document_id": str(n)} for n in range(1001)]
    answer = await city.post("users/batch", {"users": people[:1000]})
    assert answer.status == 200
    assert {r["outcome"] for r in answer.body["results"]} == {"created"}
    too_many = await city.post("users/batch", {"users": people})
    assert (too_many.status, list(too_many.body["errors"])) == (422, ["users"])
    assert (await city.post("users/batch", {"users": []})).status == 422


async def test_malformed_element_refuses_the_batch_validation_error(city: City) -> None:
    people = [{"full_name": "Uno", "document_id": "1"}, {"full_name": "", "document_id": 5}]
    answer = await city.post("users/batch", {"users": people})
    assert (answer.status, answer.code) == (422, "validation_error")
    assert list(answer.body["errors"]["users"]) == ["1"]
    assert set(answer.body["errors"]["users"]["1"]) == {"full_name", "document_id"}
    assert (await city.post("users", people[0])).status == 201


async def test_erased_user_is_gone_and_the_document_may_register_again(city: City) -> None:
    user = (await city.post("users", ANA)).body
    card = await city.make_card(user_id=user["user_id"])
    erased = await city.ask("DELETE", f"users/{user['user_id']}")
    assert (erased.status, erased.body) == (204, "")
    for path in (f"users/{user['user_id']}", f"users/{user['user_id']}/cards"):
        assert (await city.get(path)).code == "user_not_found"
    assert (await city.get(f"trips/user/{user['user_id']}")).code == "user_not_found"
    assert await city.status(card["card_id"]) == "expired"
    assert (await city.post("users", ANA)).status == 201


async def test_user_with_money_is_kept_user_has_balance(city: City) -> None:
    user = await city.make_user()
    card = await city.make_card(balance=FARE, user_id=user["user_id"])
    refused = await city.ask("DELETE", f"users/{user['user_id']}")
    assert (refused.status, refused.code) == (409, "user_has_balance")
    assert (await city.tap(card["card_id"])).status == 201
    assert (await city.ask("DELETE", f"users/{user['user_id']}")).status == 204


async def test_user_with_debt_is_kept_user_has_balance(city: City) -> None:
    user = await city.make_user()
    card = await city.make_card(user_id=user["user_id"])
    assert (await city.tap(card["card_id"])).body["fare_rule"] == "credit"
    refused = await city.ask("DELETE", f"users/{user['user_id']}")
    assert (refused.status, refused.code) == (409, "user_has_balance")


async def test_cards_of_a_user_are_listed_newest_first(city: City) -> None:
    user = await city.make_user()
    empty = await city.get(f"users/{user['user_id']}/cards")
    assert empty.body == {"items": [], "next_cursor": None}
    issued = [(await city.make_card(user_id=user["user_id"]))["card_id"] for _ in range(5)]
    await city.make_personal_card()
    listed = await city.walk(f"users/{user['user_id']}/cards", 2)
    assert [card["card_id"] for card in listed] == issued[::-1]


async def test_name_is_kept_composed(city: City) -> None:
    person = {"full_name": "Ana Mari\u0301a Nu\u0303ez", "document_id": "CC-composed"}
    answer = await city.post("users", person)
    assert (answer.status, answer.body["full_name"]) == (201, "Ana Mar\u00eda N\u0169ez")


async def test_controls_and_marks_of_direction_in_a_name_are_refused_validation_error(
    city: City,
) -> None:
    for strange in ("\x00", "\x07", "\n", "\x7f", "\x85", "\u061c", "\u200e", "\u202e", "\u2066"):
        for field in ("full_name", "document_id"):
            person = {"full_name": "Ana", "document_id": "CC-1", field: f"A{strange}b"}
            answer = await city.post("users", person)
            assert (answer.status, set(answer.body["errors"])) == (422, {field}), (strange, field)


async def test_change_of_a_user_names_what_changes(city: City, fresh_database: Database) -> None:
    person = {"document_id": "CC-77", "email": "a@b.co", "phone": "+57 300"}
    user = (await city.post("users", {"full_name": "Ana Rojas", **person})).body
    path = f"users/{user['user_id']}"
    changed = await city.ask("PATCH", path, body={"full_name": "Ana María Rojas", "phone": None})
    assert (changed.status, changed.body) == (200, {**user, "full_name": "Ana María Rojas"})
    assert (await city.get(path)).body == changed.body
    assert (await city.ask("PATCH", path, body={})).body == changed.body
    with owner_cursor(fresh_database) as cursor:
        cursor.execute("SELECT u.email, u.phone, u.document_id FROM transit.users AS u")
        assert cursor.fetchall() == [("a@b.co", None, "CC77")]


async def test_change_of_a_user_is_checked_validation_error(city: City) -> None:
    user = await city.make_user()
    path = f"users/{user['user_id']}"
    for body in (
        {"full_name": None},
        {"full_name": " "},
        {"email": "nowhere"},
        {"phone": "x"},
        {"document_id": "CC-2"},
    ):
        answer = await city.ask("PATCH", path, body=body)
        assert (answer.status, answer.code) == (422, "validation_error"), body
        assert answer.body["errors"].keys() == body.keys()
    assert (await city.get(path)).body == user


async def test_nobody_is_changed_who_is_not_there_user_not_found(city: City) -> None:
    user = await city.make_user()
    path = f"users/{user['user_id']}"
    assert (await city.ask("DELETE", path)).status == 204
    for gone in (path, f"users/{UNKNOWN_ID}"):
        answer = await city.ask("PATCH", gone, body={"phone": "1"})
        assert (answer.status, answer.code) == (404, "user_not_found")
