"""What the service writes: JSON lines, one a request off the hot path, everything else at once."""

import asyncio
import contextlib
import functools
import logging
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
from aiohttp import web

from transit_api.settings import SETTINGS, Settings

log = logging.getLogger(__name__)

FLUSH_EVERY_S: Final = 0.25
# About 3 s of a saturated worker; what does not fit is counted and said.
BUFFERED_LINES: Final = 10_000

# What a LogRecord always has; anything else came with `extra`.
_ORDINARY: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# When it was answered, request id, method, route template, status, seconds it took, the code of a
# refusal, and the identifiers of the card and the trip that it touched, where there is one.
RequestLine = tuple[float, str, str, str, int, float, str | None, int | None, int | None]


class DiscreetFormatter(logging.Formatter):
    """A log line that holds nothing of a request: of an exception its kind and its stack.

    The message of an exception often quotes what could not be read: names, documents, keys.
    """

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The kinds of the exception and of its causes, and where each was raised."""
        return "\n".join(_stack_of(ei[1]))


def _stack_of(error: BaseException | None) -> list[str]:
    lines: list[str] = []
    while error is not None:
        code = getattr(error, "pgcode", None)
        kind = f"{type(error).__qualname__} {code}" if code else type(error).__qualname__
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
        lines = [*"".join(frames).splitlines(), kind, *lines]
        error = error.__cause__ or error.__context__
    return lines


class JsonFormatter(DiscreetFormatter):
    """A log record as a JSON object; `extra` fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": _instant(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _ORDINARY})
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure_logging(settings: Settings) -> None:
    """Send everything that is logged to stderr, as JSON unless a person reads it."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty()):
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(DiscreetFormatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)


class RequestLog:
    """Lines of answered requests, formatted and written in batches by a thread."""

    def __init__(self, stream: TextIO, *, as_json: bool, wanted: bool = True) -> None:
        self._stream = stream
        self._as_json = as_json
        self._wanted = wanted
        self._lines: list[RequestLine] = []
        self._dropped = 0

    def add(self, line: RequestLine) -> None:
        """Note one request; never waits."""
        if not self._wanted:
            return
        if len(self._lines) >= BUFFERED_LINES:
            self._dropped += 1
            return
        self._lines.append(line)

    async def write_until_cancelled(self) -> None:
        """Write what has gathered four times a second; a slow reader blocks the thread only."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        dropped, self._dropped = self._dropped, 0
        if lines or dropped:
            await asyncio.to_thread(self._write, lines, dropped)

    def _write(self, lines: list[RequestLine], dropped: int) -> None:
        spell = _json_line if self._as_json else _text_line
        text = "".join(map(spell, lines))
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(text)
            self._stream.flush()
        if dropped:
            log.warning("request lines were dropped", extra={"dropped": dropped})


def _json_line(line: RequestLine) -> str:
    # None of these words can hold a quote: templates, codes, and ids of a few kinds of letters.
    at, request_id, method, route, status, duration_s, code, card_id, trip_id = line
    outcome = "null" if code is None else f'"{code}"'
    touched = _touched(card_id, trip_id, ',"card_id":', ',"trip_id":')
    return (
        f'{{"at":"{_instant(at)}","request_id":"{request_id}","method":"{method}",'
        f'"route":"{route}","status":{status},"duration_ms":{duration_s * 1000:.2f},'
        f'"outcome":{outcome}{touched}}}\n'
    )


def _text_line(line: RequestLine) -> str:
    at, request_id, method, route, status, duration_s, code, card_id, trip_id = line
    return (
        f"{_instant(at)} {status} {method} {route} {duration_s * 1000:.1f} ms"
        f" {code or ''}{_touched(card_id, trip_id, ' card ', ' trip ')} {request_id}\n"
    )


def _touched(card_id: int | None, trip_id: int | None, card: str, trip: str) -> str:
    """The identifiers that there are, each after its word."""
    return ("" if card_id is None else f"{card}{card_id}") + (
        "" if trip_id is None else f"{trip}{trip_id}"
    )


def _instant(at: float) -> str:
    second, fraction = divmod(at, 1)
    return f"{_second(int(second))}.{int(fraction * 1_000_000):06d}Z"


@functools.lru_cache(maxsize=4)
def _second(at: int) -> str:
    # Thousands of lines share one.
    return datetime.fromtimestamp(at, UTC).isoformat()[:19]


REQUEST_LOG: Final = web.AppKey("REQUEST_LOG", RequestLog)


async def logs_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Write request lines to stdout while the application runs, and what is left at its end."""
    settings = app[SETTINGS]
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stdout.isatty()
    )
    app[REQUEST_LOG] = request_log = RequestLog(
        sys.stdout, as_json=as_json, wanted=settings.log_level in ("debug", "info")
    )
    writer = asyncio.create_task(request_log.write_until_cancelled())
    yield
    writer.cancel()
    await asyncio.wait([writer])
    await request_log.flush()
