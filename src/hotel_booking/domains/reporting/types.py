"""What reports hand out, and how their figures are computed.

Occupancy is rooms sold / rooms available. ADR (average daily rate) is room revenue / rooms sold, RevPAR is
room revenue / rooms available; both net of tax. Rooms sold are those of confirmed stays and of guests in the
hotel; holds that nobody has paid for are counted apart. Rooms available are those that there are and that are
not out of order. Room revenue is what stays were sold for without taxes, with all that is in the price of the
room (further persons, meals of the plan), spread evenly over the nights of each stay.
"""

from __future__ import annotations

from datetime import date, datetime, time

import msgspec

from hotel_booking.core.money import divide
from hotel_booking.domains.bookings.types import Status
from hotel_booking.domains.properties.choices import OFF_SALE


class PropertyName(msgspec.Struct, frozen=True):
    """A property, as far as lists name it. One that is off sale (not `active`) is still `run` while guests
    are expected or in the house."""

    id: int
    slug: str
    name: str
    timezone: str
    day_end_time: time
    currency: str
    active: bool = True
    run: bool = True

    @property
    def label(self) -> str:
        """Its name; one that is off sale says so."""
        return self.name if self.active else self.name + OFF_SALE


class NightFigures(msgspec.Struct, frozen=True):
    """One night of a hotel, or of several together. `revenue` is in minor units, net of tax; `pick_up` is how
    many rooms more (or fewer) were sold for the night than a day before. Where several hotels are added up,
    `unvalued_sold` and `unvalued_available` of the rooms are of hotels whose money is not in `revenue`,
    because there is no exchange rate for it: averages of money leave them out too."""

    night: date
    available: int = 0
    sold: int = 0
    revenue: int = 0
    pick_up: int = 0
    arrivals: int = 0
    unvalued_sold: int = 0
    unvalued_available: int = 0

    @property
    def occupancy(self) -> float | None:
        """Rooms sold / rooms available; None where there are none. Above 1 where a hotel is overbooked."""
        return self.sold / self.available if self.available else None

    @property
    def adr(self) -> int | None:
        """Room revenue / rooms sold, minor units; None where nothing is sold."""
        sold = self.sold - self.unvalued_sold
        return divide(self.revenue, sold) if sold else None

    @property
    def revpar(self) -> int | None:
        """Room revenue / rooms available, minor units; None where there are none."""
        available = self.available - self.unvalued_available
        return divide(self.revenue, available) if available else None


class PropertyToday(msgspec.Struct, frozen=True):
    """A hotel's today, by its own calendar; figures count rooms, `new_bookings` and `unpaid_holds` bookings,
    `messages` those of guests that nobody has answered (at most a thousand).

    `arrivals` are all rooms that are to arrive today or have done so, `arrived` those that have; likewise
    `departures` and `departed`. `late` should have arrived before today. `nights` are today's and the next.
    """

    property_: PropertyName
    today: date
    arrivals: int
    arrived: int
    late: int
    departures: int
    departed: int
    in_house: int
    new_bookings: int
    unpaid_holds: int
    messages: int
    nights: tuple[NightFigures, ...]

    @property
    def tonight(self) -> NightFigures:
        """The figures of the night that begins today."""
        return next((item for item in self.nights if item.night == self.today), NightFigures(self.today))

    @property
    def pick_up(self) -> int:
        """Rooms sold more than a day before, over all nights shown."""
        return sum(item.pick_up for item in self.nights)


class Today(msgspec.Struct, frozen=True):
    """The day of some hotels. `total` adds them up, with money in `currency`: that of the hotels where they
    share one, else euros at indicative rates (`converted`), the oldest of them of `rates_of`. The money of
    the hotels `unvalued` is left out: there is no exchange rate for their currency.

    Its `nights` are those of the calendar, from the first that is tonight anywhere; `tonight` adds up the
    night that begins today at each, which is another one where it is still yesterday. `last` is the latest of
    their days.
    """

    properties: tuple[PropertyToday, ...]
    currency: str
    converted: bool
    total: PropertyToday
    tonight: NightFigures
    last: date
    rates_of: date | None = None
    unvalued: tuple[PropertyName, ...] = ()


class Movement(msgspec.Struct, frozen=True):
    """One room that arrives, leaves or is held today. `owed` is what its booking has yet to pay."""

    reference: str
    status: Status
    guest: str
    room_type: str
    room: str | None
    arrival: date
    departure: date
    adults: int
    children: int
    requests: str | None
    currency: str
    owed: int
    hold_expires_at: datetime | None = None


class WaitingMessage(msgspec.Struct, frozen=True):
    """What a guest wrote about a booking and nobody has answered: how many messages, since when, and the
    newest's beginning."""

    reference: str
    guest: str
    number: int
    since: datetime
    text: str
