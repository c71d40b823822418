"""Where a procedure stands: the file of its name, in whichever room."""

from pathlib import Path

from transit_api.database.migrate import SQL


def procedure_file(name: str, sql: Path = SQL) -> Path:
    """The file of a procedure below a folder like sql/."""
    (found,) = (sql / "procedures").rglob(f"{name}.sql")
    return found
