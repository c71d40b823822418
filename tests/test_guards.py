"""What must hold for every function, word and table, whoever adds one."""

import json
import re
import shutil
from pathlib import Path

import psycopg2
import pytest

from tests.procedures import procedure_file
from transit_api.database.migrate import SERVICE_ROLE, SQL, migrate
from transit_api.errors import REFUSALS
from transit_api.http.openapi import describe
from transit_api.http.outcomes import SUCCESSES
from transit_api.routes import CLOCK_ROUTES, ROUTES

TESTS = Path(__file__).parent
PROCEDURES = sorted((SQL / "procedures").rglob("*.sql"))
PACKAGE = SQL.parent / "transit_api"

# Small functions that a test file of another name covers: what they do shows there.
COVERED_BY = {
    "answer_tap": "test_start_trips",
    "buy_monthly_pass": "test_buy_monthly_passes",
    "change_fare": "test_reprice_trips_after",
    "compute_active_users": "test_fold_rollups",
    "compute_localities": "test_fold_rollups",
    "compute_revenue": "test_fold_rollups",
    "compute_top_stations": "test_fold_rollups",
    "compute_trip_totals": "test_fold_rollups",
    "compute_trips_hourly": "test_fold_rollups",
    "count_credit_trips": "test_start_trips",
    "count_pass_use": "test_buy_monthly_passes",
    "day_activity": "test_fold_rollups",
    "decide_tap": "test_start_trips",
    "describe_tariff": "test_explain_trip",
    "expire_card": "test_expire_cards",
    "explain_transfer": "test_explain_trip",
    "find_pass_in_force": "test_buy_monthly_passes",
    "fail_unlocked": "test_races",
    "find_unused_cards": "test_expire_cards",
    "format_time": "test_explain_trip",
    "hash_request": "test_replay_tap",
    "hour_activity": "test_fold_rollups",
    "issue_card": "test_issue_cards",
    "list_corrections": "test_explain_trip",
    "match_request": "test_replay_tap",
    "move_money": "test_write_decisions",
    "next_id": "test_start_trips",
    "note_active_cards": "test_fold_rollups",
    "note_active_users": "test_fold_rollups",
    "note_trips": "test_fold_rollups",
    "post_corrections": "test_reprice_trips_after",
    "price_again": "test_reprice_trips_after",
    "price_by_time": "test_find_transfer",
    "price_tap": "test_start_trips",
    "read_fare_terms": "test_start_trips",
    "read_missing_parts": "test_migrate",
    "read_tap_facts": "test_start_trips",
    "read_tap_facts_again": "test_start_trips",
    "read_tapped_account": "test_start_trips",
    "recharge_card": "test_recharge_cards",
    "refuse_for_fare": "test_start_trips",
    "refuse_pass": "test_buy_monthly_passes",
    "refuse_replacement": "test_replace_cards",
    "refuse_tap": "test_start_trips",
    "remember": "test_replay_tap",
    "replace_card": "test_replace_cards",
    "save_money": "test_recharge_cards",
    "slot_of": "test_start_trips",
    "slot_of_document": "test_create_users",
    "start_trip": "test_start_trips",
    "station_activity": "test_fold_rollups",
    "write_trips": "test_write_decisions",
}

# Words with an underscore beside outcomes that are none: keys, kinds and requests.
NO_OUTCOMES = {
    "fare_correction", "fare_revenue", "monthly_pass", "pass_revenue", "serialization_failure",
    "start_trip", "subsidy_pass", "ticket_office", "invalid_parameter_value", "buy_monthly_pass",
}  # fmt: skip

# What needs more than reading; of nextval and setval an identifier is taken.
WRITES = re.compile(
    r"\b(INSERT INTO|UPDATE transit|DELETE FROM|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|nextval)\b"
)


def python_of(folder):
    return {path: path.read_text() for path in sorted(folder.rglob("*.py"))}


TEST_FILES = {path: text for path, text in python_of(TESTS).items() if path != Path(__file__)}
# Handlers share names with functions, so the tests of HTTP would name more than they test.
SQL_TESTS = "\n".join(
    text for path, text in TEST_FILES.items() if path.parent.name in ("sql", "platform", "tests")
)


def ask(database, query, *values):
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        rows = cursor.fetchall()
    connection.close()
    return rows


# Files and tests


@pytest.mark.parametrize("path", PROCEDURES, ids=lambda path: path.stem)
def test_file_of_a_procedure_holds_what_its_name_says(path):
    text = path.read_text()
    made = re.findall(r"^CREATE (?:FUNCTION|VIEW) api\.(\w+)", text, re.MULTILINE)
    assert made == ([] if path.stem == "types" else [path.stem])
    assert text.startswith("-- ")
    assert len(re.findall(r"^COMMENT ON (?:FUNCTION|VIEW) api\.", text, re.MULTILINE)) == len(made)


def test_every_procedure_is_named_by_a_test_file():
    unnamed = {
        path.stem
        for path in PROCEDURES
        if path.stem != "types"
        # Each rule of the audit has its corruption, which another guard looks after.
        and not path.stem.startswith("audit_")
        and not re.search(rf"\b{path.stem}\b", SQL_TESTS)
    }
    assert unnamed - set(COVERED_BY) == set()


def test_list_of_covered_functions_is_no_longer_than_needed():
    functions = {path.stem for path in PROCEDURES}
    assert set(COVERED_BY) - functions == set()
    assert {name for name in COVERED_BY if re.search(rf"\b{name}\b", SQL_TESTS)} == set()
    assert set(COVERED_BY.values()) - {path.stem for path in TEST_FILES} == set()


@pytest.mark.parametrize("path", PROCEDURES, ids=lambda path: path.stem)
def test_procedure_runs_no_dynamic_sql_and_hides_no_error(path):
    code = re.sub(r"--.*", "", path.read_text())
    assert not re.search(r"\bEXECUTE\b(?! ON FUNCTION)|\bWHEN OTHERS\b", code)
    assert code.count("RAISE ") == code.count("ERRCODE = ")


# The audit

# What an audit may call beside the questions of other audits: functions of their arguments alone,
# and the clock. What decides is what it audits, so it asks the tables anew.
PURE = {"format_time", "service_day", "start_of_day", "slot_of", "clock_now"}
# What analytics reads: an audit compares these with the sums they stand for.
AUDITED_VIEWS = {"day_activity", "hour_activity", "station_activity"}
AUDITS = [path for path in PROCEDURES if path.stem.startswith("audit")]
RULES = (SQL / "RULES.md").read_text()


@pytest.mark.parametrize("path", AUDITS, ids=lambda path: path.stem)
def test_audit_asks_no_function_that_decides(path):
    code = re.sub(r"--.*|COMMENT ON.*", "", path.read_text())
    asked = {name for name in re.findall(r"\bapi\.(\w+)", code) if not name.startswith("audit")}
    assert asked - PURE - AUDITED_VIEWS == set()


def test_functions_that_an_audit_may_call_read_no_table():
    for name in PURE - {"clock_now"}:
        assert "transit." not in procedure_file(name).read_text()


def test_every_invariant_is_written_down_with_its_audit():
    listed = dict(
        re.findall(r"^\| (I\d+) \|.*`procedures/audit/(audit_\w+)\.sql` \|$", RULES, re.MULTILINE)
    )
    assert list(listed) == [f"I{number}" for number in range(1, len(listed) + 1)]
    named = {}
    for path in AUDITS:
        for number in re.findall(
            r"^-- Invariant (I\d+) \(rule [\d, ]+\)\.$", path.read_text(), re.MULTILINE
        ):
            named[number] = path.stem
    assert named == listed
    words = {
        f"audit_{word}"
        for path in AUDITS
        for word in re.findall(r"RETURN QUERY SELECT '(\w+)'", path.read_text())
    }
    assert words == set(listed.values())


def test_every_rule_that_a_comment_quotes_is_written_down():
    rules = {int(number) for number in re.findall(r"^(\d+)\. \*\*", RULES, re.MULTILINE)}
    assert rules == set(range(1, 15))
    quoted = {
        int(number)
        for path in PROCEDURES
        for text in re.findall(r"[Rr]ules? ((?:\d+(?:, | and | to )?)+)", path.read_text())
        for number in re.findall(r"\d+", text)
    }
    assert quoted and quoted <= rules


# Words


def test_every_error_code_is_in_the_openapi_document():
    document = json.dumps(describe([*ROUTES, *CLOCK_ROUTES]))
    assert {code for code in REFUSALS if f'"{code}"' not in document} == set()


def test_every_error_code_is_in_a_test():
    text = "\n".join(TEST_FILES.values())
    assert {code for code in REFUSALS if not re.search(rf"\b\w*{code}\b", text)} == set()


def test_every_outcome_of_the_sql_is_an_error_code_or_a_success():
    words = set()
    for path in PROCEDURES:
        text = re.sub(r"--.*|COMMENT ON.*", "", path.read_text())
        words |= set(re.findall(r"outcome\s*:=\s*'(\w+)'", text))
        if re.search(r"\boutcome\b|api\.refuse\(", text) and not path.stem.startswith("audit"):
            words |= set(re.findall(r"'([a-z]+(?:_[a-z]+)+)'", text))
    facts = {name for refusal in REFUSALS.values() for name in refusal.facts}
    assert words - set(REFUSALS) - SUCCESSES - NO_OUTCOMES - facts == set()
    # A search that finds nothing would prove nothing.
    assert len(words & set(REFUSALS)) > 15


# The database


def dump_catalog(database, schema):
    """Everything that stands in a schema, by name and definition, without its numbers."""
    queries = [
        "SELECT c.relkind, c.relname, c.relacl::text, c.reloptions::text,"
        " pg_get_userbyid(c.relowner), obj_description(c.oid, 'pg_class'),"
        " CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END"
        " FROM pg_class AS c WHERE c.relnamespace = %s::regnamespace",
        "SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),"
        " a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0"
        " LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum"
        " WHERE c.relnamespace = %s::regnamespace",
        "SELECT c.conname, c.conrelid::regclass::text, pg_get_constraintdef(c.oid)"
        " FROM pg_constraint AS c WHERE c.connamespace = %s::regnamespace",
        "SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text,"
        " obj_description(p.oid, 'pg_proc'), pg_get_userbyid(p.proowner)"
        " FROM pg_proc AS p WHERE p.pronamespace = %s::regnamespace",
        "SELECT t.typname, t.typtype, obj_description(t.oid, 'pg_type')"
        " FROM pg_type AS t WHERE t.typnamespace = %s::regnamespace",
    ]
    return [sorted(map(repr, ask(database, query, schema))) for query in queries]


def drop_api(database):
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA api CASCADE")
    connection.close()


def test_data_does_not_depend_on_the_functions(fresh_database):
    before = dump_catalog(fresh_database, "transit")
    drop_api(fresh_database)
    assert dump_catalog(fresh_database, "transit") == before


def test_rebuilding_the_functions_leaves_the_same_database(fresh_database, tmp_path):
    before = dump_catalog(fresh_database, "api"), dump_catalog(fresh_database, "transit")
    # Another release comes and goes.
    sql = Path(shutil.copytree(SQL, tmp_path / "sql"))
    (sql / "procedures" / "zzz.sql").write_text("CREATE FUNCTION api.zzz() RETURNS integer"
                                                " LANGUAGE sql AS 'SELECT 1'")  # fmt: skip
    for _ in range(2):
        assert migrate(fresh_database.owner_url, sql).procedures_rebuilt
        assert migrate(fresh_database.owner_url).procedures_rebuilt
    after = dump_catalog(fresh_database, "api"), dump_catalog(fresh_database, "transit")
    assert after == before


def test_everything_in_the_database_has_a_comment(fresh_database):
    assert (
        ask(
            fresh_database,
            "SELECT c.oid::regclass::text AS name FROM pg_class AS c"
            " WHERE c.relnamespace IN ('transit'::regnamespace, 'api'::regnamespace)"
            " AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL"
            " UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc AS p"
            " WHERE p.pronamespace = 'api'::regnamespace AND obj_description(p.oid) IS NULL",
        )
        == []
    )


def test_every_body_is_valid(fresh_database):
    """The migration does not look into bodies, as one may name a function that comes later."""
    ask(
        fresh_database,
        "SELECT CASE l.lanname WHEN 'plpgsql' THEN plpgsql_validator(p.oid)"
        " WHEN 'sql' THEN fmgr_sql_validator(p.oid) END"
        " FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang"
        " WHERE p.pronamespace = 'api'::regnamespace",
    )


# The role of the service


def called_by_the_service():
    """The functions that the package names in a query or as a function of arrays."""
    return {
        name
        for text in python_of(PACKAGE).values()
        for name in re.findall(r"\bapi\.(\w+)\(", text)
        + re.findall(r"\b(?:ArrayFunction|Chore)\(\s*\"(\w+)\"", text)
    }


# What the package calls with the owner's address: commands, and the clock at start.
OWNERS_OWN = {"audit", "expire_cards", "start_simulated_clock"}
# Granted by start_simulated_clock, and to nobody on a real clock.
GRANTED_LATER = {"set_clock"}
# What only the release before this one calls, while this one migrates; it goes with the next.
OF_THE_LAST_RELEASE = {"end_trip"}


def called_below(names, bodies, definers):
    """Those and every function that a reading one of them calls, which needs a grant, too."""
    found, left = set(), set(names)
    while left:
        name = left.pop()
        found.add(name)
        if name in bodies and name not in definers:
            below = set(re.findall(r"\bapi\.(\w+)", re.sub(r"--.*", "", bodies[name])))
            left |= (below & set(bodies)) - found
    return found


def test_service_may_call_what_the_code_calls_and_nothing_else(fresh_database):
    rows = ask(
        fresh_database,
        "SELECT p.proname AS name, p.prosrc AS body, p.prosecdef AS acts_for_owner,"
        " has_function_privilege(%s, p.oid, 'EXECUTE') AS granted"
        " FROM pg_proc AS p WHERE p.pronamespace = 'api'::regnamespace"
        " UNION ALL SELECT c.relname, pg_get_viewdef(c.oid), false,"
        " has_table_privilege(%s, c.oid, 'SELECT')"
        " FROM pg_class AS c WHERE c.relnamespace = 'api'::regnamespace AND c.relkind = 'v'",
        SERVICE_ROLE,
        SERVICE_ROLE,
    )
    bodies = {row.name: row.body for row in rows}
    definers = {row.name for row in rows if row.acts_for_owner}
    # `compute` is a command of the owner, which puts the names of its functions together.
    wanted = called_below(called_by_the_service() - OWNERS_OWN - GRANTED_LATER, bodies, definers)
    granted = {row.name for row in rows if row.granted}
    assert wanted - granted == set(), "the code calls these: add them by name to sql/grants.sql"
    assert granted - wanted == OF_THE_LAST_RELEASE, (
        "nothing calls these: take them out of sql/grants.sql"
    )


def test_service_reads_only_the_tables_that_its_questions_name(fresh_database):
    rows = ask(
        fresh_database,
        "SELECT p.prosrc AS body FROM pg_proc AS p WHERE p.pronamespace = 'api'::regnamespace"
        " AND NOT p.prosecdef AND has_function_privilege(%s, p.oid, 'EXECUTE')",
        SERVICE_ROLE,
    )
    named = {name for row in rows for name in re.findall(r"\btransit\.(\w+)", row.body)}
    granted = ask(
        fresh_database,
        "SELECT c.relname AS name FROM pg_class AS c"
        " WHERE c.relnamespace = 'transit'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND has_any_column_privilege(%s, c.oid, 'SELECT')",
        SERVICE_ROLE,
    )
    assert {row.name for row in granted} - named == set(), "take them out of sql/grants.sql"


def writes(name, bodies, seen):
    """Whether a function writes, itself or through one that it calls."""
    if name in seen or name not in bodies:
        return False
    seen.add(name)
    body = re.sub(r"--.*", "", bodies[name])
    return bool(WRITES.search(body)) or any(
        writes(called, bodies, seen) for called in re.findall(r"\bapi\.(\w+)", body)
    )


# What changes the money or the status of an account.
MOVES_MONEY = frozenset({"post_entry", "save_money", "write_trips", "change_card_status"})
# The other functions that read accounts: each looks at those that it locked in the same breath, at
# those of a user whose new cards it asks about, or shows what was decided.
READERS_OF_ACCOUNTS = frozenset({"erase_user", "expire_cards", "note_active_users"})


def called_from(name, bodies, seen):
    """The functions that a function calls, itself and those they call included."""
    if name not in seen and name in bodies:
        seen.add(name)
        body = re.sub(r"--.*", "", bodies[name])
        for called in re.findall(r"\bapi\.(\w+)", body):
            called_from(called, bodies, seen)
    return seen


def test_functions_that_move_money_decide_only_of_accounts_that_they_locked(fresh_database):
    rows = ask(
        fresh_database,
        "SELECT p.proname AS name, p.prosrc AS body FROM pg_proc AS p"
        " WHERE p.pronamespace = 'api'::regnamespace",
    )
    bodies = {row.name: row.body for row in rows}
    movers = {
        name: reached
        for name in called_by_the_service() | {"expire_cards"}
        if (reached := called_from(name, bodies, set())) & MOVES_MONEY
    }
    assert {"start_trips", "recharge_cards", "replace_cards", "erase_user"} <= movers.keys()
    for name, reached in movers.items():
        locks = "lock_accounts" in reached or "FOR NO KEY UPDATE SKIP LOCKED" in bodies[name]
        assert locks, f"{name} moves money and locks no account"
        assert "require_locked" in reached, f"{name} never asks whether it locked what it decides"
    # Every reading of an account for a decision goes through read_tapped_account, which asks.
    readers = {
        name
        for name in set().union(*movers.values()) - {"read_tapped_account", "lock_accounts"}
        if re.search(r"(FROM|JOIN) transit\.accounts\b", re.sub(r"--.*", "", bodies[name]))
    }
    assert readers == READERS_OF_ACCOUNTS


def test_functions_that_write_act_for_the_owner_and_no_others_do(fresh_database):
    rows = ask(
        fresh_database,
        "SELECT p.proname AS name, p.prosrc AS body, p.prosecdef AS acts_for_owner,"
        " coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false) AS has_path"
        " FROM pg_proc AS p WHERE p.pronamespace = 'api'::regnamespace",
    )
    bodies = {row.name: row.body for row in rows}
    called = called_by_the_service()
    entrances = {name for name in called if writes(name, bodies, set())} - OWNERS_OWN
    assert {"start_trips", "recharge_cards", "block_card", "create_alert"} <= entrances
    assert {row.name for row in rows if row.acts_for_owner} == entrances
    assert {row.name for row in rows if row.acts_for_owner and not row.has_path} == set()


def tables(database):
    return ask(
        database,
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c"
        " WHERE c.relnamespace = 'transit'::regnamespace AND c.relkind IN ('r', 'p')",
    )


def refused(database, statement):
    """Whether the service's role may not do it."""
    connection = database.connect(SERVICE_ROLE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege:
        return True
    finally:
        connection.close()
    return False


def test_service_can_change_no_table(fresh_database):
    names = [row.name for row in tables(fresh_database)]
    assert "transit.ledger_entries" in names
    for name in names:
        for statement in (
            f"INSERT INTO {name} DEFAULT VALUES",
            f"DELETE FROM {name}",
            f"TRUNCATE {name} CASCADE",
            f"ALTER TABLE {name} DISABLE TRIGGER ALL",
            f"DROP TABLE {name} CASCADE",
            f"LOCK TABLE {name} IN SHARE MODE",
        ):
            assert refused(fresh_database, statement), statement


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transit.ledger_entries SET amount = 0",
        "UPDATE transit.ledger_entries SET entry_id = entry_id",
        "UPDATE transit.accounts SET balance = 500000",
        "SELECT FROM transit.ledger_entries FOR UPDATE",
        "SELECT nextval('transit.entry_ids')",
        "SELECT setval('transit.trip_ids', 1)",
        "CREATE TABLE transit.mine (n integer)",
        "CREATE FUNCTION api.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP SCHEMA api CASCADE",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SELECT api.deny_card(1)",
        "SELECT api.expire_cards(1)",
        "SELECT api.start_simulated_clock(now())",
        "SELECT api.set_clock(now() + interval '6 years', NULL)",
        "SELECT api.audit(NULL, NULL)",
        "SELECT u.document_id FROM transit.users AS u",
        "SELECT u.email, u.phone FROM transit.users AS u",
        "SELECT u.* FROM transit.users AS u",
        "SELECT FROM transit.idempotency_records",
        "CREATE TEMPORARY TABLE mine (n integer)",
        "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (true)",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
def test_service_cannot(fresh_database, statement):
    assert refused(fresh_database, statement)


def test_service_is_a_plain_role(fresh_database):
    (role,) = ask(
        fresh_database,
        "SELECT r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,"
        " EXISTS (SELECT FROM pg_auth_members AS m WHERE m.member = r.oid) AS belongs"
        " FROM pg_roles AS r WHERE r.rolname = %s",
        SERVICE_ROLE,
    )
    assert not any(role)
