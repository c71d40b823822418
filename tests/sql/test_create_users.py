"""api.create_users: one row a person, one person a document."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

from tests.sql.stories import NOON, open_story


def register(story, *documents):
    """One call with these documents; the answers in their order."""
    count = len(documents)
    rows = story.ask(
        "SELECT * FROM api.create_users(%s, %s, %s, %s::text[], %s::text[])",
        list(range(count)), list(documents), [f"Person {i}" for i in range(count)],
        [f"{i}@example.org" for i in range(count)], [None] * count,
    )  # fmt: skip
    return sorted(rows)


def test_user_is_answered_with_name_and_time(story):
    (answer,) = register(story, "CC-1")
    assert answer == (0, "created", answer.user_id, "Person 0", NOON)
    assert story.ask("SELECT * FROM api.read_user(%s)", answer.user_id) == [
        (answer.user_id, "Person 0", NOON)
    ]


def test_user_lives_in_the_slot_of_the_document(story):
    (answer,) = register(story, "CC-1")
    assert answer.user_id & 4095 == int(hashlib.md5(b"CC-1").hexdigest()[:3], 16)


def test_document_that_is_taken_is_refused_user_exists(story):
    register(story, "CC-1")
    (answer,) = register(story, "CC-1")
    assert answer == (0, "user_exists", None, None, None)


def test_document_twice_in_one_call_belongs_to_the_first_user_exists(story):
    answers = register(story, "CC-2", "CC-1", "CC-2")
    assert [(answer.outcome, answer.full_name) for answer in answers] == [
        ("created", "Person 0"), ("created", "Person 1"), ("user_exists", None),
    ]  # fmt: skip


def test_document_may_register_again_after_its_erasure(story):
    (first,) = register(story, "CC-1")
    story.erase(first.user_id)
    (second,) = register(story, "CC-1")
    assert second.outcome == "created"
    assert second.user_id != first.user_id


def test_no_user_is_read_where_there_is_none(story):
    assert story.ask("SELECT * FROM api.read_user(1)") == []


def test_two_calls_at_once_with_the_same_documents_never_deadlock_user_exists(fresh_database):
    documents = [f"CC-{i}" for i in range(300)]

    def register_all(order):
        with open_story(fresh_database) as story:
            return register(story, *order)

    with ThreadPoolExecutor(4) as pool:
        calls = list(pool.map(register_all, [documents, documents[::-1]] * 2))
    outcomes = [answer.outcome for answers in calls for answer in answers]
    assert (outcomes.count("created"), outcomes.count("user_exists")) == (300, 900)
