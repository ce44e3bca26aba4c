"""The one place that reads the clock. Everything below `http`, `cli` and `worker` is passed `now`."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)
