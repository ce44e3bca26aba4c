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

    def overlaps(self, other: Stay) -> bool:
        """Whether the two stays share at least one night."""
        return self.arrival < other.departure and other.arrival < self.departure


def local_today(now: datetime, timezone: str) -> date:
    """The calendar date at `now` in the property's time zone."""
    return now.astimezone(ZoneInfo(timezone)).date()


def local_instant(day: date, at: time, timezone: str) -> datetime:
    """The instant, in UTC, at which clocks in `timezone` show `at` on `day`.

    A time that the clocks show twice (autumn) is the first of the two; a time that they skip (spring)
    is the instant as if the clocks had not yet changed (PEP 495, fold=0). So a deadline never comes
    twice and is never missing.
    """
    return datetime.combine(day, at, tzinfo=ZoneInfo(timezone)).astimezone(UTC)
