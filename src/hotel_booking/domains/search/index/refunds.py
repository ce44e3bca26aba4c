"""Whether cancelling now would give money back, for many offers at once: as `cheapest.refundable` says it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np

from hotel_booking.core.dates import Stay
from hotel_booking.core.money import step
from hotel_booking.domains.rates.cancellation import fee_amount
from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import (
    MILLION,
    Adjustment,
    ChildBand,
    Fee,
    NightPrice,
    Price,
    Rules,
)
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.library import Picked
from hotel_booking.domains.search.index.view import IndexView

# A night that costs at least so much keeps a part of its price, whatever is taken off and however its taxes
# are rounded.
_WORTH = 10_000
_MOST_OFF = -900_000  # parts per million

_POLICY, _CLOCK = Picked._fields.index("policy"), Picked._fields.index("clock")


class Refunds:
    """The refunds of one search."""

    def __init__(self, view: IndexView, stay: Stay, party: Party, now: datetime) -> None:
        self._view = view
        self._stay = stay
        self._party = party
        self._now = now
        self._lists_at = view.lists_at
        self._fees: dict[tuple[int, int], Fee | None] = {}

    def refundable(
        self,
        pair: tuple[int, int, int, int],
        fee: Fee | None,
        currency: str,
        rooms: Sequence[int],
        prices: Sequence[int],
    ) -> bool:
        """Whether an offer gives anything back. `pair` is its slot, its column, and the kind and value of its
        plan's adjustment; `fee` what its policy takes now; `rooms` what one room of each different occupancy
        costs, `prices` its nights before anything is added."""
        if fee is None or not any(rooms):
            return True
        if fee.kind == "percent" and fee.value >= MILLION:
            return False
        slot, column, kind, value = pair
        nights: list[list[int]] = [[]] * len(rooms)
        if fee.kind == "nights":
            if fee.value >= len(prices):
                return False
            keeps = kind == layout.NO_ADJUSTMENT or (kind == layout.PERCENT and value >= _MOST_OFF)
            if keeps and min(prices[fee.value :]) >= _WORTH * step(currency):
                return True
            nights = [night_totals(room) for room in self._exactly(slot, column, prices)]
        return any(
            fee_amount(fee, total=room, night_totals=share, currency=currency) < room
            for room, share in zip(rooms, nights, strict=True)
        )

    def gives(self, slot: int, pair: int, policy: int, clock: int, total: int) -> bool:
        """The same of one offer, which costs the party `total`; `policy` and `clock` are the places of the
        pair's and the slot's in the lists."""
        fee = self.fee(policy, clock)
        if fee is None or not total:
            return True
        if fee.kind == "percent" and fee.value >= MILLION:
            return False
        arrays, prices = self._view.arrays, []
        alike = len(self._party.kinds) == 1
        if fee.kind == "nights" or not alike:
            first = self._stay.arrival.toordinal()
            rows = np.arange(first, first + self._stay.nights) % layout.ROWS
            prices = arrays["price"][rows, arrays["pair_rate"][pair]].tolist()
        rooms = [total // self._party.rooms[0]]
        if not alike:
            rooms = [room.total for room in self._exactly(slot, pair, prices)]
        asked = slot, pair, int(arrays["adjust_kind"][pair]), int(arrays["adjust_value"][pair])
        return self.refundable(asked, fee, letters(int(arrays["currency"][slot])), rooms, prices)

    def given(self, picked: Array) -> bytes:
        """Whether each of the results that compiled code chose gives money back: a byte each, 1 where it
        does."""
        policies, clocks = picked[:, _POLICY].tolist(), picked[:, _CLOCK].tolist()
        if not any(self.fee(*different) for different in set(zip(policies, clocks, strict=True))):
            return b"\1" * len(picked)
        return bytes(
            self.gives(one.slot, one.pair, one.policy, one.clock, one.total)
            for one in map(Picked._make, picked.tolist())
        )

    def fee(self, policy: int, clock: int) -> Fee | None:
        """What a policy takes from who cancels now, by their places in the lists."""
        key = policy, clock
        if key not in self._fees:
            stages = self._view.deadlines(self._lists_at, policy, clock, self._stay.arrival)
            reached = [fee for since, fee in stages if since is None or since <= self._now]
            self._fees[key] = reached[-1] if reached else None
        return self._fees[key]

    def _exactly(self, slot: int, pair: int, prices: Sequence[int]) -> list[Price]:
        """Every room's price, line by line."""
        rules = rules_of(self._view, slot, pair)
        nights = nights_of(self._stay.arrival, prices)
        return [price(rules, nights, occupancy) for occupancy in self._party.kinds]


def nights_of(arrival: date, prices: Sequence[int]) -> list[NightPrice]:
    """Prices as those of nights from `arrival` on."""
    return [NightPrice(arrival + timedelta(days=i), amount) for i, amount in enumerate(prices)]


def rules_of(view: IndexView, slot: int, pair: int) -> Rules:
    """The rules of a pair's price, without its names."""
    arrays, lists = view.arrays, view.lists
    currency = letters(int(arrays["currency"][slot]))
    rounding, taxes = lists.taxes[int(arrays["taxes"][slot])]
    column = int(arrays["pair_type"][pair])
    kind, value = int(arrays["adjust_kind"][pair]), int(arrays["adjust_value"][pair])
    adjustment = None
    if kind != layout.NO_ADJUSTMENT:
        per_person = kind == layout.AMOUNT_PER_PERSON
        adjustment = Adjustment("percent" if kind == layout.PERCENT else "amount", value, per_person)
    return Rules(
        currency=currency,
        step=step(currency),
        rounding=rounding,
        room_type="",
        room_type_name="",
        rate_plan="",
        rate_plan_name="",
        base_occupancy=int(arrays["base_occupancy"][column]),
        extra_adult=int(arrays["extra_adult"][column]),
        child_bands=tuple(ChildBand(age) for age in lists.bands[int(arrays["bands"][slot])]),
        child_amounts=tuple(arrays["child_amounts"][column].tolist()),
        adjustment=adjustment,
        taxes=taxes,
    )
