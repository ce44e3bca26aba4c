"""Logs: one JSON object a line on standard error, or plain lines for a person at a terminal.

Whoever logs passes facts in `extra`; never names, addresses, tokens or request bodies.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

from hotel_booking.core.clock import utc_now

# What every LogRecord has by itself; the rest came in `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

_WORDS = {logging.DEBUG: "debug", logging.INFO: "info"}
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_OURS: list[Any] = []  # the handler that writes JSON lines to standard error, once it is set up


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
    `logging` writes, at a seventh of the cost: where JSON lines are all that becomes of it, no record is
    made."""

    def __init__(self, name: str, message: str) -> None:
        self._logger = logging.getLogger(name)
        self._message = message
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
        written = _written(utc_now()).encode()
        rest = _ENCODER.encode(facts)[1:]
        out = _OURS[0].stream.buffer
        out.write(b'{"time":"%b",%b,%b\n' % (written, self._between[level], rest))
        out.flush()


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
    _OURS[:] = [handler] if not human and hasattr(sys.stderr, "buffer") else []
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Every job twice a second says nothing to anybody.
    logging.getLogger("procrastinate").setLevel(max(logging.WARNING, logging.getLogger().level))
