"""Nights and stays. A night is a date in the property's own calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from hotel_booking.core.errors import Invalid

MAX_NIGHTS = 366
FIRST_NIGHT = date(2000, 1, 1)
LAST_NIGHT = date(2100, 1, 1)
DAY_END = time(6)  # a property's day ends at this hour of the next one, unless it says otherwise
LATEST_DAY_END = time(12)  # it ends before this hour
_FURTHEST_BEHIND = timedelta(hours=12 + LATEST_DAY_END.hour)

# An instant on the wire: RFC 3339 with its zone. The mark makes OpenAPI say `format: date-time`.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class InvalidStay(Invalid):
    """The two dates do not make a stay."""

    code = "invalid_stay"


class Stay(msgspec.Struct, frozen=True, order=True):
    """A half-open run of nights: arrival inclusive, departure exclusive.

    1-3 May and 3-5 May can share a room; 1-3 and 2-4 cannot. Between 1 and 366 nights, between the
    years 2000 and 2100; anything else raises `InvalidStay`.
    """

    arrival: date
    departure: date

    def __post_init__(self) -> None:
        if self.departure <= self.arrival:
            raise InvalidStay(
                "departure must be after arrival", field="departure", fix="stay at least one night"
            )
        if self.nights > MAX_NIGHTS:
            raise InvalidStay(f"a stay has at most {MAX_NIGHTS} nights", field="departure")
        if self.arrival < FIRST_NIGHT or self.departure > LAST_NIGHT:
            raise InvalidStay("the dates must lie between 2000 and 2100", field="arrival")

    @property
    def nights(self) -> int:
        """How many nights the stay has; at least 1."""
        return (self.departure - self.arrival).days

    def __iter__(self) -> Iterator[date]:
        """Each night, oldest first."""
        return (self.arrival + timedelta(days=i) for i in range(self.nights))


def business_date(now: datetime, timezone: str, day_end: time) -> date:
    """What "today" is at a property: the date that its day, which ends at `day_end` on its clocks and not at
    midnight, began on. At 02:00 on 8 March a hotel whose day ends at 06:00 is still on 7 March, and sells,
    checks in and refuses by that date. It never goes back, whatever the clocks do.

    `day_end` lies before noon (`LATEST_DAY_END`); 00:00 makes the business date the calendar's.
    """
    # Where clocks go back over midnight the date after the one they show has begun already; the one before
    # has not where a whole day was left out (Samoa, 2011).
    day = now.astimezone(ZoneInfo(timezone)).date() + timedelta(days=1)
    while now < local_instant(day, day_end, timezone):
        day -= timedelta(days=1)
    return day


def business_day_end(day: date, timezone: str, day_end: time) -> datetime:
    """The instant, in UTC, at which a property's business date `day` is over."""
    return local_instant(day + timedelta(days=1), day_end, timezone)


def earliest_business_date(now: datetime) -> date:
    """The earliest date that a property anywhere on earth can be on at `now`: clocks are at most 12 hours
    behind UTC, and no day ends later than noon."""
    return (now.astimezone(UTC) - _FURTHEST_BEHIND).date()


def calendar_date(now: datetime, timezone: str) -> date:
    """The date on the wall at `now`. For what happens by the calendar, such as leaving before the business
    day has ended: a night whose midnight has passed was slept. What a property's today is, `business_date`
    says."""
    return now.astimezone(ZoneInfo(timezone)).date()


def local_instant(day: date, at: time, timezone: str) -> datetime:
    """The instant, in UTC, at which clocks in `timezone` show `at` on `day`.

    A time that the clocks show twice (autumn) is the first of the two; a time that they skip (spring)
    is the instant as if the clocks had not yet changed (PEP 495, fold=0). So a deadline never comes
    twice and is never missing.
    """
    return datetime.combine(day, at, tzinfo=ZoneInfo(timezone)).astimezone(UTC)
