"""Monthly passes."""

from tests.http.conftest import OTHER_TRUNK, City

PRICE = 160_000


async def test_pass_is_paid_from_the_balance_and_in_force_at_once(city: City) -> None:
    card = await city.make_personal_card(balance=PRICE)
    path = f"cards/{card['card_id']}/monthly-pass"
    bought = await city.post(path)
    assert bought.status == 201
    assert (bought.body["price"], bought.body["trips_left"], bought.body["balance"]) == (
        PRICE, 65, 0,
    )  # fmt: skip
    assert bought.body["expires_at"] is None
    trip = (await city.tap(card["card_id"])).body
    assert (trip["fare_rule"], trip["balance"]) == ("monthly_pass", 0)
    read = (await city.get(path)).body
    assert (read["pass_id"], read["trips_left"]) == (bought.body["pass_id"], 64)
    assert read["expires_at"] is not None


async def test_card_without_a_pass_has_none_pass_not_found(city: City) -> None:
    card = await city.make_personal_card()
    answer = await city.get(f"cards/{card['card_id']}/monthly-pass")
    assert (answer.status, answer.code) == (404, "pass_not_found")


async def test_one_pass_at_a_time_pass_in_force(city: City) -> None:
    card = await city.make_personal_card(balance=2 * PRICE)
    path = f"cards/{card['card_id']}/monthly-pass"
    assert (await city.post(path)).status == 201
    again = await city.post(path)
    assert (again.status, again.code) == (409, "pass_in_force")


async def test_pass_needs_its_price_insufficient_balance(city: City) -> None:
    card = await city.make_personal_card(balance=PRICE - 1)
    answer = await city.post(f"cards/{card['card_id']}/monthly-pass")
    assert (answer.status, answer.code) == (402, "insufficient_balance")
    assert await city.balance(card["card_id"]) == (PRICE - 1, 0)


async def test_pass_needs_a_person_card_not_personalised(city: City) -> None:
    card = await city.make_card(balance=PRICE)
    answer = await city.post(f"cards/{card['card_id']}/monthly-pass")
    assert (answer.status, answer.code) == (409, "card_not_personalised")


async def test_blocked_card_buys_nothing_card_not_active(city: City) -> None:
    card = await city.make_personal_card(balance=PRICE)
    await city.post(f"cards/{card['card_id']}/block", {"reason": "lost"})
    answer = await city.post(f"cards/{card['card_id']}/monthly-pass")
    assert (answer.status, answer.code) == (409, "card_not_active")


async def test_purchase_is_repeated_by_its_key(city: City) -> None:
    card = await city.make_personal_card(balance=2 * PRICE)
    path, key = f"cards/{card['card_id']}/monthly-pass", {"Idempotency-Key": "p-1"}
    first = await city.post(path, headers=key)
    await city.tap(card["card_id"], OTHER_TRUNK)
    again = await city.post(path, headers=key)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)


async def test_replacement_takes_the_pass_along(city: City) -> None:
    card = await city.make_personal_card(balance=PRICE)
    await city.post(f"cards/{card['card_id']}/monthly-pass")
    new = (await city.post(f"cards/{card['card_id']}/replace", {"reason": "lost"})).body
    assert (await city.get(f"cards/{new['card_id']}/monthly-pass")).body["trips_left"] == 65
    assert (await city.tap(new["card_id"])).body["fare_rule"] == "monthly_pass"
