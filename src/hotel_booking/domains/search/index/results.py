"""The results of a page: what arrays and contents say of the hotels that were chosen for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from hotel_booking.core.money import Money
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.compiled import SAME
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.library import Picked
from hotel_booking.domains.search.index.refunds import Refunds
from hotel_booking.domains.search.index.sold import Priced
from hotel_booking.domains.search.index.view import Content, IndexView
from hotel_booking.domains.search.types import (
    Around,
    FoundOffer,
    FoundProperty,
    Key,
    SearchRequest,
    SearchResult,
)


class Chosen(NamedTuple):
    """A hotel's cheapest pair that passes: where it is in what was priced."""

    priced: Priced
    place: int  # of the hotel among the slots
    pair: int


def results_of(
    view: IndexView, request: SearchRequest, refunds: Refunds, exchange: Exchange, picked: Sequence[Picked]
) -> list[SearchResult]:
    """The results of what compiled code chose."""
    told = _Told(request, exchange)
    on_circle = isinstance(request.where, Around)
    found = []
    for one in picked:
        content = view.content(one.slot, one.version, one.content_at)
        gives = refunds.gives(one.slot, one.pair, one.policy, one.clock, one.total)
        offer = told.offer(content, one.type_place, one.plan, one.total, one.left, gives, one.meal)
        found.append(SearchResult(content.property, offer, one.metres if on_circle else None))
    return found


def worth_of(view: IndexView, request: SearchRequest, exchange: Exchange, picked: Array) -> Array | None:
    """What the totals of results that are not ordered by price come to in the currency asked for; None where
    none was, or their order says so."""
    if request.sort == "price" or request.currency is None:
        return None
    told = _Told(request, exchange)
    amounts = np.full(len(picked), SAME, np.int64)
    for place, one in enumerate(map(Picked._make, picked.tolist())):
        approximate, _ = told.worth(one.total, letters(int(view.arrays["currency"][one.slot])))
        if approximate is not None:
            amounts[place] = approximate.amount
    return amounts


class _Told:
    """Makes the offers of one search."""

    def __init__(self, request: SearchRequest, exchange: Exchange) -> None:
        self.nights, self.rooms = request.stay.nights, len(request.party)
        self._exchange = exchange
        self._by_price = request.sort == "price"
        self._approximates = self._by_price or request.currency == exchange.target

    def worth(self, total: int, currency: str) -> tuple[Money | None, bool]:
        """A total in the currency compared in, where that is told, and whether it could be compared."""
        if currency == self._exchange.target:
            return None, True
        amount = self._exchange.convert(total, currency)
        if amount is None:
            return None, not self._by_price
        return (Money(amount, self._exchange.target) if self._approximates else None), True

    def offer(
        self,
        content: Content,
        kind_place: int,
        plan_place: int,
        total: int,
        left: int,
        gives: bool,
        meal: int,
    ) -> FoundOffer:
        kind, plan, currency = (
            content.room_types[kind_place],
            content.plans[plan_place],
            content.property.currency,
        )
        approximate, compared = self.worth(total, currency)
        return FoundOffer(
            kind.code, kind.name, plan.code, plan.name, currency, total, self.nights, self.rooms, left, gives,
            meal, approximate, compared,
        )  # fmt: skip


class Results:
    """The results of one search; `slots` are the hotels that were asked, `metres` their distances."""

    def __init__(
        self,
        view: IndexView,
        request: SearchRequest,
        now: datetime,
        exchange: Exchange,
        slots: Array,
        metres: Array | None,
    ) -> None:
        self._view = view
        self._told = _Told(request, exchange)
        self._slots = slots
        self._metres = metres
        arrival = request.stay.arrival.toordinal()
        self._rows = np.arange(arrival, arrival + request.stay.nights)[:, None] % layout.ROWS
        self._refunds = Refunds(view, request.stay, Party.of(request.party), now)

    def built(self, found: Sequence[tuple[Key, Chosen]]) -> list[tuple[Key, SearchResult]]:
        """The results of hotels."""
        results: dict[int, SearchResult] = {}
        parts = {id(chosen.priced): chosen.priced for _, chosen in found}
        for part in parts.values():
            self._build(part, [chosen for _, chosen in found if chosen.priced is part], results)
        return [(key, results[chosen.place]) for key, chosen in found]

    def _build(self, part: Priced, chosen: Sequence[Chosen], results: dict[int, SearchResult]) -> None:
        """The results of hotels of one part, by their places. What they are made of is gathered for all."""
        view = self._view
        arrays = view.arrays
        places = [one.place for one in chosen]
        pairs = np.array([one.pair for one in chosen])
        slots, columns = self._slots[places], part.columns[pairs]
        plans: list[int] = arrays["pair_plan"][columns].tolist()
        metres = [None] * len(places) if self._metres is None else self._metres[places].tolist()
        contents = view.contents(slots)
        refunds = self.refunded(part, slots, pairs)
        gathered = zip(
            places,
            contents,
            (arrays["pair_type"][columns] - arrays["first_type"][slots]).tolist(),
            plans,
            part.totals[pairs].tolist(),
            self._nights("free", arrays["pair_type"][columns]).min(axis=0).tolist(),
            arrays["meal"][columns].tolist(),
            metres,
            refunds,
            strict=True,
        )
        for place, content, kind_place, plan_place, total, left, meal, distance, refundable in gathered:
            offer = self._told.offer(content, kind_place, plan_place, total, left, refundable, meal)
            results[place] = SearchResult(content.property, offer, distance)

    def refunded(self, part: Priced, slots: Array, pairs: Array) -> list[bool]:
        """Whether pairs give money back."""
        arrays, columns = self._view.arrays, part.columns[pairs]
        policies, clocks = arrays["policy"][columns].tolist(), arrays["clock"][slots].tolist()
        fees = list(map(self._refunds.fee, policies, clocks))
        if fees.count(None) == len(fees):
            return [True] * len(fees)
        return [
            self._refunds.refundable(pair, fee, letters(currency), rooms, prices)
            for pair, currency, fee, rooms, prices in zip(
                zip(
                    slots.tolist(),
                    columns.tolist(),
                    arrays["adjust_kind"][columns].tolist(),
                    arrays["adjust_value"][columns].tolist(),
                    strict=True,
                ),
                arrays["currency"][slots].tolist(),
                fees,
                zip(*[room[pairs].tolist() for room in part.rooms], strict=True),
                self._nights("price", arrays["pair_rate"][columns]).T.tolist(),
                strict=True,
            )
        ]

    def _nights(self, name: str, columns: Array) -> Array:
        """What an array has of the stay's nights, [night, column]."""
        found: Array = self._view.arrays[name][self._rows, columns]
        return found


def with_distance(place: FoundProperty, metres: int) -> FoundProperty:
    """A hotel with its distance."""
    return FoundProperty(
        place.id,
        place.slug,
        place.name,
        place.stars,
        place.city,
        place.country,
        place.lat,
        place.lon,
        place.amenities,
        place.timezone,
        place.day_end_time,
        place.currency,
        place.tax_rounding,
        place.child_bands,
        metres,
    )
