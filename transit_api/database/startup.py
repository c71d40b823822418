"""What serving needs of its database once: at start, or as soon as it answers."""

import logging
import os
import signal
import threading

from transit_api.database.clock import prepare_clock
from transit_api.database.migrate import DatabaseAway, MigrationError, is_empty, migrate, read_mark
from transit_api.database.network_files import NetworkFileError
from transit_api.process.processes import ProcessError
from transit_api.settings import Settings, SettingsError

log = logging.getLogger(__name__)

TRY_EVERY_S = 0.25


def prepare(settings: Settings) -> None:
    """Fill an empty database, and start or check its clock; DatabaseAway if it does not answer."""
    # One that another release migrated is left to `migrate`, or two releases side by side would
    # rebuild each other's procedures.
    if is_empty(settings.owner_url):
        log.info("database: %s", migrate(settings.owner_url))
    elif mark := read_mark(settings.owner_url):
        raise MigrationError(f"this database is broken on purpose, by `up --broken {mark}`")
    prepare_clock(settings)


class LatePreparation(threading.Thread):
    """Prepares a database that was away when the service started, which serves 503 meanwhile.

    If the database then turns out to be one that this service must not serve, the service stops,
    as it would have at its start.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="late preparation", daemon=True)
        self._settings = settings
        self._told_to_stop = threading.Event()
        self.refusal: Exception | None = None

    def run(self) -> None:
        while not self._told_to_stop.wait(TRY_EVERY_S):
            try:
                prepare(self._settings)
            except DatabaseAway:
                continue
            except (MigrationError, ProcessError, NetworkFileError, SettingsError) as error:
                self.refusal = error
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                log.warning("the database answers, and is as it should be")
            return

    def stop(self) -> None:
        """The service ends, whether or not the database came."""
        self._told_to_stop.set()
