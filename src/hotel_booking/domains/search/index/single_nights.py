"""Nights one by one, as calendars show them: what each costs for itself on which pair, from the arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product, repeat

import numpy as np

from hotel_booking.core.money import step
from hotel_booking.domains.rates.restrictions import Restriction, occupancy_reasons
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.charges import ANY_DAY, Taxation, taxation
from hotel_booking.domains.search.index.kernel import Stays
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.sold import different
from hotel_booking.domains.search.index.totals import columns_at, extra_persons, stepped
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.types import CalendarNight, PriceCalendar

_NO_LIMIT = 2**30
_NONE = 2**50  # more than any night costs


def calendar(
    view: IndexView,
    slug: str,
    first: date,
    last: date,
    occupancy: Occupancy,
    *,
    room_type: str | None,
    rate_plan: str | None,
    now: datetime,
) -> PriceCalendar | None:
    """A property's nights, as `search.calendar` makes them; None where the arrays do not know all of them, or
    there is no such room type or plan. Raises `TooLarge`."""
    slot = view.slot(slug)
    if slot is None or not view.holds(first.toordinal(), last.toordinal()):
        return None
    content = view.content_of(slot)
    kinds, plans = ([one.code for one in some] for some in (content.room_types, content.plans))
    if (room_type is not None and room_type not in kinds) or (
        rate_plan is not None and rate_plan not in plans
    ):
        return None
    length = (last - first).days + 1
    ahead = first.toordinal() - view.today(slot, now)
    codes = list(product(kinds, plans))
    days = list(_days(first, length))
    nights: Iterable[CalendarNight] | None = None
    if view.compiled is not None:
        only = _place(kinds, room_type), _place(plans, rate_plan)
        shape = len(kinds), len(plans)
        known = view.compiled.calendar(view.lists, slot, first, length, ahead, occupancy, shape, only)
        nights = None if known is None else map(_told, known, days, repeat(codes))
    if nights is None:
        chosen = np.array([room_type is None or code == room_type for code in kinds], bool)
        wanted = np.array([rate_plan is None or code == rate_plan for code in plans], bool)
        nights = _computed(view, slot, days, ahead, occupancy, chosen, wanted, codes)
    return None if nights is None else PriceCalendar(slug, content.property.currency, tuple(nights))


def _computed(
    view: IndexView,
    slot: int,
    days: Sequence[date],
    ahead: int,
    occupancy: Occupancy,
    chosen: Array,
    wanted: Array,
    codes: Sequence[tuple[str, str]],
) -> list[CalendarNight] | None:
    """The nights of a slot by NumPy, which is what compiled code is compared with: of room types that are
    `chosen` and plans that are `wanted`. `ahead` are the days from its today to the first night. None where
    a night has amounts of its own for extra persons."""
    stays = Stays(view, np.array([slot]), days[0].toordinal(), len(days))
    if view.arrays["rate_own_extras"][stays.rates.at].any():
        return None
    catalogue = view.catalogue_of(slot)
    fitting = [
        one and not occupancy_reasons(catalogue.occupancy(kind), occupancy)
        for one, kind in zip(chosen.tolist(), catalogue.room_types.values(), strict=True)
    ]
    asked = np.flatnonzero(np.outer(fitting, wanted).ravel()) if codes else np.zeros(0, np.intp)
    open_ = open_nights(stays, np.array([ahead]))[:, asked]
    costs = np.full(open_.shape, _NONE, np.int64)
    opened, places = np.nonzero(open_)
    costs[open_] = night_totals(view, stays, days[0], opened, asked[places], occupancy)
    free = stays.free if chosen.all() else stays.free[:, chosen]
    left = np.maximum(free, 0).sum(axis=1).tolist() if len(wanted) else [0] * len(days)
    if not len(opened):
        return [
            CalendarNight(day, None, None, None, rooms, _CLOSED)
            for day, rooms in zip(days, left, strict=True)
        ]
    best = costs.argmin(axis=1)
    said = zip(
        days,
        costs[np.arange(len(days)), best].tolist(),
        asked[best].tolist(),
        left,
        _loosest(stays, asked, open_),
        strict=True,
    )
    return [
        CalendarNight(day, None, None, None, rooms, _CLOSED)
        if cost == _NONE
        else CalendarNight(day, cost, codes[pair][0], codes[pair][1], rooms, limits)
        for day, cost, pair, rooms, limits in said
    ]


_CLOSED = Restriction(closed=True)
_OPEN = Restriction()


def _told(night: Sequence[int], day: date, codes: Sequence[tuple[str, str]]) -> CalendarNight:
    """What compiled code says of a night."""
    cost, pair, left, on, over, upto, arrive, depart = night
    if cost < 0:
        return CalendarNight(day, None, None, None, left, _CLOSED)
    kind, plan = codes[pair]
    return CalendarNight(day, cost, kind, plan, left, _restriction(on, over, upto, arrive, depart))


def _place(codes: Sequence[str], code: str | None) -> int:
    return -1 if code is None else codes.index(code)


def _days(first: date, nights: int) -> Iterator[date]:
    start = first.toordinal()
    return map(date.fromordinal, range(start, start + nights))


def open_nights(stays: Stays, ahead: Array) -> Array:
    """On which nights each pair has a room and a price and may be booked today, [night, pair]; stays' lengths
    aside. `ahead` are the days from each slot's today to the first night."""
    arrays, at, place = stays.arrays, stays.pairs.at, stays.pairs.place
    days = ahead[place] + np.arange(stays.nights)[:, None]
    latest = arrays["max_advance"][at]
    found = (stays.free > 0)[:, stays.type_of] & (days >= np.maximum(arrays["min_advance"][at], 0))
    found &= (latest < 0) | (days <= latest)
    rate = stays.rate_of
    if not stays.prices.shape[1]:
        return np.zeros(found.shape, bool)
    found &= (stays.prices >= 0)[:, rate] & (rate >= 0)
    for rules in stays.rules:
        found &= (arrays["rule_flags"][rules] & layout.CLOSED) == 0
    return found


def night_totals(
    view: IndexView, stays: Stays, first: date, nights: Array, pairs: Array, occupancy: Occupancy
) -> Array:
    """What single nights cost: those at `nights` from the first on, each on its pair. Raises `TooLarge`."""
    arrays = view.arrays
    columns = columns_at(stays.pairs.at, pairs)
    slots = stays.slots[stays.pairs.place[pairs]]
    prices = stays.prices[nights, stays.rate_of[pairs]][None, :]
    extras = extra_persons(stays, pairs, occupancy)
    kinds, values = arrays["adjust_kind"][columns], arrays["adjust_value"][columns]
    groups: dict[tuple[Taxation, int], list[Array]] = {}
    both = arrays["taxes"][slots].astype(np.int64) << 16 | arrays["currency"][slots]
    keys = different(both) if len(both) else []
    for key in keys:
        rounding, taxes = view.lists.taxes[key >> 16]
        least = step(letters(key & 0xFFFF))
        dated = any(tax.valid_from is not None or tax.valid_to is not None for tax in taxes)
        if len(keys) == 1 and not dated:
            found = taxation(rounding, taxes, ANY_DAY, 1, occupancy, least)
            return stepped(prices, extras, kinds, values, occupancy, found, least)
        cells = np.flatnonzero(both == key)
        if not dated:
            found = taxation(rounding, taxes, ANY_DAY, 1, occupancy, least)
            groups.setdefault((found, least), []).append(cells)
            continue
        for night in np.unique(nights[cells]).tolist():
            found = taxation(rounding, taxes, first + timedelta(days=night), 1, occupancy, least)
            groups.setdefault((found, least), []).append(cells[nights[cells] == night])
    costs = np.zeros(len(pairs), np.int64)
    for (taxes_, least), parts in groups.items():
        cells = np.concatenate(parts)
        some = [(count[cells], amount[cells]) for count, amount in extras]
        costs[cells] = stepped(prices[:, cells], some, kinds[cells], values[cells], occupancy, taxes_, least)
    return costs


def _loosest(stays: Stays, pairs: Array, open_: Array) -> list[Restriction]:
    """Of each night the loosest that the open pairs restrict, each restriction for itself."""
    arrays = stays.arrays
    columns = columns_at(stays.pairs.at, pairs)
    levels = [rules[:, pairs] for rules in stays.rules]
    shortest, longest = (arrays[name][columns].astype(np.int64) for name in ("min_stay", "max_stay"))
    if not levels and (shortest < 0).all() and (longest < 0).all():
        return [_OPEN] * len(open_)
    arrival = np.broadcast_to(np.maximum(shortest, 0), open_.shape)
    most = np.broadcast_to(np.where(longest > 0, longest, _NO_LIMIT), open_.shape)
    through = np.zeros(open_.shape, np.int64)
    flags = np.zeros(open_.shape, np.uint8)
    for rules in levels:
        arrival = np.maximum(arrival, arrays["rule_min_arrival"][rules])
        through = np.maximum(through, arrays["rule_min_through"][rules])
        upto = arrays["rule_max"][rules].astype(np.int64)
        most = np.minimum(most, np.where(upto > 0, upto, _NO_LIMIT))
        flags |= arrays["rule_flags"][rules]
    said = zip(
        np.where(open_, arrival, _NO_LIMIT).min(axis=1, initial=_NO_LIMIT).tolist(),
        np.where(open_, through, _NO_LIMIT).min(axis=1, initial=_NO_LIMIT).tolist(),
        np.where(open_, most, 0).max(axis=1, initial=0).tolist(),
        (~open_ | ((flags & layout.TO_ARRIVAL) != 0)).all(axis=1).tolist(),
        (~open_ | ((flags & layout.TO_DEPARTURE) != 0)).all(axis=1).tolist(),
        strict=True,
    )
    return [_restriction(*limits) for limits in said]


@lru_cache(maxsize=1024)
def _restriction(on: int, over: int, upto: int, arrive: int, depart: int) -> Restriction:
    most = upto if upto < _NO_LIMIT else None
    return Restriction(False, on or None, over or None, most, bool(arrive), bool(depart))
