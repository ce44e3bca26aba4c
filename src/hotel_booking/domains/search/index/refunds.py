"""Whether cancelling now would give money back, for many offers at once: as `cheapest.refundable` says it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from hotel_booking.core.dates import Stay
from hotel_booking.core.money import step
from hotel_booking.domains.rates.cancellation import deadlines, fee_amount
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import (
    Adjustment,
    CancellationPolicy,
    ChildBand,
    Fee,
    NightPrice,
    Price,
    Rules,
)
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.kernel import Party
from hotel_booking.domains.search.index.view import IndexView, letters

# A night that costs at least so much keeps a part of its price however its taxes are rounded.
_WORTH = 1000
_MOST_OFF = -900_000  # parts per million

_deadlines = lru_cache(maxsize=1024)(deadlines)


class Refunds:
    """The refunds of one search."""

    def __init__(self, view: IndexView, stay: Stay, party: Party, now: datetime) -> None:
        self._view = view
        self._stay = stay
        self._party = party
        self._now = now
        self._fees: dict[tuple[int, str], Fee | None] = {}

    def refundable(
        self,
        slot: int,
        pair: int,
        policy: CancellationPolicy,
        timezone: str,
        rooms: Sequence[int],
        prices: Sequence[int],
    ) -> bool:
        """Whether an offer gives anything back. `pair` is its column, `rooms` what one room of each different
        occupancy costs, `prices` its nights before anything is added."""
        total = sum(room * count for room, count in zip(rooms, self._party.rooms, strict=True))
        fee = self._fee(policy, timezone)
        if fee is None or total == 0:
            return True
        nights: list[list[int]] = [[] for _ in rooms]
        if fee.kind == "nights":
            if fee.value >= len(prices):
                return False
            arrays = self._view.arrays
            kind, value = int(arrays["adjust_kind"][pair]), int(arrays["adjust_value"][pair])
            keeps = kind == layout.NO_ADJUSTMENT or (kind == layout.PERCENT and value >= _MOST_OFF)
            if keeps and min(prices[fee.value :]) >= _WORTH * (1 if kind == layout.NO_ADJUSTMENT else 10):
                return True
            nights = [night_totals(room) for room in self._exactly(slot, pair, prices)]
        currency = letters(int(self._view.arrays["currency"][slot]))
        fees = (
            fee_amount(fee, total=room, night_totals=share, currency=currency) * count
            for room, share, count in zip(rooms, nights, self._party.rooms, strict=True)
        )
        return sum(fees) < total

    def _fee(self, policy: CancellationPolicy, timezone: str) -> Fee | None:
        """What applies now. Equal policies are one object (`view.Content`)."""
        key = id(policy), timezone
        if key not in self._fees:
            reached = [
                fee
                for since, fee in _deadlines(policy, self._stay.arrival, timezone)
                if since is None or since <= self._now
            ]
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
