"""Money in."""

import asyncio

from tests.http.conftest import FARE, OTHER_TRUNK, UNKNOWN_ID, City


async def test_recharge_is_usable_at_once(city: City) -> None:
    card = await city.make_card()
    answer = await city.recharge(card["card_id"], 5000)
    assert answer.status == 201
    assert (answer.body["amount"], answer.body["debt_repaid"], answer.body["balance"]) == (
        5000, 0, 5000,
    )  # fmt: skip
    assert (await city.tap(card["card_id"])).body["balance"] == 5000 - FARE


async def test_debt_is_repaid_first(city: City) -> None:
    card = await city.make_personal_card()
    assert (await city.tap(card["card_id"])).body["fare_rule"] == "credit"
    answer = await city.recharge(card["card_id"], 5000)
    assert (answer.body["debt_repaid"], answer.body["balance"]) == (FARE, 5000 - FARE)
    assert await city.balance(card["card_id"]) == (5000 - FARE, 0)


async def test_amount_outside_the_limits_is_refused_amount_out_of_range(city: City) -> None:
    for channel, amount in (
        ("ticket_office", 49),
        ("machine", 418_001),
        ("online", 9_999),
        ("wallet", 200_001),
        ("retail", 0),
        ("retail", -5000),
        ("ticket_office", 2**53 - 1),
    ):
        card = await city.make_card()
        body = {"card_id": card["card_id"], "amount": amount, "channel": channel}
        answer = await city.post("cards/recharge", body)
        assert (answer.status, answer.code) == (422, "amount_out_of_range")
        assert await city.balance(card["card_id"]) == (0, 0)


async def test_recharge_above_the_ceiling_is_refused_balance_limit_exceeded(city: City) -> None:
    card = await city.make_card(balance=500_000)
    answer = await city.recharge(card["card_id"], 50)
    assert (answer.status, answer.code) == (409, "balance_limit_exceeded")
    assert await city.balance(card["card_id"]) == (500_000, 0)


async def test_unknown_card_is_not_recharged_card_not_found(city: City) -> None:
    answer = await city.recharge(UNKNOWN_ID, 1000, headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.code, answer.replayed) == (404, "card_not_found", False)


async def test_amount_is_a_json_integer(city: City) -> None:
    for amount in ("5000", 5000.5, 5000.0, True, None, [], 2**53, 10**30):
        card = await city.make_card()
        answer = await city.recharge(card["card_id"], amount)  # type: ignore[arg-type]
        assert (answer.status, list(answer.body["errors"])) == (422, ["amount"])


async def test_repeated_recharge_is_answered_again_and_done_once(city: City) -> None:
    card = await city.make_card()
    key = {"Idempotency-Key": "receipt 1".replace(" ", "-")}
    first = await city.recharge(card["card_id"], 5000, headers=key)
    again = await city.recharge(card["card_id"], 5000, headers=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert (first.replayed, again.replayed) == (False, True)
    assert await city.balance(card["card_id"]) == (5000, 0)
    other = await city.recharge(card["card_id"], 6000, headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_the_same_values_are_the_same_request_whatever_their_spelling(city: City) -> None:
    card = await city.make_card()
    key = {"Idempotency-Key": "k"}
    first = await city.recharge(card["card_id"], 5000, headers=key)
    body = {
        "recharge_point_id": None,
        "channel": "ticket_office",
        "amount": 5000,
        "card_id": card["card_id"],
    }
    again = await city.post("cards/recharge", body, headers=key)
    assert (again.body, again.replayed) == (first.body, True)


async def test_refusal_is_remembered_too(city: City) -> None:
    card = await city.make_card(balance=500_000)
    key = {"Idempotency-Key": "k"}
    first = await city.recharge(card["card_id"], 1000, headers=key)
    await city.tap(card["card_id"])
    again = await city.recharge(card["card_id"], 1000, headers=key)
    assert (again.status, again.code, again.replayed) == (409, "balance_limit_exceeded", True)
    assert {**again.body, "request_id": ""} == {**first.body, "request_id": ""}


async def test_two_identical_recharges_at_once_are_done_once(city: City) -> None:
    card = await city.make_card()
    key = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(city.recharge(card["card_id"], 5000, headers=key) for _ in range(10))
    )
    assert {answer.body["recharge_id"] for answer in answers} == {answers[0].body["recharge_id"]}
    assert sum(answer.replayed for answer in answers) == 9
    assert await city.balance(card["card_id"]) == (5000, 0)


async def test_malformed_key_is_refused_validation_error(city: City) -> None:
    for key in ("", "a b", "ñ", "x" * 256, "tab\there"):
        card = await city.make_card()
        answer = await city.recharge(card["card_id"], 5000, headers={"Idempotency-Key": key})
        assert (answer.status, list(answer.body["errors"])) == (422, ["Idempotency-Key"])
        assert await city.balance(card["card_id"]) == (0, 0)


async def test_longest_key_is_taken(city: City) -> None:
    card = await city.make_card()
    headers = {"Idempotency-Key": "~" * 255}
    assert (await city.recharge(card["card_id"], 5000, headers=headers)).status == 201


async def test_batch_is_decided_in_array_order_with_keys_of_its_own(city: City) -> None:
    card, other = await city.make_card(), await city.make_card()
    recharges = [
        {"card_id": card["card_id"], "amount": 5000, "idempotency_key": "a"},
        {"card_id": other["card_id"], "amount": 49},
        {"card_id": UNKNOWN_ID, "amount": 5000},
        {"card_id": card["card_id"], "amount": 5000, "idempotency_key": "a"},
        {"card_id": card["card_id"], "amount": 7000, "idempotency_key": "a"},
    ]
    answer = await city.post("cards/recharge/batch", {"recharges": recharges})
    assert answer.status == 200
    results = answer.body["results"]
    assert [r["outcome"] for r in results] == [
        "accepted", "amount_out_of_range", "card_not_found", "accepted", "idempotency_key_reused",
    ]  # fmt: skip
    assert [r["replayed"] for r in results] == [False, False, False, True, False]
    assert results[3]["recharge_id"] == results[0]["recharge_id"]
    assert await city.balance(card["card_id"]) == (5000, 0)
    single = await city.recharge(card["card_id"], 5000, headers={"Idempotency-Key": "a"})
    assert single.replayed


async def test_history_lists_recharges_newest_first(city: City) -> None:
    card = await city.make_personal_card(balance=5000)
    await city.tap(card["card_id"], OTHER_TRUNK)
    body = {
        "card_id": card["card_id"],
        "amount": 20_000,
        "channel": "online",
        "recharge_point_id": 9,
    }
    await city.post("cards/recharge", body)
    history = await city.walk(f"cards/{card['card_id']}/history", 1)
    assert [
        (r["amount"], r["balance_after"], r["channel"], r["recharge_point_id"]) for r in history
    ] == [(20_000, 25_000 - FARE, "online", 9), (5000, 5000, "ticket_office", None)]


async def test_history_of_a_new_card_is_empty(city: City) -> None:
    card = await city.make_card()
    answer = await city.get(f"cards/{card['card_id']}/history")
    assert answer.body == {"items": [], "next_cursor": None}


async def test_unknown_channel_is_refused_validation_error(city: City) -> None:
    card = await city.make_card()
    body = {"card_id": card["card_id"], "amount": 1000, "channel": "pigeon"}
    answer = await city.post("cards/recharge", body)
    assert (answer.status, list(answer.body["errors"])) == (422, ["channel"])
