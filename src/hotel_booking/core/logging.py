"""Logs: one JSON object a line on standard error, or plain lines for a person at a terminal.

Whoever logs passes facts in `extra`; never names, addresses, tokens or request bodies. What a line is about
(a request, a job) stands in every line that is logged meanwhile.
"""

from __future__ import annotations

import atexit
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, TextIO

import msgspec

from hotel_booking.core.clock import utc_now

# What every LogRecord has by itself; the rest came in `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

# Whose lines quote whole addresses, which hold what guests typed.
_TALKATIVE = ("httpx", "httpcore", "stripe", "urllib3")

# What is going on: `request_id`, or `job` and `job_id`; with it what led to it.
ABOUT: ContextVar[Mapping[str, Any]] = ContextVar("ABOUT", default=MappingProxyType({}))

_WORDS = {logging.DEBUG: "debug", logging.INFO: "info"}
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_OURS: list[Any] = []  # the handler that writes JSON lines to standard error, once it is set up
_FIRST: list[Callable[[], None]] = []  # write what has waited, before any other line


class _Told(NamedTuple):
    """What a record says: its message, its facts, and where an error comes from. The error's text is left
    out: it can hold what a guest typed."""

    message: str
    facts: dict[str, Any]
    trace: list[str]


def _told(record: logging.LogRecord) -> _Told:
    message = record.getMessage()
    if record.name == "asyncio":  # "… was never retrieved", and then the task with its error's text
        message = message.partition("\n")[0]
    facts = {**ABOUT.get(), **{key: value for key, value in vars(record).items() if key not in _OWN}}
    trace: list[str] = []
    if record.exc_info and record.exc_info[0]:
        kind, _, frames = record.exc_info
        facts["error"] = kind.__name__
        trace = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(frames)][-12:]
    return _Told(message, facts, trace)


class JsonLines(logging.Formatter):
    """One JSON object: time (RFC 3339, UTC), level, logger, message, what it is about, the facts of `extra`,
    and an error's type and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        told = _told(record)
        entry: dict[str, Any] = {
            "time": _written(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": told.message,
            **told.facts,
        }
        if told.trace:
            entry["trace"] = told.trace
        return _ENCODER.encode(entry).decode()


class HumanLines(logging.Formatter):
    """The same for a person at a terminal: the facts that there are, behind the message."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, and one for each place of an error."""
        told = _told(record)
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006  # by the reader's clock
        facts = "".join(
            f" {key}={value}" for key, value in told.facts.items() if value is not None and key != "trace"
        )
        lines = [f"{at} {record.levelname.lower()} {record.name.removeprefix('hotel_booking.')}: "]
        lines[0] += told.message + facts
        return "\n    ".join([*lines, *(told.trace or told.facts.get("trace") or ())])


class Lines:
    """A logger of one message that is logged all the time, with every request. Its lines are those that
    `logging` writes, at a fraction of the cost: where JSON lines are all that becomes of them, no records are
    made, and many are written at once."""

    def __init__(self, name: str, message: str) -> None:
        self._logger = logging.getLogger(name)
        self._message = message
        self._second = (0, b"")
        # What stands between the time and the facts.
        self._between = {
            level: _ENCODER.encode({"level": word, "logger": name, "message": message})[1:-1]
            for level, word in _WORDS.items()
        }

    @property
    def may_wait(self) -> bool:
        """Whether lines may be written later, many at once: nobody but the stream of JSON lines waits for
        them. What is due is to be written by what was handed to `write_first`."""
        return logging.root.handlers == _OURS

    def log(self, lines: Sequence[tuple[int, float, dict[str, Any]]]) -> None:
        """Log the message once for each: a level (DEBUG or INFO), how many seconds ago it happened, and the
        facts, of which there is one at least. In this order, which is that in which it happened."""
        lines = [line for line in lines if self._logger.isEnabledFor(line[0])]
        if not lines:
            return
        if not self.may_wait:  # somebody else listens too
            for level, _, facts in lines:
                self._logger.log(level, self._message, extra=facts)
            return
        now = utc_now().timestamp()
        written = b"".join(
            b'{"time":"%b",%b,%b\n'
            % (self._time(now - ago), self._between[level], _ENCODER.encode(facts)[1:])
            for level, ago, facts in lines
        )
        out = _OURS[0].stream.buffer
        out.write(written)
        out.flush()

    def _time(self, at: float) -> bytes:
        # Writing an instant takes longer than all the rest of a line: its second is written once.
        second = int(at)
        if second != self._second[0]:
            self._second = (second, datetime.fromtimestamp(second, UTC).isoformat()[:-6].encode())
        return b"%b.%03d+00:00" % (self._second[1], int((at - second) * 1000))


class _InOrder(logging.StreamHandler[TextIO]):
    """Writes a line behind those that happened before it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line."""
        for write in _FIRST:
            write()
        super().emit(record)


def write_first(write: Callable[[], None]) -> None:
    """Have this called before any other line is written, and when the process ends: it writes the lines of
    `Lines` that waited. Any thread may call it, and it may call nothing that logs otherwise."""
    _FIRST.append(write)
    atexit.register(write)


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def configure(level: str = "info", *, human: bool = False) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr) if human else _InOrder(sys.stderr)
    handler.setFormatter(HumanLines() if human else JsonLines())
    _OURS[:] = [handler] if not human and hasattr(sys.stderr, "buffer") else []
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Every job twice a second says nothing to anybody.
    for name in ("procrastinate", *_TALKATIVE):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
