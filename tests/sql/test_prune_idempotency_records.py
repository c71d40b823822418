"""api.prune_idempotency_records: keys are forgotten after 8 days, never before 7."""

from tests.sql.stories import DAY, FARE, NOON, TICK


def prune(story, limit=100):
    return story.ask_one("SELECT api.prune_idempotency_records(%s) AS pruned", limit).pruned


def test_key_is_kept_for_eight_days(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, key="k")
    story.go_to(NOON + 8 * DAY)
    assert prune(story) == 0
    assert story.tap(card_id, key="k").replayed
    story.go_to(NOON + 8 * DAY + TICK)
    assert prune(story) == 1


def test_tap_sent_again_after_its_key_was_pruned_is_refused_tap_too_old(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, at=NOON, device=(1, 1))
    story.go_to(NOON + 9 * DAY)
    prune(story)
    assert story.tap(card_id, at=NOON, device=(1, 1)).outcome == "tap_too_old"
    assert story.money(card_id) == (10_000 - FARE, 0)


def test_no_more_than_the_limit_are_forgotten_in_one_call(story):
    card_id = story.make_card(balance=FARE)
    for i in range(3):
        story.tap(card_id, key=f"k-{i}")
    story.go_to(NOON + 9 * DAY)
    assert [prune(story, 2), prune(story, 2), prune(story, 2)] == [2, 1, 0]
