"""Logs: one JSON object a line on standard error, or plain lines for a person at a terminal.

Whoever logs passes facts in `extra`; never names, addresses, tokens or request bodies.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import msgspec

from hotel_booking.core.clock import utc_now

# What every LogRecord has by itself; the rest came in `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

_NAMES = {level: logging.getLevelName(level).lower() for level in (logging.DEBUG, logging.INFO)}
_ENCODER = msgspec.json.Encoder(enc_hook=str)


class JsonLines(logging.Formatter):
    """One JSON object: time (RFC 3339, UTC), level, logger, message, the facts of `extra`, and an error's
    type and traceback. The error's text is left out: it can hold what a guest typed."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        entry: dict[str, Any] = {
            "time": _written(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            entry["error"] = kind.__name__
            entry["trace"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-12:]
        return _ENCODER.encode(entry).decode()


class Lines:
    """A logger of one message that is logged all the time, with every request. Its lines are those that
    `logging` writes, at a seventh of the cost: no record is made where JSON lines are all that becomes of
    it."""

    def __init__(self, name: str, message: str) -> None:
        self._logger = logging.getLogger(name)
        self._message = message

    def log(self, level: int, facts: dict[str, Any]) -> None:
        """Log the message with these facts."""
        if not self._logger.isEnabledFor(level):
            return
        match logging.root.handlers:
            case [logging.StreamHandler(formatter=JsonLines()) as only]:
                line = _ENCODER.encode(
                    {
                        "time": _written(utc_now()),
                        "level": _NAMES[level],
                        "logger": self._logger.name,
                        "message": self._message,
                        **facts,
                    }
                ).decode()
                with only.lock or nullcontext():
                    only.stream.write(line + "\n")
                    only.flush()
            case _:
                self._logger.log(level, self._message, extra=facts)


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def configure(level: str = "info", *, human: bool = False) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        if human
        else JsonLines()
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Every job twice a second says nothing to anybody.
    logging.getLogger("procrastinate").setLevel(max(logging.WARNING, logging.getLogger().level))
