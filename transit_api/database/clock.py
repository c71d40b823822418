"""Which clock this service runs on: decided once at start, before any worker."""

import psycopg2
import psycopg2.errors

from transit_api.database.migrate import MigrationError, cannot_connect
from transit_api.process.processes import ProcessError
from transit_api.settings import Settings, SettingsError

_NOT_MIGRATED = (psycopg2.errors.InvalidSchemaName, psycopg2.errors.UndefinedFunction)


def prepare_clock(settings: Settings) -> None:
    """Start the simulated clock if asked for; refuse simulated data on the real one."""
    # Only the owner may start a clock.
    url = settings.owner_url if settings.simulated_clock else settings.database_url
    try:
        connection = psycopg2.connect(url, connect_timeout=settings.connect_timeout_seconds)
    except psycopg2.Error as error:
        raise cannot_connect(error) from error
    try:
        with connection, connection.cursor() as cursor:
            if settings.simulated_clock:
                cursor.execute(
                    "SELECT FROM api.start_simulated_clock(coalesce(%s::timestamptz, now()))",
                    [settings.simulated_clock_start or None],
                )
                return
            cursor.execute("SELECT FROM api.read_clock()")
            if cursor.rowcount:
                raise ProcessError(
                    "this database runs on a simulated clock; start with --simulated-clock,"
                    " or on other data"
                )
    except psycopg2.errors.InvalidParameterValue as error:
        raise SettingsError(str(error.diag.message_primary)) from error
    except psycopg2.errors.InsufficientPrivilege as error:
        raise SettingsError(
            "only the owner of the database starts a simulated clock:"
            " set TRANSIT_OWNER_DATABASE_URL"
        ) from error
    except (psycopg2.OperationalError, psycopg2.errors.ReadOnlySqlTransaction) as error:
        raise cannot_connect(error) from error
    except _NOT_MIGRATED as error:
        # Readiness says what is missing; without a clock to start, serving can wait for it.
        if settings.simulated_clock:
            raise MigrationError(
                "the database is not at this release; run `transit-api migrate`"
            ) from error
    finally:
        connection.close()
