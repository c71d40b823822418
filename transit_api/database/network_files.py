"""Reads the data files of sql/network, and says file, line and remedy where one is wrong."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

# Bogotá has had no daylight saving since 1993.
BOGOTA = timezone(timedelta(hours=-5))

MAX_INTEGER = 2**31 - 1


class NetworkFileError(Exception):
    """A data file that cannot be loaded; the message is one line for whoever edits the file."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        place = str(path) if line is None else f"{path}, line {line}"
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True)
class Column:
    """How the text of one column becomes a value, and in words what it should be."""

    parse: Callable[[str], Any]
    expected: str


@dataclass(frozen=True)
class Row:
    """One line of a file with its values converted."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A file of the network, and the columns that tell its rows apart."""

    name: str
    keys: Sequence[tuple[str, ...]]
    columns: Mapping[str, Column]

    def path(self, directory: Path) -> Path:
        return directory / f"{self.name}.csv"


def read_table(directory: Path, table: Table) -> list[Row]:
    """The rows of a table's file in the order of the file, none of them twice."""
    path = table.path(directory)
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(_read_rows(path, table, csv.reader(lines, strict=True)))
    except FileNotFoundError:
        raise NetworkFileError(path, None, "the file is missing") from None
    except UnicodeDecodeError as error:
        raise NetworkFileError(path, None, f"it should be UTF-8 ({error})") from error
    except csv.Error as error:
        raise NetworkFileError(path, None, f"it should be comma separated ({error})") from error
    for key in table.keys:
        _refuse_repeated(path, key, rows)
    return rows


def _read_rows(path: Path, table: Table, reader: Any) -> Iterator[Row]:
    header: list[str] = next(reader, [])
    if sorted(header) != sorted(table.columns):
        expected = ",".join(table.columns)
        raise NetworkFileError(path, 1, f"the header should be {expected}, not {','.join(header)}")
    for fields in reader:
        line = reader.line_num
        if len(fields) != len(header):
            raise NetworkFileError(
                path, line, f"it should have {len(header)} values, not {len(fields)}"
            )
        values = {
            name: _convert(path, line, name, table.columns[name], text)
            for name, text in zip(header, fields, strict=True)
        }
        yield Row(line, values)


def _convert(path: Path, line: int, name: str, column: Column, text: str) -> Any:
    try:
        return column.parse(text)
    except ValueError:
        problem = f"{name} should be {column.expected}, not {text!r}"
        raise NetworkFileError(path, line, problem) from None


def _refuse_repeated(path: Path, key: tuple[str, ...], rows: list[Row]) -> None:
    first_lines: dict[tuple[Any, ...], int] = {}
    for row in rows:
        first = first_lines.setdefault(tuple(row.values[name] for name in key), row.line)
        if first != row.line:
            problem = f"{' and '.join(key)} should be unlike those of line {first}"
            raise NetworkFileError(path, row.line, problem)


def integer(low: int, high: int = MAX_INTEGER) -> Column:
    """A whole number in plain digits."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Column(parse, f"a whole number from {low} to {high}")


def optional(column: Column) -> Column:
    """The same, or nothing."""
    return Column(lambda text: column.parse(text) if text else None, f"{column.expected}, or empty")


def degrees(limit: int) -> Column:
    """A latitude or longitude."""

    def parse(text: str) -> float:
        value = float(text)
        if not -limit <= value <= limit:
            raise ValueError(text)
        return value

    return Column(parse, f"a number of degrees from {-limit} to {limit}")


def word_of(*words: str) -> Column:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Column(parse, f"one of {', '.join(words)}")


def matching(pattern: str, expected: str) -> Column:
    """Text that fits a regular expression from end to end."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return Column(parse, expected)


def _parse_bogota_midnight(text: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(text)
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=BOGOTA)


def _parse_yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(text)
    return text == "yes"


def _parse_minutes(text: str) -> timedelta:
    if not re.fullmatch(r"[0-9]{1,4} min", text):
        raise ValueError(text)
    return timedelta(minutes=int(text.removesuffix(" min")))


# What begins and ends with a space, or is empty, is a slip of the editor and no name.
NAME = matching(r"\S(.*\S)?", "a name without spaces around it")
YES_NO = Column(_parse_yes_no, "yes or no")
MINUTES = Column(_parse_minutes, "whole minutes, like 125 min")
VALID_FROM = Column(_parse_bogota_midnight, "a day as YYYY-MM-DD, from whose midnight it holds")
