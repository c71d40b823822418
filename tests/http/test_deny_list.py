"""What validators must learn."""

from tests.http.conftest import City


async def test_validator_catches_up_with_one_call(city: City) -> None:
    start = (await city.get("cards/deny-list")).body
    assert start["items"] == []
    lost, found = await city.make_card(), await city.make_card()
    for card in (lost, found):
        await city.post(f"cards/{card['card_id']}/block", {"reason": "lost"})
    await city.post(f"cards/{found['card_id']}/unblock")
    since = (await city.get(f"cards/deny-list?since={start['version']}")).body
    assert {item["card_number"]: item["action"] for item in since["items"]} == {
        lost["card_number"]: "add",
        found["card_number"]: "remove",
    }
    assert since["version"] > start["version"]
    nothing = (await city.get(f"cards/deny-list?since={since['version']}")).body
    assert nothing == {**since, "items": []}


async def test_replaced_card_is_on_the_list(city: City) -> None:
    card = await city.make_personal_card()
    await city.post(f"cards/{card['card_id']}/replace", {"reason": "lost"})
    items = (await city.get("cards/deny-list")).body["items"]
    assert items == [{"card_number": card["card_number"], "action": "add"}]


async def test_since_is_a_version(city: City) -> None:
    for since in ("-1", "x", "1.5", "99999999999999999999"):
        assert (await city.get(f"cards/deny-list?since={since}")).status == 422


async def test_pages_are_followed_to_the_end(city: City) -> None:
    for _ in range(3):
        card = await city.make_card()
        await city.post(f"cards/{card['card_id']}/block", {"reason": "lost"})
    first = (await city.get("cards/deny-list?limit=2")).body
    assert (len(first["items"]), first["more"]) == (2, True)
    ask = f"cards/deny-list?limit=2&since={first['version']}&epoch={first['epoch']}"
    last = (await city.get(ask)).body
    assert (len(last["items"]), last["more"]) == (1, False)


async def test_list_that_never_gave_a_version_says_deny_list_restarted(city: City) -> None:
    card = await city.make_card()
    await city.post(f"cards/{card['card_id']}/block", {"reason": "lost"})
    version = (await city.get("cards/deny-list")).body["version"]
    for ask in (f"since={version + 1}", f"since={version}&epoch={'0' * 16}"):
        answer = await city.get(f"cards/deny-list?{ask}")
        assert (answer.status, answer.body["code"]) == (410, "deny_list_restarted")
