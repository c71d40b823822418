"""api.change_user: what a person corrects about themselves."""

import json

import pytest

ANA = "SELECT u.full_name, u.email, u.phone FROM transit.users AS u WHERE u.user_id = %s"


@pytest.fixture
def user_id(story):
    made = story.ask_one(
        "SELECT * FROM api.create_users('{0}', '{CC-1}', '{Ana}', '{a@b.co}', '{300}')"
    )
    return made.user_id


def change(story, user_id, **changes):
    return story.ask("SELECT * FROM api.change_user(%s, %s::jsonb)", user_id, json.dumps(changes))


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, ("Ana", "a@b.co", "300")),
        ({"full_name": "Eva"}, ("Eva", "a@b.co", "300")),
        ({"email": "c@d.co"}, ("Ana", "c@d.co", "300")),
        ({"email": None}, ("Ana", None, "300")),
        ({"phone": None, "full_name": "Eva"}, ("Eva", "a@b.co", None)),
    ],
)
def test_only_what_is_named_changes(story, user_id, changes, left):
    (answer,) = change(story, user_id, **changes)
    assert (answer.user_id, answer.full_name) == (user_id, left[0])
    assert story.ask_one(ANA, user_id) == left


def test_erased_user_stays_empty_user_not_found(story, user_id):
    story.erase(user_id)
    assert change(story, user_id, full_name="Ana", phone="300") == []
    assert story.ask_one(ANA, user_id) == (None, None, None)
    assert change(story, 1, phone="300") == []
