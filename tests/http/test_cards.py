"""Issuing, reading, blocking and replacing cards, and their statements."""

from tests.http.conftest import FARE, OTHER_TRUNK, TRUNK, UNKNOWN_ID, ZONAL, City


def luhn(number: str) -> int:
    """0 for a number with the right check digit."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)]
    return sum(doubled) % 10


async def test_anonymous_card_is_basic(city: City) -> None:
    issued = await city.post("cards", {})
    assert issued.status == 201
    card = issued.body
    assert (card["user_id"], card["personalised"], card["profile"]) == (None, False, "basic")
    assert (card["status"], card["balance"], card["debt"]) == ("active", 0, 0)
    assert card["replaced_by"] is None
    assert luhn(card["card_number"]) == 0
    assert (await city.get(f"cards/{card['card_id']}")).body == card


async def test_card_of_a_user_is_adult_unless_said(city: City) -> None:
    user_id = (await city.make_user())["user_id"]
    adult = (await city.post("cards", {"user_id": user_id})).body
    assert (adult["user_id"], adult["personalised"], adult["profile"]) == (user_id, True, "adult")
    senior = (await city.post("cards", {"user_id": user_id, "profile": "senior_a"})).body
    assert senior["profile"] == "senior_a"


async def test_profile_that_does_not_fit_an_anonymous_card_is_refused_validation_error(
    city: City,
) -> None:
    for profile in ("senior_a", "adult", "of_no_kind", "' OR 1=1"):
        answer = await city.post("cards", {"profile": profile})
        assert (answer.status, answer.code) == (422, "validation_error")
        assert list(answer.body["errors"]) == ["profile"]


async def test_basic_does_not_fit_a_user_validation_error(city: City) -> None:
    user = await city.make_user()
    answer = await city.post("cards", {"user_id": user["user_id"], "profile": "basic"})
    assert (answer.status, list(answer.body["errors"])) == (422, ["profile"])


async def test_card_of_nobody_is_refused_user_not_found(city: City) -> None:
    answer = await city.post("cards", {"user_id": UNKNOWN_ID})
    assert (answer.status, answer.code) == (404, "user_not_found")


async def test_batch_decides_each_card_for_itself(city: City) -> None:
    user = await city.make_user()
    wanted = [
        {},
        {"user_id": user["user_id"], "profile": "minor"},
        {"user_id": UNKNOWN_ID},
        {"profile": "senior_a"},
    ]
    answer = await city.post("cards/batch", {"cards": wanted})
    assert answer.status == 200
    results = answer.body["results"]
    assert [r["outcome"] for r in results] == [
        "created", "created", "user_not_found", "validation_error",
    ]  # fmt: skip
    assert [r["profile"] for r in results] == ["basic", "minor", None, None]
    for result in results[:2]:
        card = {k: v for k, v in result.items() if k not in ("outcome", "replayed")}
        assert (await city.get(f"cards/{result['card_id']}")).body == card


async def test_unknown_card_is_not_found_card_not_found(city: City) -> None:
    for path in ("", "/balance", "/history", "/statement", "/monthly-pass"):
        answer = await city.get(f"cards/{UNKNOWN_ID}{path}")
        assert (answer.status, answer.code) == (404, "card_not_found")


async def test_unknown_card_cannot_be_changed_card_not_found(city: City) -> None:
    for path in ("block", "unblock", "replace", "monthly-pass"):
        body = {"reason": "lost"} if path in ("block", "replace") else None
        answer = await city.post(f"cards/{UNKNOWN_ID}/{path}", body)
        assert (answer.status, answer.code) == (404, "card_not_found")


async def test_cards_are_found_by_number_and_paged(city: City) -> None:
    cards = [await city.make_card() for _ in range(3)]
    found = await city.get(f"cards?card_number={cards[1]['card_number']}")
    assert [card["card_id"] for card in found.body["items"]] == [cards[1]["card_id"]]
    assert (await city.get("cards?card_number=0000000000000000")).body["items"] == []
    listed = await city.walk("cards", 2)
    assert {card["card_id"] for card in listed} == {card["card_id"] for card in cards}
    assert len(listed) == 3
    assert (await city.get("cards?limit=1000")).status == 200
    assert (await city.get("cards?limit=1001")).status == 422
    assert (await city.get("cards?card_number=123")).status == 422


async def test_balance_follows_the_money_at_once(city: City) -> None:
    card = await city.make_personal_card(balance=FARE + 50)
    await city.tap(card["card_id"])
    read = await city.get(f"cards/{card['card_id']}/balance")
    assert (read.body["balance"], read.body["debt"], read.body["status"]) == (50, 0, "active")
    await city.tap(card["card_id"], OTHER_TRUNK)
    assert await city.balance(card["card_id"]) == (0, FARE - 50)


async def test_statement_shows_every_movement_newest_first(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    trip = (await city.tap(card["card_id"], ZONAL)).body
    free = (await city.tap(card["card_id"], TRUNK)).body
    assert free["fare_rule"] == "transfer"
    entries = await city.walk(f"cards/{card['card_id']}/statement", 2)
    assert [(e["kind"], e["amount"], e["balance_after"]) for e in entries] == [
        ("fare", 0, 10_000 - FARE),
        ("fare", -FARE, 10_000 - FARE),
        ("recharge", 10_000, 10_000),
    ]
    assert [e["reference_id"] for e in entries[:2]] == [free["trip_id"], trip["trip_id"]]


async def test_pages_stay_as_they_are_while_rows_are_added(city: City) -> None:
    card = await city.make_card()
    for _ in range(5):
        await city.recharge(card["card_id"], 1000)
    path = f"cards/{card['card_id']}/statement"
    first = (await city.get(f"{path}?limit=2")).body
    await city.recharge(card["card_id"], 1000)
    second = (await city.get(f"{path}?limit=3&cursor={first['next_cursor']}")).body
    seen = [entry["balance_after"] for entry in first["items"] + second["items"]]
    assert seen == [5000, 4000, 3000, 2000, 1000]
    assert second["next_cursor"] is None


async def test_blocked_card_takes_no_money_and_no_tap_card_not_active(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    blocked = await city.post(f"cards/{card['card_id']}/block", {"reason": "lost"})
    assert (blocked.status, blocked.body["status"]) == (200, "blocked")
    again = await city.post(f"cards/{card['card_id']}/block", {"reason": "stolen"})
    assert (again.status, again.body["status"]) == (200, "blocked")
    for refused in (await city.tap(card["card_id"]), await city.recharge(card["card_id"], 1000)):
        assert (refused.status, refused.code) == (409, "card_not_active")
    for _ in range(2):
        unblocked = await city.post(f"cards/{card['card_id']}/unblock")
        assert (unblocked.status, unblocked.body["status"]) == (200, "active")
    assert (await city.tap(card["card_id"])).status == 201


async def test_block_needs_a_reason_of_at_most_200_characters(city: City) -> None:
    card = await city.make_card()
    path = f"cards/{card['card_id']}/block"
    for body in ({}, {"reason": ""}, {"reason": "x" * 201}, {"reason": None}):
        answer = await city.post(path, body)
        assert (answer.status, list(answer.body["errors"])) == (422, ["reason"])
    assert (await city.post(path, {"reason": "ñ" * 200})).status == 200


async def test_replacement_holds_the_money_and_the_old_card_is_replaced(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    answer = await city.post(f"cards/{card['card_id']}/replace", {"reason": "lost"})
    assert answer.status == 201
    new = answer.body
    assert (new["balance"], new["user_id"], new["status"]) == (10_000, card["user_id"], "active")
    old = (await city.get(f"cards/{card['card_id']}")).body
    assert (old["status"], old["replaced_by"], old["balance"]) == ("replaced", new["card_id"], 0)
    assert (await city.tap(new["card_id"])).body["balance"] == 10_000 - FARE
    for path, body in (("replace", {"reason": "x"}), ("block", {"reason": "x"}), ("unblock", None)):
        refused = await city.post(f"cards/{card['card_id']}/{path}", body)
        assert (refused.status, refused.code) == (409, "card_not_active")


async def test_replacement_is_repeated_by_its_key(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    path, key = f"cards/{card['card_id']}/replace", {"Idempotency-Key": "r-1"}
    first = await city.post(path, {"reason": "lost"}, headers=key)
    again = await city.post(path, {"reason": "lost"}, headers=key)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    other = await city.post(path, {"reason": "stolen"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_anonymous_card_is_not_replaced_card_not_personalised(city: City) -> None:
    card = await city.make_card(balance=10_000)
    answer = await city.post(f"cards/{card['card_id']}/replace", {"reason": "lost"})
    assert (answer.status, answer.code) == (409, "card_not_personalised")
