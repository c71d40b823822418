"""The checker of PL/pgSQL over every body, where the server has it."""

from contextlib import closing

import psycopg2
import pytest

from tests.conftest import skip_or_fail
from transit_api.local.embedded_roles import SUPERUSER


# The wheel's PostgreSQL 18 has no such extension; the bodies are the same.
@pytest.mark.only_on("15")
def test_every_body_passes_the_checker(cluster, shared_database):
    # Only the superuser makes an extension; it is rolled back.
    connection = psycopg2.connect(cluster.postgresql.url(SUPERUSER, shared_database.name))
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check'")
        if not cursor.rowcount:
            skip_or_fail("postgresql-15-plpgsql-check", "plpgsql_check")
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
