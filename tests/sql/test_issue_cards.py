"""api.issue_cards: card numbers, slots and profiles (api.refuse_profile, api.new_card_number)."""

import pytest

from tests.sql.stories import NOON, NOWHERE


def luhn_holds(number):
    digits = [int(digit) for digit in reversed(number)]
    doubled = [2 * digit if i % 2 else digit for i, digit in enumerate(digits)]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def test_personalised_card_is_an_adult_one_without_money(story):
    user_id = story.make_user()
    answer = story.issue(user_id, None)
    assert answer[1:] == (
        "created", None, answer.card_id, answer.card_number, user_id, True, "adult", "active",
        0, 0, NOON, None,
    )  # fmt: skip
    assert story.card(answer.card_id) == answer[3:]


def test_card_without_a_user_is_a_basic_one(story):
    answer = story.issue(None, None)
    assert (answer.outcome, answer.user_id, answer.personalised, answer.profile) == (
        "created", None, False, "basic",
    )  # fmt: skip


def test_card_lives_in_the_slot_of_its_user(story):
    user_id = story.make_user()
    answer = story.issue(user_id, None)
    assert answer.card_id & 4095 == user_id & 4095
    assert answer.card_number[1:5] == f"{user_id & 4095:04}"


def test_number_has_16_digits_with_the_slot_and_a_check_digit(story):
    rows = story.ask(
        "SELECT * FROM api.issue_cards(ARRAY(SELECT generate_series(1, 200)),"
        " array_fill(NULL::bigint, '{200}'), array_fill(NULL::text, '{200}'))"
    )
    assert len({row.card_number for row in rows}) == 200
    for row in rows:
        assert len(row.card_number) == 16
        assert row.card_number.startswith(f"1{row.card_id & 4095:04}")
        assert luhn_holds(row.card_number)


def test_anonymous_cards_spread_over_the_slots(story):
    assert len({story.issue(None, None).card_id & 4095 for _ in range(20)}) > 10


@pytest.mark.parametrize(("number", "digit"), [("7992739871", "3"), ("0", "0"), ("18", "2")])
def test_check_digit_is_that_of_luhn(story, number, digit):
    assert story.ask_one("SELECT api.luhn_digit(%s) AS digit", number).digit == digit


def test_user_may_hold_several_cards_with_money_of_their_own(story):
    user_id = story.make_user()
    cards = [story.make_card(balance=1000 * i, user_id=user_id) for i in (1, 2)]
    rows = story.ask("SELECT * FROM api.list_user_cards(%s, null, 10)", user_id)
    assert {row.card_id: row.balance for row in rows} == dict(zip(cards, [1000, 2000], strict=True))


def test_card_of_an_unknown_user_is_refused_user_not_found(story):
    answer = story.issue(NOWHERE, "no such profile")
    assert (answer.outcome, answer.card_id) == ("user_not_found", None)


def test_card_of_an_erased_user_is_refused_user_not_found(story):
    user_id = story.make_user()
    story.erase(user_id)
    assert story.issue(user_id, None).outcome == "user_not_found"


@pytest.mark.parametrize("profile", ["adult", "senior_a", "low_income_b"])
def test_profile_that_needs_a_user_is_refused_without_one_validation_error(story, profile):
    answer = story.issue(None, profile)
    assert (answer.outcome, answer.card_id) == ("validation_error", None)
    assert profile in answer.detail


def test_basic_profile_is_refused_for_a_user_validation_error(story):
    assert story.issue(story.make_user(), "basic").outcome == "validation_error"


@pytest.mark.parametrize("personalised", [True, False])
def test_unknown_profile_is_refused_validation_error(story, personalised):
    answer = story.issue(story.make_user() if personalised else None, "pirate")
    assert (answer.outcome, answer.detail) == ("validation_error", "There is no profile 'pirate'.")


def test_cards_of_one_call_are_answered_each(story):
    user_id = story.make_user()
    rows = story.ask(
        "SELECT * FROM api.issue_cards('{1,2,3,4}', %s::bigint[], '{null,senior,adult,null}')",
        [user_id, user_id, None, NOWHERE],
    )
    assert sorted((row.ref, row.outcome) for row in rows) == [
        (1, "created"), (2, "created"), (3, "validation_error"), (4, "user_not_found"),
    ]  # fmt: skip


def test_cards_are_listed_newest_first_and_page_by_page(story):
    cards = sorted((story.make_anonymous_card() for _ in range(3)), reverse=True)
    first = story.ask("SELECT * FROM api.list_cards(null, null, 2)")
    rest = story.ask("SELECT * FROM api.list_cards(null, %s, 2)", first[-1].card_id)
    assert [row.card_id for row in first + rest] == cards


def test_card_is_found_by_its_number(story):
    card_id, _ = story.make_card(balance=700), story.make_card()
    number = story.card(card_id).card_number
    (row,) = story.ask("SELECT * FROM api.list_cards(%s, null, 2)", number)
    assert (row.card_id, row.balance) == (card_id, 700)


def test_balances_are_read_of_the_cards_that_exist(story):
    rich, debtor = story.make_card(balance=700), story.make_card_in_debt()
    story.block(rich)
    rows = story.ask(
        "SELECT * FROM api.read_balances('{5,6,7}', %s::bigint[])", [debtor, NOWHERE, rich]
    )
    assert sorted(rows) == [
        (5, debtor, 0, 3550, "active", NOON), (7, rich, 700, 0, "blocked", NOON),
    ]  # fmt: skip


def test_no_card_is_read_where_there_is_none(story):
    assert story.ask("SELECT * FROM api.read_card(%s)", NOWHERE) == []
