"""A copy of the program and its SQL with one defect in it; the program itself is never changed.

What keeps a broken build away from data that matters: only `up` starts one, on a loopback address,
on a data directory of its own; and the database carries the name of its defect, so that `migrate`
refuses it to every other build, and refuses every other database to this build.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import transit_api
from transit_api.database.migrate import SQL
from transit_api.lab.defects import Defect
from transit_api.settings import SettingsError

PACKAGE: Final = Path(transit_api.__file__).parent
MARK: Final = "broken"


@contextmanager
def broken_build(defect: Defect) -> Iterator[Path]:
    """Where the copy lies, until the end; `sql_of` and `environment_of` say how to use it."""
    with tempfile.TemporaryDirectory(prefix="transit-broken-") as directory:
        build = Path(directory)
        for source in (PACKAGE, SQL):
            shutil.copytree(
                source,
                build / source.relative_to(PACKAGE.parent),
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )
        for change in defect.changes:
            # Found by its name: a file may move to another folder.
            (file,) = build.rglob(change.file)
            whole = file.read_text(encoding="utf-8")
            if whole.count(change.text) != 1:
                raise ValueError(f"{change.file} does not say {change.text!r} once")
            file.write_text(whole.replace(change.text, change.replacement), encoding="utf-8")
        yield build


def sql_of(build: Path) -> Path:
    """The SQL of a build, for `migrate`."""
    return build / SQL.relative_to(PACKAGE.parent)


def environment_of(build: Path) -> dict[str, str]:
    """The variables with which another Python runs the build and not the program itself."""
    # Without safe path the current directory would come first, which may be a checkout.
    return {"PYTHONPATH": str(build), "PYTHONSAFEPATH": "1"}


def claim(directory: Path, name: str) -> None:
    """Take a directory that is new, empty, or was taken for the same defect before."""
    mark = directory / MARK
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()) and not (mark.exists() and mark.read_text().strip() == name):
            raise SettingsError(
                f"{directory} has other data in it: a broken service takes only a directory"
                " that is new, or that the same --broken has made"
            )
        mark.write_text(f"{name}\n")
    except OSError as error:
        raise SettingsError(f"cannot use {directory} for data: {error.strerror}") from error
