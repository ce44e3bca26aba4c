"""Logs: one JSON object a line on standard error, or plain lines for a person at a terminal.

Whoever logs passes facts in `extra`; never names, addresses, tokens or request bodies. What a line is about
(a request, a job) stands in every line that is logged meanwhile.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

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
    `logging` writes, at a seventh of the cost: where JSON lines are all that becomes of it, no record is
    made."""

    def __init__(self, name: str, message: str) -> None:
        self._logger = logging.getLogger(name)
        self._message = message
        self._second = (0, b"")
        # What stands between the time and the facts.
        self._between = {
            level: _ENCODER.encode({"level": word, "logger": name, "message": message})[1:-1]
            for level, word in _WORDS.items()
        }

    def log(self, level: int, facts: dict[str, Any]) -> None:
        """Log the message with these facts, of which there is one at least; `level` is DEBUG or INFO."""
        if not self._logger.isEnabledFor(level):
            return
        if logging.root.handlers != _OURS:  # somebody else listens too
            self._logger.log(level, self._message, extra=facts)
            return
        now = utc_now()
        # Writing an instant takes longer than all the rest: its second is written once.
        second = int(now.timestamp())
        if second != self._second[0]:
            self._second = (second, now.replace(microsecond=0, tzinfo=None).isoformat().encode())
        written = b"%b.%03d+00:00" % (self._second[1], now.microsecond // 1000)
        rest = _ENCODER.encode(facts)[1:]
        out = _OURS[0].stream.buffer
        out.write(b'{"time":"%b",%b,%b\n' % (written, self._between[level], rest))
        out.flush()


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def configure(level: str = "info", *, human: bool = False) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HumanLines() if human else JsonLines())
    _OURS[:] = [handler] if not human and hasattr(sys.stderr, "buffer") else []
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Every job twice a second says nothing to anybody.
    for name in ("procrastinate", *_TALKATIVE):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
