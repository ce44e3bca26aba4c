"""Maintenance windows: the monthly one proposes and announces itself; people move, describe or cancel it.

The runbook's window is monthly, on a Sunday from 02:00 to 06:00 UTC, announced seven days ahead. It is the
month's first Sunday unless it is moved: one rule that anybody can say in advance.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents.errors import InvalidWindow, WindowChanged, WindowNotFound
from hotel_booking.domains.incidents.status_types import COMPONENTS

ANNOUNCED_BEFORE = timedelta(days=7)
PROPOSED_BEFORE = timedelta(days=35)
TITLE = "Scheduled maintenance"
CALLED_OFF = "called off"
BODY = (
    "We maintain our systems. Your bookings stay as they are; for some minutes it may not be possible to "
    "book, to pay or to change a booking."
)
_OPENS, _HOURS = time(2, tzinfo=UTC), timedelta(hours=4)
_SUNDAY = 6
_LONGEST = timedelta(hours=24)
_WINDOW = (
    "SELECT id, month, starts_at, ends_at, title, body, components, announced_at, cancelled_at, updated_at,"
    " version FROM maintenance_window"
)


class Window(msgspec.Struct, frozen=True):
    """One maintenance window. `month` is the first day of the month that it is the window of; None: it was
    set by hand. Shown to customers from `announced_at` on."""

    id: int
    month: date | None
    starts_at: datetime
    ends_at: datetime
    title: str
    body: str
    components: tuple[str, ...]
    announced_at: datetime | None
    cancelled_at: datetime | None
    updated_at: datetime
    version: int

    def lasts(self, now: datetime) -> bool:
        """Whether it goes on at an instant."""
        return self.cancelled_at is None and self.starts_at <= now < self.ends_at


def monthly(month: date) -> datetime:
    """When the window of a month begins: on its first Sunday at 02:00 UTC."""
    first = month.replace(day=1)
    return datetime.combine(first + timedelta(days=(_SUNDAY - first.weekday()) % 7), _OPENS)


async def shown(tx: Transaction, *, now: datetime, since: datetime) -> list[Window]:
    """What the status page shows, the earliest first: announced windows that ended after `since` or will."""
    return await tx.fetch_as(
        Window,
        f"{_WINDOW} WHERE ends_at >= $1 AND announced_at <= $2 ORDER BY ends_at, id LIMIT 50",
        since,
        now,
    )


async def upcoming(tx: Transaction, *, now: datetime) -> list[Window]:
    """For the panel: all windows that are not over, the earliest first, announced or not, cancelled too."""
    return await tx.fetch_as(Window, f"{_WINDOW} WHERE ends_at >= $1 ORDER BY ends_at, id LIMIT 50", now)


async def find(tx: Transaction, window_id: int, *, lock: bool = False) -> Window:
    """One window. Raises `WindowNotFound`. `lock`: until the transaction ends."""
    window = await tx.fetchrow_as(
        Window, f"{_WINDOW} WHERE id = $1{' FOR UPDATE' if lock else ''}", window_id
    )
    if window is None:
        raise WindowNotFound(f"there is no maintenance window {window_id}", fix="look at the list of windows")
    return window


async def under_maintenance(tx: Transaction, now: datetime) -> bool:
    """Whether a window goes on: one statement over an index."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM maintenance_window WHERE ends_at > $1 AND starts_at <= $1"
            " AND cancelled_at IS NULL)",
            now,
        )
    )


async def lasting(tx: Transaction, *, now: datetime) -> Window | None:
    """The window that goes on, locked; of several the one that ends last."""
    return await tx.fetchrow_as(
        Window,
        f"{_WINDOW} WHERE ends_at > $1 AND starts_at <= $1 AND cancelled_at IS NULL"
        " ORDER BY ends_at DESC, id LIMIT 1 FOR UPDATE",
        now,
    )


async def end_at(tx: Transaction, window: Window, ends_at: datetime, *, now: datetime) -> None:
    """Have a window that has begun end at another time, `now` at the earliest. Raises
    `InvalidWindow` where it would be longer than a window may be."""
    if not window.starts_at < ends_at <= window.starts_at + _LONGEST or ends_at < now:
        raise InvalidWindow("a window ends after it begins, within 24 hours, in the future", field="ends_at")
    await tx.execute(
        "UPDATE maintenance_window SET ends_at = $2, updated_at = $3, version = version + 1 WHERE id = $1",
        window.id,
        ends_at,
        now,
    )


async def propose(tx: Transaction, *, now: datetime) -> int | None:
    """Set the next window that can still be announced in time, where its month has none, and it is near; its
    id. A cancelled or moved window is its month's: nothing is proposed in its place."""
    month = now.astimezone(UTC).replace(day=1)
    while monthly(month.date()) - ANNOUNCED_BEFORE < now:
        month = (month + timedelta(days=32)).replace(day=1)
    starts = monthly(month.date())
    if starts - PROPOSED_BEFORE > now:
        return None
    window_id: int | None = await tx.fetchval(
        "INSERT INTO maintenance_window (month, starts_at, ends_at, title, body, components, created_at,"
        " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (month) DO NOTHING RETURNING id",
        month.date(),
        starts,
        starts + _HOURS,
        TITLE,
        BODY,
        list(COMPONENTS),
        now,
    )
    return window_id


async def announce(tx: Transaction, *, now: datetime) -> list[int]:
    """Announce windows whose seven days have come, once each; their ids. Cancelled ones nobody hears of."""
    rows = await tx.fetch(
        "UPDATE maintenance_window SET announced_at = $1 WHERE announced_at IS NULL AND cancelled_at IS NULL"
        " AND ends_at > $1 AND starts_at <= $2 RETURNING id",
        now,
        now + ANNOUNCED_BEFORE,
    )
    return [row["id"] for row in rows]


async def schedule(
    tx: Transaction, *, starts_at: datetime, ends_at: datetime, title: str, body: str, now: datetime
) -> int:
    """Set a window by hand, outside the monthly ones; its id. It is announced when its seven days have come:
    at once, where they have. Raises `InvalidWindow`."""
    title, body = _checked(starts_at, ends_at, title, body, now)
    return int(
        await tx.fetchval(
            "INSERT INTO maintenance_window (starts_at, ends_at, title, body, components, created_at,"
            " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
            starts_at,
            ends_at,
            title,
            body,
            list(COMPONENTS),
            now,
        )
    )


async def change(
    tx: Transaction,
    *,
    window_id: int,
    version: int,
    starts_at: datetime,
    ends_at: datetime,
    title: str,
    body: str,
    now: datetime,
) -> None:
    """Move a window, or describe it otherwise. `version` is the one that was looked at. Raises
    `InvalidWindow`, `WindowNotFound`, or `WindowChanged` where it is over, cancelled, or somebody else has
    changed it."""
    window = await _to_change(tx, window_id, version, now)
    # One that goes on may be made longer or shorter; when it began is what happened.
    begun = window.starts_at <= now
    title, body = _checked(window.starts_at if begun else starts_at, ends_at, title, body, now, begun=begun)
    await tx.execute(
        "UPDATE maintenance_window SET starts_at = $2, ends_at = $3, title = $4, body = $5, updated_at = $6,"
        " version = version + 1 WHERE id = $1",
        window_id,
        window.starts_at if begun else starts_at,
        ends_at,
        title,
        body,
        now,
    )


async def cancel(tx: Transaction, *, window_id: int, version: int, now: datetime) -> None:
    """There will be no such window; where it was announced, the page says so. Raises as `change` does."""
    await _to_change(tx, window_id, version, now)
    await tx.execute(
        "UPDATE maintenance_window SET cancelled_at = $2, updated_at = $2, version = version + 1"
        " WHERE id = $1",
        window_id,
        now,
    )


async def _to_change(tx: Transaction, window_id: int, version: int, now: datetime) -> Window:
    window = await find(tx, window_id, lock=True)
    if window.version != version:
        raise WindowChanged("somebody else has changed the window", fix="look at it again")
    if window.cancelled_at is not None or window.ends_at <= now:
        raise WindowChanged("the window is over or cancelled", fix="set a new one")
    return window


def _checked(
    starts_at: datetime, ends_at: datetime, title: str, body: str, now: datetime, *, begun: bool = False
) -> tuple[str, str]:
    title, body = " ".join(title.split()), body.strip()
    if not 1 <= len(title) <= 200 or not title.isprintable():
        raise InvalidWindow("a window needs a title of up to 200 characters", field="title")
    if not 1 <= len(body) <= 2000 or "\x00" in body:
        raise InvalidWindow("a window needs a description of up to 2,000 characters", field="body")
    if starts_at < now and not begun:
        raise InvalidWindow("the window would begin in the past", field="starts_at")
    if not starts_at < ends_at <= starts_at + _LONGEST or ends_at <= now:
        raise InvalidWindow("a window ends after it begins, within 24 hours, in the future", field="ends_at")
    return title, body
