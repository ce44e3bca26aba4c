"""Rates that a bulk edit takes over from other nights, or from another hotel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec

from hotel_booking.domains.rates.ari import RESTRICTIONS

# What stands there, by (room type id, plan id, night), as in `changes.Rows`.
_Value = int | bool | list[int] | None
_Rows = Mapping[tuple[int, int, date], Mapping[str, _Value]]
# What a night asks for further persons where it has amounts of its own, which only programs set.
FURTHER_PERSONS = ("extra_adult", "children")


class Copy(msgspec.Struct, frozen=True):
    """What an edit takes over: of as many nights as it covers, from `first` on, prices, restrictions or both.
    They stand at the hotel `hotel` (its slug; "": the edit's own), by the same codes."""

    first: date
    prices: bool = True
    restrictions: bool = True
    hotel: str = ""


class Source(msgspec.Struct, frozen=True):
    """Where it stands: `rows` by ids of their own, which `types` and `plans` give for those of the edit.
    `priced` are the edit's plans that have prices of their own; `back` is how long before an
    edit's night the night lies that it takes over. `further` are amounts that both hotels have alike: of
    other ages of children there are others. `bands`: how many of these the edit's hotel has."""

    copy: Copy
    rows: _Rows
    types: Mapping[int, int]
    plans: Mapping[int, int]
    priced: frozenset[int]
    back: timedelta
    bands: int
    further: tuple[str, ...] = FURTHER_PERSONS

    def takes_price(self, plan: int) -> bool:
        """Whether prices of the plan are taken over."""
        return self.copy.prices and plan in self.priced

    def price(self, kind: int, plan: int, night: date) -> int | None:
        """The price that a night takes over; None where there is none."""
        row = self._at(kind, plan, night)
        price = None if row is None else row["price"]
        return price if isinstance(price, int) else None

    def others(self, kind: int, plan: int, night: date) -> dict[str, _Value]:
        """What a night takes over besides: with a price what further persons pay, and restrictions; all of
        them, those that are not set too. Empty where nothing stands there."""
        row = self._at(kind, plan, night) if plan in self.plans else None
        if row is None:
            return {}
        columns = RESTRICTIONS if self.copy.restrictions else ()
        if self.takes_price(plan) and row["price"] is not None:
            amounts = row["children"]
            fits = not isinstance(amounts, list) or len(amounts) == self.bands  # else of bands of before
            columns = (*(name for name in self.further if fits or name != "children"), *columns)
        return {column: row[column] for column in columns}

    def _at(self, kind: int, plan: int, night: date) -> Mapping[str, _Value] | None:
        return self.rows.get((self.types[kind], self.plans[plan], night - self.back))
