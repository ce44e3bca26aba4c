"""What is asked of the search and what it answers."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Literal

import msgspec

from hotel_booking.core.dates import Stay
from hotel_booking.core.money import Money
from hotel_booking.domains.rates.nearest_fix import Fix
from hotel_booking.domains.rates.restrictions import Reason, Restriction
from hotel_booking.domains.rates.types import Adjustment, CancellationTerms, Line, Occupancy

Sort = Literal["price", "distance", "stars", "name"]
SORTS: tuple[Sort, ...] = ("price", "distance", "stars", "name")
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Around(msgspec.Struct, frozen=True):
    """Everything at most `radius_km` from a point, on the great circle."""

    lat: float
    lon: float
    radius_km: float


class Box(msgspec.Struct, frozen=True):
    """Everything between two parallels and two meridians, in degrees. `west` above `east` means a box
    across the 180th meridian."""

    south: float
    west: float
    north: float
    east: float


class Within(msgspec.Struct, frozen=True):
    """Everything in a country (ISO 3166 code), or in one of its regions (GeoNames id)."""

    country: str
    region: int | None = None


class Key(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Where a result stands in the order of its search: the sort's own value (minor units for price,
    metres, minus stars, or the lower-case name), then metres where the sort is by stars, then the
    hotel's id. No two results have the same key."""

    value: int | str
    then: int
    property_id: int


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A search. `party` has one occupancy per room; all rooms are of one type, on one plan.

    `after` is the key of the last result of the page before; its value is of the kind that `sort` has.
    Empty tuples and None filter nothing. `amenities` must all be there. `price_min` and `price_max` are
    inclusive totals in minor units of `currency`, or of each hotel's own where it is None.
    """

    where: Around | Box | Within
    stay: Stay
    party: tuple[Occupancy, ...]
    stars: tuple[int, ...] = ()
    amenities: tuple[int, ...] = ()
    meals: tuple[int, ...] = ()
    refundable: bool = False
    price_min: int | None = None
    price_max: int | None = None
    sort: Sort = "price"
    currency: str | None = None
    limit: int = DEFAULT_LIMIT
    after: Key | None = None

    @property
    def filters_prices(self) -> bool:
        """Whether only offers of some prices are wanted."""
        return self.price_min is not None or self.price_max is not None


class FoundProperty(msgspec.Struct, frozen=True):
    """A hotel in the area. `distance_m` is in whole metres from the point asked for; None in a box or a
    country."""

    id: int
    slug: str
    name: str
    stars: int
    city: str
    country: str
    lat: float
    lon: float
    amenities: tuple[int, ...]
    timezone: str
    day_end_time: time
    currency: str
    tax_rounding: Literal["line", "sum"]
    child_bands: tuple[int, ...]
    distance_m: int | None = None


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """A room type on a plan as it is sold: what its price is computed from, besides the hotel's own rules and
    the nights. Amounts are minor units of the hotel's currency."""

    property_id: int
    room_type: str
    room_type_name: str
    base_occupancy: int
    extra_adult: int
    child_amounts: tuple[int, ...]
    rate_plan: str
    rate_plan_name: str
    adjust_kind: Literal["percent", "amount"] | None
    adjust_value: int | None
    adjust_per_person: bool

    @property
    def adjustment(self) -> Adjustment | None:
        """How the plan differs from its parent; None where its prices are its own."""
        return Adjustment.of(self.adjust_kind, self.adjust_value, self.adjust_per_person)


class SoldPair(Sold, frozen=True, kw_only=True):
    """What is sold for a stay. The nights of `prices`, `extra_adults` and `night_child_amounts` are in order;
    `least` is what its charges come to at least, before rounding."""

    room_type_id: int
    plan_id: int
    rooms_left: int
    least: Decimal
    prices: tuple[int, ...]
    extra_adults: tuple[int | None, ...] | None
    night_child_amounts: tuple[tuple[int, ...] | None, ...] | None
    meal: int
    policy_id: int
    room_type_sort: int
    plan_sort: int


class SoldNight(Sold, frozen=True, kw_only=True):
    """What is sold for a night, by its own amounts for extra persons where it has them."""

    night: date
    price: int
    night_extra_adult: int | None
    night_child_amounts: tuple[int, ...] | None


class FoundOffer(msgspec.Struct, frozen=True, gc=False):
    """The cheapest offer of a hotel that passes the filters. `total` is for all rooms and nights, taxes
    in, in minor units of `currency`; `approximate` is the same in the currency that results were compared
    in, by indicative rates, never charged; None where that is the hotel's own, and where it cannot be
    compared (`compared`)."""

    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    currency: str
    total: int
    nights: int
    rooms: int
    rooms_left: int
    refundable: bool
    meal: int
    approximate: Money | None = None
    compared: bool = True


class SearchResult(msgspec.Struct, frozen=True, gc=False):
    """One hotel and its cheapest offer. Its distance from the point asked for, in whole metres, stands here,
    so that a hotel is the same in all searches; None in a box or a country."""

    property: FoundProperty
    offer: FoundOffer
    distance_m: int | None = None


class SearchPage(msgspec.Struct, frozen=True):
    """A page of results. `after` asks for the next one; None on the last. `total_count` counts the hotels
    with an offer; None where that would cost more than the page: with filters on the price or on refunds,
    and among more than 64 hotels in another order than by price. `uncompared` hotels were left out by a
    filter on prices because there is no exchange rate for their currency. `past` counts the hotels of the
    area at which the arrival is over already, by their own dates."""

    results: tuple[SearchResult, ...]
    after: Key | None
    total_count: int | None
    uncompared: int = 0
    past: int = 0


class OfferedRoom(msgspec.Struct, frozen=True):
    """One room of an offer: who sleeps in it, and its price (minor units of the offer's currency), which the
    lines add up to."""

    occupancy: Occupancy
    total: int
    net: int
    tax: int
    due_now: int
    lines: tuple[Line, ...]


class Offer(msgspec.Struct, frozen=True):
    """A room type on a rate plan, priced for a stay and a party: `rooms` in the party's order, and their sums
    in minor units of `currency`."""

    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    meal: int
    currency: str
    rooms_left: int
    total: int
    net: int
    tax: int
    due_now: int
    rooms: tuple[OfferedRoom, ...]
    cancellation: CancellationTerms


class Refusal(msgspec.Struct, frozen=True):
    """A room type on a rate plan that is not sold for the stay: why, and the nearest stay that is."""

    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    reasons: tuple[Reason, ...]
    fix: Fix | None


class Offers(msgspec.Struct, frozen=True):
    """Everything one hotel sells for a stay, cheapest first, and what it does not. `fits_in`: the party fits
    no room type as it is spread, but would in so many rooms; None otherwise, or where none would do."""

    slug: str
    currency: str
    party: tuple[Occupancy, ...]
    offers: tuple[Offer, ...]
    refused: tuple[Refusal, ...] | None
    fits_in: int | None = None


class CalendarNight(msgspec.Struct, frozen=True, gc=False):
    """One night over all room types and plans asked for.

    `price` is the lowest that one room costs for this night alone, as the guest would pay it, taxes in,
    in minor units; minimum and maximum stays and closed arrivals and departures are left aside. None
    where nothing is sold. `rooms_left` adds up over the room types. Each of the restrictions is the
    loosest that any pair with a room and a price has, each for itself; `closed` means that there is no
    such pair.
    """

    night: date
    price: int | None
    room_type: str | None
    rate_plan: str | None
    rooms_left: int
    restriction: Restriction


class PriceCalendar(msgspec.Struct, frozen=True):
    """A hotel's nights, oldest first."""

    slug: str
    currency: str
    nights: tuple[CalendarNight, ...]
