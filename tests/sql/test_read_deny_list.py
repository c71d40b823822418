"""api.read_deny_list and api.deny_card: what validators must learn, with nothing ever skipped."""

from concurrent.futures import ThreadPoolExecutor

from tests.sql.stories import open_story
from tests.sql.waiting import wait_until_blocked
from transit_api.local.embedded_roles import OWNER


def number(story, card_id):
    return story.card(card_id).card_number


def test_deny_list_is_empty_at_first(story):
    (row,) = story.ask("SELECT * FROM api.read_deny_list(null)")
    assert (row.version, row.card_number, row.action, row.more) == (0, None, None, False)


def test_blocked_card_is_added_and_removed_again(story):
    card_id = story.make_card()
    story.block(card_id)
    assert story.deny_list() == (1, [(number(story, card_id), "add")])
    story.unblock(card_id)
    assert story.deny_list() == (2, [(number(story, card_id), "remove")])


def test_validator_learns_what_changed_since_its_version(story):
    cards = [story.make_card() for _ in range(3)]
    for card_id in cards:
        story.block(card_id)
    story.unblock(cards[0])
    assert story.deny_list(2) == (
        4, [(number(story, cards[2]), "add"), (number(story, cards[0]), "remove")],
    )  # fmt: skip


def test_validator_that_is_up_to_date_learns_nothing(story):
    story.block(story.make_card())
    assert story.deny_list(1) == (1, [])


def test_card_is_told_once_with_its_last_action(story):
    card_id = story.make_card()
    for _ in range(3):
        story.block(card_id)
        story.unblock(card_id)
    story.block(card_id)
    assert story.deny_list() == (7, [(number(story, card_id), "add")])


def test_replaced_and_expired_cards_are_on_the_list(story):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    new_id = story.replace(card_id).card_id
    story.erase(user_id)
    assert [action for _, action in story.deny_list()[1]] == ["add", "add"]
    assert {item[0] for item in story.deny_list()[1]} == {
        number(story, card_id), number(story, new_id),
    }  # fmt: skip


def test_pages_tell_each_card_and_more_only_while_there_is(story):
    cards = [story.make_card() for _ in range(4)]
    for card_id in cards:
        story.block(card_id)
    first = story.deny_page(limit=2)
    assert {(row.version, row.more) for row in first} == {(2, True)}
    second = story.deny_page(since=2, limit=2)
    assert {(row.version, row.more) for row in second} == {(4, False)}
    told = [row.card_number for row in first + second]
    assert told == [number(story, card_id) for card_id in cards]


def test_card_that_changes_between_two_pages_comes_again(story):
    cards = [story.make_card() for _ in range(3)]
    for card_id in cards:
        story.block(card_id)
    (first,) = story.deny_page(limit=1)
    story.unblock(cards[0])
    rest = [(row.card_number, row.action) for row in story.deny_page(since=first.version)]
    assert rest == [
        (number(story, cards[1]), "add"),
        (number(story, cards[2]), "add"),
        (number(story, cards[0]), "remove"),
    ]


def test_version_above_the_present_one_is_refused_deny_list_restarted(story):
    story.block(story.make_card())
    (row,) = story.deny_page(since=2)
    assert (row.outcome, row.card_number) == ("deny_list_restarted", None)


def test_version_of_another_epoch_is_refused_deny_list_restarted(story):
    story.block(story.make_card())
    (row,) = story.deny_page(since=1, epoch="0" * 16)
    assert (row.outcome, row.card_number) == ("deny_list_restarted", None)
    (row,) = story.deny_page(since=1, epoch=row.epoch)
    assert (row.outcome, row.version) == ("accepted", 1)


def test_the_beginning_is_told_whatever_epoch_the_validator_knew(story):
    story.block(story.make_card())
    (row,) = story.deny_page(since=0, epoch="0" * 16)
    assert (row.outcome, row.action) == ("accepted", "add")


# Two connections: the change with the earlier version commits later.

WITHOUT_THE_LOCK = """
    CREATE SEQUENCE transit.unlocked_versions;
    CREATE OR REPLACE FUNCTION api.deny_card(p_card_id bigint) RETURNS void
    LANGUAGE sql VOLATILE
    AS $$
    INSERT INTO transit.deny_list (card_number, action, version)
    SELECT c.card_number, 'add', nextval('transit.unlocked_versions')
    FROM transit.cards AS c WHERE c.card_id = p_card_id
    $$;
    GRANT USAGE ON SEQUENCE transit.unlocked_versions TO transit_service;
    DROP FUNCTION api.read_deny_list;
    CREATE FUNCTION api.read_deny_list(p_since bigint)
    RETURNS TABLE (version bigint, card_number text, action text)
    LANGUAGE sql STABLE
    AS $$
    SELECT v.version, d.card_number, d.action
    FROM (SELECT max(m.version) AS version FROM transit.deny_list AS m) AS v
    LEFT JOIN transit.deny_list AS d ON d.version > p_since
    $$;
"""


def tell_late_commit(database):
    """One block commits after another that began later; a validator asks between the commits and
    once more at the end. Answers the cards that it learnt of, and those that were blocked."""
    with open_story(database) as early, open_story(database) as late:
        cards = [early.make_card(), early.make_card()]
        numbers = {early.card(card_id).card_number for card_id in cards}
        early.connection.autocommit = False
        with ThreadPoolExecutor(1) as pool, open_story(database) as validator:
            early.block(cards[0])
            blocking = pool.submit(late.block, cards[1])
            wait_until_blocked(validator.connection, late.connection, blocking)
            version, learnt = validator.deny_list(0)
            early.connection.commit()
            blocking.result()
            learnt += validator.deny_list(version)[1]
    return {item[0] for item in learnt}, numbers


def test_danger_without_the_lock_a_change_that_commits_late_is_skipped(fresh_database):
    with open_story(fresh_database, OWNER) as owner:
        owner.decree(WITHOUT_THE_LOCK)
    learnt, expected = tell_late_commit(fresh_database)
    assert learnt < expected


def test_change_that_commits_late_is_never_skipped(fresh_database):
    learnt, expected = tell_late_commit(fresh_database)
    assert learnt == expected
