"""The defects that `transit-api up --broken NAME` can serve, as replacements of text."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Change:
    """In the file of that name `text`, which stands there once, becomes `replacement`."""

    file: str
    text: str
    replacement: str


@dataclass(frozen=True)
class Defect:
    """One defence that is taken away."""

    name: str
    # One line, printed when the broken service starts.
    taken_away: str
    changes: tuple[Change, ...]


_ALL: Final = (
    Defect(
        "no-lock",
        "a tap reads the balance of an account without locking it",
        (Change("lock_accounts.sql", "FOR NO KEY UPDATE", ""),),
    ),
    Defect(
        "no-idempotency-key",
        "the key of a request is never looked up, so a request sent again acts again",
        (
            Change("recall.sql", "IF p_key IS NULL THEN", "IF true THEN"),
            Change("read_tap_facts.sql", "r.key = t.key", "r.key = t.key AND false"),
            Change("read_tap_facts_again.sql", "r.key = v_tap.key", "r.key = v_tap.key AND false"),
            # The table refuses a second record of a key; the defect must act and not fail.
            Change(
                "write_decisions.sql",
                "WHERE (d.record).key IS NOT NULL;",
                "WHERE (d.record).key IS NOT NULL ON CONFLICT DO NOTHING;",
            ),
            Change(
                "remember.sql",
                "THEN true END\n    );",
                "THEN true END\n    ) ON CONFLICT DO NOTHING;",
            ),
        ),
    ),
    Defect(
        "cache-without-age",
        "a copy in the memory of a worker is served for ever",
        (Change("cache.py", "if now <= copy.fresh_until:", "if True:"),),
    ),
    Defect(
        "stampede",
        "each reader of a missing copy asks the database, not only the first one",
        (Change("cache.py", "            self._loads[key] = filling\n", ""),),
    ),
    Defect(
        "lost-update",
        "the counter of the day's trips is overwritten with the last few and not added to",
        (
            Change(
                "fold_rollups.sql",
                "SET trips = t.trips + excluded.trips,",
                "SET trips = excluded.trips,",
            ),
        ),
    ),
    Defect(
        "stale-304",
        "a client that asks whether its copy is still true is always told yes",
        (Change("cache.py", "if _matches(wanted, copy.etag):", "if True:"),),
    ),
    Defect(
        "unordered-locks",
        "accounts are locked in the order of the request and not by their numbers",
        (
            Change(
                "lock_accounts.sql",
                "ORDER BY a.account_id",
                "ORDER BY array_position(p_card_id, a.account_id)",
            ),
        ),
    ),
    Defect(
        "unposted-correction",
        "a tap that arrives late changes a balance and no entry of the ledger says so",
        (Change("post_corrections.sql", "WHERE c.amount <> 0;", "WHERE false;"),),
    ),
)

DEFECTS: Final = {defect.name: defect for defect in _ALL}
