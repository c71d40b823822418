"""The checker of PL/pgSQL over every body, where the server has it."""

import pytest

from tests.conftest import skip_or_fail


def test_every_body_passes_the_checker(pg):
    with pg.cursor() as cursor:
        cursor.execute("SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check'")
        if not cursor.rowcount:
            if pg.server_version < 160000:
                skip_or_fail("postgresql-15-plpgsql-check", "plpgsql_check")
            pytest.skip("the wheel's PostgreSQL has no plpgsql_check; 15 checks the same bodies")
        cursor.execute("CREATE EXTENSION plpgsql_check")
        cursor.execute("""
            SELECT p.oid::regprocedure::text AS name, found.lineno, found.message, found.detail
            FROM pg_proc AS p
            INNER JOIN pg_language AS l ON p.prolang = l.oid,
            LATERAL plpgsql_check_function_tb(
                p.oid, extra_warnings => false, performance_warnings => false
            ) AS found
            WHERE p.pronamespace = 'api'::regnamespace AND l.lanname = 'plpgsql'
                AND p.prorettype <> 'trigger'::regtype
                -- An empty array is written '{}', which is a cast.
                AND coalesce(found.detail, '') NOT LIKE 'cast "text" value to "%[]" type'
        """)
        assert cursor.fetchall() == []
