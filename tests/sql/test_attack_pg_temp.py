"""An attack as the service: a type of its own in pg_temp, whose CHECK would run as the owner.

Without `pg_temp` at the end of search_path a function looks there first for the name of a type.
"""

import psycopg2
import psycopg2.errors
import pytest

from tests.conftest import Database, administration
from transit_api.database.migrate import SERVICE_ROLE, migrate
from transit_api.local.embedded import Servers

TRAP = """
    CREATE FUNCTION pg_temp.spring(p_value pg_catalog.text) RETURNS boolean
    LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user <> 'transit_service' THEN
            RAISE EXCEPTION 'ran as %', current_user;
        END IF;
        RETURN true;
    END;
    $$;
    CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.spring(VALUE));
"""
CALL = "SELECT * FROM api.create_users('{1}', '{CC-1}', '{Ana}', '{null}', '{null}')"


def spring_the_trap(database: Database) -> None:
    connection = database.connect(SERVICE_ROLE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(TRAP)
            cursor.execute(CALL)
    finally:
        connection.close()


def test_the_service_makes_nothing_in_pg_temp(fresh_database: Database) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        spring_the_trap(fresh_database)


def test_a_trap_in_pg_temp_never_runs_as_the_owner(
    cluster: Servers, fresh_database: Database
) -> None:
    # As if the database had been left open to temporary objects.
    with administration(cluster) as cursor:
        cursor.execute(f"GRANT TEMPORARY ON DATABASE {fresh_database.name} TO PUBLIC")
    spring_the_trap(fresh_database)


def test_migrate_takes_temporary_objects_from_everybody(
    cluster: Servers, fresh_database: Database
) -> None:
    with administration(cluster) as cursor:
        cursor.execute(f"GRANT TEMPORARY ON DATABASE {fresh_database.name} TO PUBLIC")
    migrate(fresh_database.owner_url)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        spring_the_trap(fresh_database)
