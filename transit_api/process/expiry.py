"""The owner's own chore: expiring cards long unused, beside the workers, who may not."""

import logging
import threading

import psycopg2

from transit_api.database.migrate import cannot_connect

log = logging.getLogger(__name__)

EVERY_S = 3_600.0
# Cards of one transaction: it stays short, whatever the backlog.
AT_ONCE = 100


def expire_cards(url: str) -> int:
    """Expire every card that is due, as the owner; answers how many. MigrationError if away."""
    try:
        connection = psycopg2.connect(url, connect_timeout=10, application_name="transit-expiry")
    except psycopg2.Error as error:
        raise cannot_connect(error) from error
    connection.autocommit = True
    total = 0
    try:
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT api.expire_cards(%s)", [AT_ONCE])
                done = int(cursor.fetchone()[0])
                total += done
                if not done:
                    break
        return total
    finally:
        connection.close()


class Expiry(threading.Thread):
    """Expires cards every hour, in the parent of the workers, until told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__(name="expiry", daemon=True)
        self._url = url
        self._told_to_stop = threading.Event()

    def run(self) -> None:
        while not self._told_to_stop.wait(EVERY_S):
            try:
                expire_cards(self._url)
            except Exception:
                # An outage or a defect of this hour must not end the next ones.
                log.exception("no cards were expired; they are an hour from now")

    def stop(self) -> None:
        """The service ends."""
        self._told_to_stop.set()
