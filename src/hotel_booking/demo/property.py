"""A property of the chain as it is about to be written: plain values, ids already given."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Literal

import msgspec

from hotel_booking.domains.rates.types import Adjustment, CancellationPolicy, Deposit, Tax

Event = tuple[str, str, int]


class Outline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of hotels.toml, where the fields are described."""

    slug: str
    name: str
    place: int
    character: str
    stars: int
    rooms: int
    level: int
    season: str
    address: str
    postal_code: str
    at: tuple[float, float]
    view: str
    description: str
    extras: tuple[int, ...] = ()
    events: tuple[Event, ...] = ()


class RoomTypeOutline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A room type in characters.toml, where the fields are described."""

    code: str
    name: str
    text: str
    share: int
    price: int
    persons: tuple[int, int, int, int]
    beds: tuple[tuple[str, int], ...]
    size: int
    amenities: tuple[int, ...]


class Character(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What properties of one character have in common."""

    check_in: str
    check_out: str
    children: tuple[int, ...]
    week: str
    deposit_nights: int
    plans: tuple[str, ...]
    policy: str
    overbooking: int
    amenities: tuple[int, ...]
    room_types: tuple[RoomTypeOutline, ...]


class City(msgspec.Struct, frozen=True):
    """A place that has a property; `id` is its GeoNames id."""

    id: int
    name: str
    country: str
    lat: float
    lon: float
    timezone: str


class Room(msgspec.Struct, frozen=True, gc=False):
    """One physical room."""

    id: int
    number: str
    floor: str


class RoomType(msgspec.Struct, frozen=True):
    """What is sold. `level` is the price of an average night; amounts in minor units."""

    id: int
    outline: RoomTypeOutline
    name: str
    description: str
    level: int
    extra_adult: int
    child_amounts: tuple[int, ...]
    rooms: tuple[Room, ...]
    overbooking: int


class Policy(msgspec.Struct, frozen=True):
    """A cancellation policy and its row's id."""

    id: int
    terms: CancellationPolicy


class Plan(msgspec.Struct, frozen=True):
    """A rate plan. `parent` is the id of the plan it is derived from."""

    id: int
    code: str
    name: str
    description: str
    meal: int
    policy: Policy
    deposit: Deposit
    parent: int | None = None
    adjustment: Adjustment | None = None
    min_advance_days: int | None = None
    min_stay: int | None = None


class Property(msgspec.Struct, frozen=True):
    """One property with everything it sells."""

    id: int
    outline: Outline
    character: Character
    city: City
    currency: str
    phone: str
    taxes: tuple[Tax, ...]
    rounding: Literal["line", "sum"]
    room_types: tuple[RoomType, ...]
    policies: tuple[Policy, ...]
    plans: tuple[Plan, ...]

    @property
    def base_plan(self) -> Plan:
        """The one plan with prices of its own."""
        return self.plans[0]

    @property
    def check_in(self) -> time:
        """When rooms are ready."""
        return time.fromisoformat(self.character.check_in)

    @property
    def check_out(self) -> time:
        """When rooms are to be left."""
        return time.fromisoformat(self.character.check_out)


class Period(msgspec.Struct, frozen=True):
    """The nights that are loaded: `nights` from `first` on. `today` is where the chain's life stands; nothing
    has happened after `now` (UTC)."""

    today: date
    now: datetime
    first: date
    nights: int
