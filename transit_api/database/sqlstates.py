"""What each SQLSTATE of PostgreSQL means to whoever asked; the one table of it, and why.

Looked up by the whole code first and by its class, the first two characters, then.
"""

import enum
from typing import Final

import psycopg2


class Meaning(enum.Enum):
    """What becomes of a call that met it."""

    OUTAGE = "503, and the connection is closed: another one may reach a server that can"
    REFUSED = "503 while serving; at start the reason in a line, and the end"
    LOST_RACE = "rolled back whole: repeated, and 503 if that loses as well"
    REBUILT = "met a function that was being replaced: repeated once, and a defect if it stays"
    DEFECT = "500, and in the log"


O, R, L, B, D = (  # noqa: E741
    Meaning.OUTAGE,
    Meaning.REFUSED,
    Meaning.LOST_RACE,
    Meaning.REBUILT,
    Meaning.DEFECT,
)

MEANINGS: Final[dict[str, tuple[Meaning, str]]] = {
    "00": (D, "success is no error"),
    "01": (D, "a warning is no error"),
    "02": (D, "no data: nothing of ours asks for a row INTO STRICT"),
    "03": (D, "we send no incomplete statement"),
    "08": (O, "the connection broke, or a pooler has lost its server"),
    "09": (D, "a trigger's action failed"),
    "0A": (D, "a feature that this server lacks"),
    "0B": (D, "we start no transaction inside another"),
    "0F": (D, "we use no locators"),
    "0L": (D, "nothing of ours grants anything while serving"),
    "0P": (D, "the same, of roles"),
    "0Z": (D, "diagnostics asked for outside of a handler"),
    "10": (D, "we use no XQuery"),
    "20": (D, "a CASE without its case"),
    "21": (D, "more rows than a function said"),
    "22": (D, "a value that validation should have refused"),
    "23": (D, "a constraint that a function should have kept"),
    "24": (D, "we hold no cursors"),
    "25": (D, "a transaction in a state that no call of ours leaves behind"),
    "25006": (O, "the server became a standby, or somebody made the database read-only"),
    "25P03": (O, "the server ended a session that it found idle in a transaction"),
    "25P04": (O, "the server's transaction_timeout is shorter than our statement_timeout"),
    "26": (D, "we prepare no statements"),
    "27": (D, "a trigger changed what was being changed"),
    "28": (R, "the role is gone, its password changed, or pg_hba.conf does not let us in"),
    "2B": (D, "nothing of ours drops roles"),
    "2D": (D, "a COMMIT where none can be"),
    "2F": (D, "a SQL function did what it may not"),
    "34": (D, "we hold no cursors"),
    "38": (D, "a function outside of the database failed"),
    "39": (D, "the same, of how it is called"),
    "3B": (D, "a savepoint that nobody made"),
    "3D": (R, "there is no such database"),
    "3F": (B, "the schema api is being replaced"),
    "40": (L, "rolled back for somebody else's sake: serialization failure, deadlock"),
    "40002": (D, "a deferred constraint that a function should have kept"),
    "40003": (O, "whether it was done is unknown"),
    "42": (D, "a statement that is wrong, or that our role may not run"),
    "42883": (B, "the function is being replaced"),
    "44": (D, "a view refused what was written through it"),
    "53": (O, "disk, memory or connections of the server are used up"),
    "54": (D, "larger than a limit of the server: nothing bounded should be"),
    "55": (D, "an object that is not ready for what we ask"),
    "55P03": (O, "somebody holds a lock, and the server waits no longer"),
    "57": (O, "the server stops, starts, recovers, or cancelled the statement"),
    "58": (O, "the server's own disk or network failed"),
    "72": (L, "the snapshot is too old: with a new one it works"),
    "F0": (O, "the server's configuration is broken"),
    "HV": (D, "we use no foreign tables"),
    "P0": (D, "an exception that a function raised and nobody handles"),
    "XX": (D, "a broken page or index: no repetition helps, and it must be seen"),
    "XX000": (B, "cache lookup failed: the function was replaced while it was called"),
}


def meaning_of(error: psycopg2.Error, *, read_only: bool = False) -> Meaning:
    """What an error of the driver means, on a session that may only read if `read_only`."""
    code = error.pgcode
    if code is None:
        # The server did not say anything: the connection broke, or the driver refused the call.
        broke = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        return Meaning.OUTAGE if broke or type(error) is psycopg2.DatabaseError else Meaning.DEFECT
    if code == "25006" and read_only:
        # Our own doing: a function that writes was called where only questions are.
        return Meaning.DEFECT
    for known in (code, code[:2]):
        if known in MEANINGS:
            return MEANINGS[known][0]
    return Meaning.DEFECT
