"""api.identify_deny_list: the epoch stays while the list does, and a restore changes it."""

from tests.sql.stories import open_story
from transit_api.local.postgresql import OWNER

# What loading a dump does to the table, into a database that is there already.
RESTORED = """
    CREATE TABLE transit.restored (LIKE transit.deny_list_version INCLUDING ALL);
    INSERT INTO transit.restored SELECT v.* FROM transit.deny_list_version AS v;
    DROP TABLE transit.deny_list_version;
    ALTER TABLE transit.restored RENAME TO deny_list_version;
    GRANT SELECT ON transit.deny_list_version TO transit_service;
"""


def test_epoch_stays_the_same_while_cards_change(story):
    before = story.deny_page()[0].epoch
    story.block(story.make_card())
    assert story.deny_page()[0].epoch == before


def test_epoch_changes_when_a_dump_makes_the_table_anew(fresh_database):
    with open_story(fresh_database, OWNER) as owner:
        before = owner.deny_page()[0].epoch
        owner.decree(RESTORED)
        assert owner.deny_page()[0].epoch != before


def test_epoch_of_another_database_with_the_same_content_differs(story, fresh_database):
    with open_story(fresh_database) as other:
        assert other.deny_page()[0].epoch != story.deny_page()[0].epoch
