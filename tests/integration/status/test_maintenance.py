"""The monthly window proposes and announces itself; people move, describe and cancel it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import maintenance
from hotel_booking.domains.incidents.errors import InvalidWindow, WindowChanged

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)  # a Friday: the month's first Sunday is in two days


def test_the_window_is_the_months_first_sunday() -> None:
    for month in (date(2030, 3, 1), date(2030, 9, 17), date(2031, 6, 30)):
        begins = maintenance.monthly(month)
        assert (begins.year, begins.month) == (month.year, month.month)
        assert begins.day <= 7
        assert (begins.weekday(), begins.hour, begins.tzinfo) == (6, 2, UTC)


async def windows(db: Database, now: datetime) -> list[maintenance.Window]:
    async with db.reading() as tx:
        return await maintenance.upcoming(tx, now=now)


async def step(db: Database, now: datetime) -> list[int]:
    """What the job does."""
    async with db.transaction() as tx:
        await maintenance.propose(tx, now=now)
        return await maintenance.announce(tx, now=now)


async def test_it_is_proposed_in_time_to_be_announced_seven_days_ahead(db: Database) -> None:
    assert await step(db, NOW) == []
    # In two days is too soon to be announced: April's it is, and that is five weeks away.
    assert await windows(db, NOW) == []
    later = NOW + timedelta(days=4)
    assert await step(db, later) == []
    [window] = await windows(db, later)
    assert (window.starts_at, window.ends_at) == (
        datetime(2030, 4, 7, 2, tzinfo=UTC),
        datetime(2030, 4, 7, 6, tzinfo=UTC),
    )
    assert window.announced_at is None
    eight_days, seven_days = (window.starts_at - timedelta(days=days) for days in (8, 7))
    assert await step(db, eight_days) == []
    assert await step(db, seven_days) == [window.id]
    assert await step(db, seven_days) == []
    async with db.reading() as tx:
        [shown] = await maintenance.shown(tx, now=seven_days, since=NOW)
    assert shown.announced_at == seven_days
    # While it waits the next month's is not proposed too early, and comes in its turn.
    await step(db, window.starts_at)
    assert [one.month for one in await windows(db, window.starts_at)] == [date(2030, 4, 1), date(2030, 5, 1)]


async def test_a_year_by_the_clock_has_a_window_each_month(db: Database) -> None:
    announced: dict[int, datetime] = {}
    for hour in range(0, 24 * 400, 12):
        now = NOW + timedelta(hours=hour)
        announced |= dict.fromkeys(await step(db, now), now)
    async with db.reading() as tx:
        found = {one.id: one for one in await maintenance.shown(tx, now=now, since=NOW)}
    assert [one.month for one in sorted(found.values(), key=lambda one: one.starts_at)][:13] == [
        date(2030 + (month - 1) // 12, (month - 1) % 12 + 1, 1) for month in range(4, 17)
    ]
    for window_id, at in announced.items():
        assert timedelta(days=6) < found[window_id].starts_at - at <= timedelta(days=7)


async def test_a_window_that_was_moved_or_cancelled_is_its_months(db: Database) -> None:
    later = NOW + timedelta(days=4)
    await step(db, later)
    [window] = await windows(db, later)
    moved = window.starts_at + timedelta(days=7)
    async with db.transaction() as tx:
        await maintenance.change(
            tx,
            window_id=window.id,
            version=window.version,
            starts_at=moved,
            ends_at=moved + timedelta(hours=2),
            title="Faster disks",
            body="We move to faster disks.",
            now=later,
        )
    await step(db, later)
    [found] = await windows(db, later)
    assert (found.starts_at, found.title, found.version) == (moved, "Faster disks", 2)
    async with db.transaction() as tx:
        await maintenance.cancel(tx, window_id=window.id, version=2, now=later)
    await step(db, later)
    assert [one.cancelled_at for one in await windows(db, later)] == [later]
    # Nobody hears of what was cancelled before it was announced.
    assert await step(db, moved - timedelta(days=6)) == []


@pytest.mark.parametrize(
    ("starts", "hours", "title", "version", "error"),
    [
        (timedelta(days=-1), 4, "x", 1, InvalidWindow),
        (timedelta(days=9), 0, "x", 1, InvalidWindow),
        (timedelta(days=9), 25, "x", 1, InvalidWindow),
        (timedelta(days=9), 4, " ", 1, InvalidWindow),
        (timedelta(days=9), 4, "x\x07", 1, InvalidWindow),
        (timedelta(days=9), 4, "x", 7, WindowChanged),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(
    db: Database, starts: timedelta, hours: int, title: str, version: int, error: type[Exception]
) -> None:
    later = NOW + timedelta(days=4)
    await step(db, later)
    [window] = await windows(db, later)
    with pytest.raises(error):
        async with db.transaction() as tx:
            await maintenance.change(
                tx,
                window_id=window.id,
                version=version,
                starts_at=later + starts,
                ends_at=later + starts + timedelta(hours=hours),
                title=title,
                body="x",
                now=later,
            )
    assert await windows(db, later) == [window]
