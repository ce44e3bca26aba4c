"""Prices and restrictions of a property, night by night, and their rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from hotel_booking.demo import seasons
from hotel_booking.demo.countries import pleasant
from hotel_booking.demo.draws import draws
from hotel_booking.demo.property import Period, Property, RoomType
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.domains.rates.types import NightPrice

COLUMNS = (
    "room_type_id", "rate_plan_id", "night", "price", "extra_adult", "closed", "min_stay_arrival",
    "min_stay_through", "max_stay", "closed_to_arrival", "closed_to_departure",
)  # fmt: skip

_FREE = Restriction()
# Factors are products of four percentages.
_WHOLE = 100**4


class PropertyNight(msgspec.Struct, frozen=True, gc=False):
    """One night of the whole property. `factor` is what multiplies every average price, in 1/100**4."""

    night: date
    factor: int
    season: int
    event: int
    restriction: Restriction


class Sheet:
    """A property's nights and the prices of its base plan."""

    def __init__(self, property_: Property, period: Period, seed: int) -> None:
        self.property = property_
        self.first = period.first
        rng = draws(seed, property_.outline.slug, "rates")
        # Hoteliers look at their prices once a week, and change them a little.
        drift = [rng.randrange(97, 104) for _ in range(period.nights // 7 + 2)]
        dates = [period.first + timedelta(days=i) for i in range(period.nights)]
        self.nights = [self._night(night, drift[i // 7]) for i, night in enumerate(dates)]
        self._stopped = {
            (kind.id, rng.choice(dates[40:])) for kind in property_.room_types[1:] for _ in range(2)
        }  # a party books the suites by telephone, the floor is painted ...

    def price(self, kind: RoomType, index: int) -> int:
        """Minor units for the base occupancy."""
        return pleasant(kind.level * self.nights[index].factor // _WHOLE, self.property.currency)

    def extra_adult(self, kind: RoomType, index: int) -> int | None:
        """A dearer extra bed at the sea in peak season; None is the room type's own amount."""
        if self.property.character.week != "resort" or not kind.extra_adult:
            return None
        if self.nights[index].season < seasons.PEAK_SEASON:
            return None
        return pleasant(kind.extra_adult * 5 // 4, self.property.currency)

    def night_prices(self, kind: RoomType, arrival: date, departure: date) -> tuple[NightPrice, ...]:
        """The base plan's prices for a stay."""
        start = (arrival - self.first).days
        return tuple(
            NightPrice(self.nights[i].night, self.price(kind, i), self.extra_adult(kind, i))
            for i in range(start, start + (departure - arrival).days)
        )

    def restriction(self, kind: RoomType, index: int) -> Restriction:
        """What the room type as such restricts on a night."""
        cell = self.nights[index]
        if (kind.id, cell.night) in self._stopped:
            return msgspec.structs.replace(cell.restriction, closed=True)
        return cell.restriction

    def _night(self, night: date, drift: int) -> PropertyNight:
        outline, character = self.property.outline, self.property.character
        season = seasons.season_of(outline.season, night)
        event = seasons.event_on(outline.events, night)
        if seasons.is_new_year(night) and character.week != "business":
            event = max(event, 125)
        factor = season * seasons.weekday_of(character.week, night) * event * drift
        return PropertyNight(night, factor, season, event, self._restricted(night, season, event))

    def _restricted(self, night: date, season: int, event: int) -> Restriction:
        week = self.property.character.week
        if week == "business":
            return _FREE
        by_the_sea_or_snow = week == "resort" or self.property.outline.character == "lodge"
        peak, weekend = season >= seasons.PEAK_SEASON, seasons.is_weekend(night)
        new_year = seasons.is_new_year(night)
        least = None
        if weekend and (season >= seasons.HIGH_SEASON or event >= 130):
            least = 3 if peak and by_the_sea_or_snow else 2
        small = self.property.outline.character == "guesthouse"
        rule = Restriction(
            closed=small and (night.month, night.day) == (12, 24),
            min_stay_arrival=least,
            min_stay_through=2 if new_year or (event >= 150 and night.weekday() == 5) else None,
            max_stay=14 if small and season >= seasons.HIGH_SEASON else None,
            closed_to_arrival=by_the_sea_or_snow and peak and night.weekday() == 5,
            closed_to_departure=new_year,
        )
        return _FREE if rule == _FREE else rule


def rows(sheet: Sheet) -> Iterator[tuple[Any, ...]]:
    """The base plan's prices, and rows that only restrict for some of the derived plans."""
    property_ = sheet.property
    base = property_.base_plan.id
    for kind in property_.room_types:
        for index, night in enumerate(sheet.nights):
            price, extra = sheet.price(kind, index), sheet.extra_adult(kind, index)
            yield kind.id, base, night.night, price, extra, False, None, None, None, False, False
    for plan in property_.plans[1:]:
        for night in sheet.nights:
            rule = _derived(plan.code, night)
            if rule is not None:
                for kind in property_.room_types:
                    yield (
                        kind.id, plan.id, night.night, None, None, rule.closed, rule.min_stay_arrival,
                        rule.min_stay_through, rule.max_stay, rule.closed_to_arrival,
                        rule.closed_to_departure,
                    )  # fmt: skip


def _derived(code: str, night: PropertyNight) -> Restriction | None:
    """Cheap plans stay at home when the property fills without them."""
    if code == "WEEKLY" and night.event >= 125:
        return Restriction(closed=True)
    if code in ("NRF", "EARLY") and night.event >= 150:
        return Restriction(closed=True)
    if code in ("NRF", "EARLY") and night.night.weekday() == 5 and night.season >= seasons.PEAK_SEASON:
        return Restriction(closed_to_arrival=True)
    return None
