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

# What every LogRecord has by itself; the rest came in `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """One JSON object: time (RFC 3339, UTC), level, logger, message, the facts of `extra`, and an error's
    type and traceback. The error's text is left out: it can hold what a guest typed."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            entry["error"] = kind.__name__
            entry["trace"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-12:]
        return msgspec.json.encode(entry, enc_hook=str).decode()


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
