"""One property's catalogue and nights from the arrays, as they are loaded from the database: what offers are
made of, and why others are refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from hotel_booking.domains.rates.queries import Calendar, Calendars, Catalogue
from hotel_booking.domains.rates.restrictions import OPEN, NightState, Restriction, combine
from hotel_booking.domains.rates.types import NightPrice
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.view import IndexView


class Loaded(NamedTuple):
    """What a property sells, and its nights."""

    catalogue: Catalogue
    calendars: Calendars


def loaded(view: IndexView, slug: str, first: date, last: date) -> Loaded | None:
    """A property with its nights from `first` to `last`, both included; None where the arrays do not know all
    of them."""
    slot = view.slot(slug)
    if slot is None or not view.holds(first.toordinal(), last.toordinal()):
        return None
    nights = Nights(view, slot, first, last)
    return None if nights.unknown else Loaded(view.catalogue_of(slot), nights)


class Nights(Calendars):
    """The calendars of a property's pairs, by the ids of room type and plan; each is made when asked for, of
    what was read in one go. `unknown`: some are not known."""

    def __init__(self, view: IndexView, slot: int, first: date, last: date) -> None:
        super().__init__()
        arrays = view.arrays
        catalogue = view.catalogue_of(slot)
        rows = [(first.toordinal() + i) % layout.ROWS for i in range((last - first).days + 1)]
        self._view = view
        self._days = [first + timedelta(days=i) for i in range(len(rows))]
        first_type, self._first_rate = int(arrays["first_type"][slot]), int(arrays["first_rate"][slot])
        types = slice(first_type, first_type + int(arrays["types"][slot]))
        rates = slice(self._first_rate, self._first_rate + int(arrays["rates"][slot]))
        self.unknown = bool(arrays["rate_own_extras"][rates].any())
        self._free = arrays["free"][rows, types].T.tolist()
        self._type_rules = arrays["type_rule"][rows, types].T.tolist()
        self._prices = arrays["price"][rows, rates].T.tolist()
        self._rate_rules = arrays["rate_rule"][rows, rates].T.tolist()
        first_pair = int(arrays["first_pair"][slot])
        pairs = slice(first_pair, first_pair + int(arrays["pairs"][slot]))
        self._rates = arrays["pair_rate"][pairs].tolist()
        self._own = arrays["pair_own"][pairs].tolist()
        self._types = {kind.id: place for place, kind in enumerate(catalogue.room_types.values())}
        self._plans = {plan.id: place for place, plan in enumerate(catalogue.plans.values())}
        self._made: dict[tuple[int, int, int], Calendar] = {}
        self._combined: dict[tuple[int, int, int], Restriction] = {}

    def __missing__(self, key: tuple[int, int]) -> Calendar:
        kind, plan = self._types[key[0]], self._plans[key[1]]
        pair = kind * len(self._plans) + plan
        rate, own = self._rates[pair], self._own[pair]
        # A derived plan without restrictions of its own is sold on its parent's nights.
        alike = self._made.get((kind, rate, own))
        if alike is not None:
            self[key] = alike
            return alike
        none = [0] * len(self._days)
        prices = self._prices[rate - self._first_rate] if rate >= 0 else [layout.NO_PRICE] * len(self._days)
        rate_rules = self._rate_rules[rate - self._first_rate] if rate >= 0 else none
        own_rules = self._rate_rules[own - self._first_rate] if own >= 0 else none
        states: dict[date, NightState] = {}
        amounts: dict[date, NightPrice] = {}
        for day, free, price, *rules in zip(
            self._days, self._free[kind], prices, self._type_rules[kind], rate_rules, own_rules, strict=True
        ):
            if free == layout.NOT_ON_SALE:
                continue
            priced = price != layout.NO_PRICE
            restriction = self._restriction(*rules)
            left, at = max(free, 0), price if priced else None
            if restriction is OPEN:
                states[day] = NightState(day, True, left, False, at)
            else:
                states[day] = NightState.of(
                    day, on_sale=True, rooms_left=left, price=at, restriction=restriction
                )
            if priced:
                amounts[day] = NightPrice(day, price)
        found = self[key] = self._made[kind, rate, own] = Calendar(states, amounts)
        return found

    def _restriction(self, kind: int, rate: int, own: int) -> Restriction:
        """The strictest of three rules."""
        key = kind, rate, own
        found = self._combined.get(key)
        if found is None:
            found = self._combined[key] = combine(*(self._view.restriction(rule) for rule in key))
        return found
