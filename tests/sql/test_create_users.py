"""api.create_users: one row a person, one person a document."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sql.stories import NOON, open_story
from transit_api.database.migrate import SQL
from transit_api.schemas.users import canonical_document

SPELLINGS = (
    "CC-1.234.567-8", "cc 12345678", "C.C. 1.234.567-8", "CC12345678",
    "Cc\u20131 234\u00a0567\u20118",
    "\uff23\uff23\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    " CC\u20121\u2009234\u2009567\u22128",
)  # fmt: skip
STRANGE = (
    "n\u0303and\u00fa-1",
    "\u00d1AND\u00daRIA",
    "\u00a8x",
    "stra\u00dfe 1",
    "\u3000a\ufeff",
    "...",
)


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
    assert answer.user_id & 4095 == int(hashlib.md5(b"CC1").hexdigest()[:3], 16)


def test_document_that_is_taken_is_refused_user_exists(story):
    register(story, "CC-1")
    (answer,) = register(story, "CC-1")
    assert answer == (0, "user_exists", None, None, None)


def test_seven_spellings_are_one_document_user_exists(story):
    answers = register(story, *SPELLINGS)
    assert [answer.outcome for answer in answers] == ["created"] + ["user_exists"] * 6
    assert story.ask("SELECT document_id FROM transit.users") == [("CC12345678",)]
    (later,) = register(story, "cc.12345678")
    assert later.outcome == "user_exists"


@pytest.mark.parametrize("given", [*SPELLINGS, *STRANGE, "1".join(SPELLINGS)])
def test_python_and_sql_spell_a_document_alike_and_once(story, given):
    ((spelled, again),) = story.ask(
        "SELECT api.canonical_document(%s) AS once, "
        "api.canonical_document(api.canonical_document(%s)) AS twice",
        given, given,
    )  # fmt: skip
    assert (spelled, again) == (canonical_document(given), spelled)


def test_every_character_that_separates_is_one_in_python_and_in_sql(story):
    everywhere = [f"a{chr(code)}b" for code in range(1, 0x10000) if not 0xD800 <= code < 0xE000]
    # What PostgreSQL and Python know of composing differs by their years of Unicode alone.
    rows = story.ask(
        "SELECT t.given FROM unnest(%s) AS t (given) "
        "WHERE api.canonical_document(t.given) = 'AB'",
        everywhere,
    )  # fmt: skip
    assert {row.given for row in rows} == {
        given for given in everywhere if canonical_document(given) == "AB"
    }


def test_documents_of_old_get_their_spelling_and_clashes_are_told(fresh_database):
    with fresh_database.connect() as pg, pg.cursor() as cursor:
        cursor.execute("ALTER TABLE transit.users DROP COLUMN document_clashes_with CASCADE")
        cursor.execute(
            "INSERT INTO transit.users (user_id, document_id, full_name, created_at) VALUES "
            "(1, 'cc-1', 'Old', '2020-01-01'), (2, 'CC 1', 'Young', '2021-01-01'), "
            "(3, 'cc-2', 'Old', '2020-01-01'), (4, 'CC2', 'Spelled', '2021-01-01'), "
            "(5, 'ti 3', 'Alone', '2021-01-01'), (6, '...', 'Nothing', '2021-01-01')"
        )
        cursor.execute((SQL / "schema" / "090_canonical_documents.sql").read_text())
        cursor.execute(
            "SELECT document_id, document_clashes_with FROM transit.users ORDER BY user_id"
        )
        assert [tuple(row) for row in cursor.fetchall()] == [
            ("CC1", None), ("CC 1", 1), ("cc-2", 4), ("CC2", None), ("TI3", None), ("...", 6),
        ]  # fmt: skip
        # Whoever keeps an old spelling travels on: the first tap of a day writes this.
        cursor.execute("UPDATE transit.users SET last_active_on = '2026-11-20'")
        assert cursor.rowcount == 6


def test_stored_document_is_canonical(story):
    with pytest.raises(Exception, match="users_document_is_canonical"):
        story.ask(
            "INSERT INTO transit.users (user_id, document_id, full_name, created_at) "
            "VALUES (1, 'cc-1', 'Ana', now()) RETURNING user_id"
        )


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
