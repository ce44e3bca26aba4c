"""The lowest price of each night among the hotels of an area, from the arrays: as `search.nights` does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import numpy as np

from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.rates.types import MILLION, Occupancy
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.kernel import Stays
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.single_nights import night_totals, open_nights
from hotel_booking.domains.search.index.sold import different
from hotel_booking.domains.search.index.totals import has_extras
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.nights import MOST_HOTELS, PRICED, shown_in
from hotel_booking.domains.search.types import Box, SearchRequest

_NOTHING = 2**62


def lowest_nights(
    view: IndexView, request: SearchRequest, first: date, last: date, *, now: datetime
) -> tuple[str, Mapping[date, int]] | None:
    """A currency, and the lowest price in it of each night; None where the arrays do not know all of them.
    Raises `TooLarge`."""
    if not view.holds(first.toordinal(), last.toordinal()):
        return None
    arrays = view.arrays
    slots, metres = view.inside(request.where, request)
    order = np.lexsort((arrays["id"][slots], slots * 0 if metres is None else metres))
    if not isinstance(request.where, Box):
        order = order[:MOST_HOTELS]
    slots = slots[order]
    currencies = [letters(code) for code in arrays["currency"][slots].tolist()]
    exchange = shown_in(currencies, request.currency, view.lists.per_euro)
    slots = slots[np.array([exchange.compares(currency) for currency in currencies], bool)]
    if not len(slots):
        return exchange.target, {}
    if (arrays["state"][slots] != layout.LIVE).any():
        return None
    slots = slots[arrays["id"][slots].argsort()]
    occupancy = request.party[0]
    stays = Stays(view, slots, first.toordinal(), (last - first).days + 1)
    pairs = np.arange(len(stays.pairs.place))
    own = arrays["rate_own_extras"][stays.rates.at]
    if own.any() and (has_extras(stays, pairs, Party.of([occupancy])) & (own[stays.rate_of] != 0)).any():
        return None
    open_ = open_nights(stays, first.toordinal() - view.todays(slots, now))
    open_ &= stays.fits(Party.of([occupancy]))[stays.type_of]
    least = np.where(open_, _charged(stays, occupancy), _NOTHING)
    # The pair of each hotel that is the least before taxes, and the hotels whose these are the least.
    starts = np.flatnonzero(np.diff(stays.pairs.place, prepend=-1))
    hotels = len(starts)
    if not hotels:
        return exchange.target, {}
    best = np.stack(
        [
            part.argmin(axis=1) + start
            for part, start in zip(np.split(least, starts[1:], 1), starts, strict=True)
        ],
        axis=1,
    )
    of_hotel = np.take_along_axis(least, best, axis=1)
    ranked = of_hotel.argsort(axis=1, kind="stable")[:, : 1 if len(slots) == 1 else PRICED]
    nights, places = np.nonzero(np.take_along_axis(of_hotel, ranked, axis=1) < _NOTHING)
    chosen = best[nights, ranked[nights, places]]
    totals = night_totals(view, stays, first, nights, chosen, occupancy)
    codes = arrays["currency"][slots[stays.pairs.place[chosen]]]
    lowest: dict[date, int] = {}
    for code in different(codes):
        cells = np.flatnonzero(codes == code)
        for night, total in zip(nights[cells].tolist(), totals[cells].tolist(), strict=True):
            amount = exchange.convert(total, letters(code))
            day = first + timedelta(days=night)
            if amount is not None:
                lowest[day] = min(amount, lowest.get(day, amount))
    return exchange.target, lowest


def _charged(stays: Stays, occupancy: Occupancy) -> Array:
    """What each night is charged on each pair before taxes, without children: [night, pair]."""
    arrays, at = stays.arrays, stays.pairs.at
    columns = arrays["pair_type"][at]
    extra = (
        np.maximum(occupancy.adults - arrays["base_occupancy"][columns], 0) * arrays["extra_adult"][columns]
    )
    charged = stays.prices[:, stays.rate_of].astype(np.int64) + extra
    kinds, values = arrays["adjust_kind"][at], arrays["adjust_value"][at]
    each = np.where(kinds == layout.AMOUNT_PER_PERSON, occupancy.persons, 1)
    percent = charged * (MILLION + np.where(kinds == layout.PERCENT, values, 0)) // MILLION
    amount = np.maximum(charged + values * each, 0)
    found: Array = np.where(kinds >= layout.AMOUNT, amount, percent)
    return found
