"""The cheapest offer of one hotel among what it sells, by exact prices. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from hotel_booking.core.dates import Stay
from hotel_booking.core.money import step
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.cancellation import fee_at
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import (
    CancellationPolicy,
    ChildBand,
    NightPrice,
    Occupancy,
    Price,
    Rules,
    Tax,
)
from hotel_booking.domains.search.types import FoundProperty, SearchRequest, Sold, SoldPair


class Cheapest(NamedTuple):
    """The pair, the total of all rooms, and each room's price."""

    pair: SoldPair
    total: int
    prices: list[Price]


def cheapest(
    place: FoundProperty,
    pairs: Sequence[SoldPair],
    taxes: tuple[Tax, ...],
    request: SearchRequest,
    *,
    exchange: Exchange,
    policies: Mapping[int, CancellationPolicy],
    now: datetime,
) -> Cheapest | None:
    """The cheapest of the hotel's pairs that passes the filters on price and refunds; None where none does.

    `pairs` rise by `least`. A price is its charges with taxes on top, so it is less than `least` only by
    rounding (`slack`). Pairs beyond that are not priced. `policies` are needed only for the filter on
    refunds. Equal totals: the type and plan that the hotel lists first.
    """
    below = slack(request, len(taxes), place.currency)
    best: Cheapest | None = None
    best_key: tuple[int, ...] = ()
    for pair in pairs:
        lowest = int(pair.least) - below
        if best is not None and lowest > best.total:
            break
        if request.price_max is not None and not _in_range(
            _compared(lowest, place, request, exchange), None, request.price_max
        ):
            break
        offer = _priced(place, pair, taxes, request)
        key = (offer.total, pair.room_type_sort, pair.room_type_id, pair.plan_sort, pair.plan_id)
        if best is not None and key > best_key:
            continue
        if not _in_range(
            _compared(offer.total, place, request, exchange), request.price_min, request.price_max
        ):
            continue
        if request.refundable and not refundable(offer, policies[pair.policy_id], place, request.stay, now):
            continue
        best, best_key = offer, key
    return best


def slack(request: SearchRequest, taxes: int, currency: str) -> int:
    """By how much a total of the search may be less than its charges; see `rounding`."""
    return rounding(request.stay.nights, request.party, taxes, currency)


def rounding(nights: int, party: Sequence[Occupancy], taxes: int, currency: str) -> int:
    """By how much a total may be less than what its charges come to, at the most: each line that may be
    rounded, and each of its taxes, moves it by less than a step of the currency; where that is more than a
    minor unit, what each person pays may have been rounded to it before."""
    children = max(len(occupancy.children) for occupancy in party)
    lines, least = len(party) * nights * (3 + children), step(currency)
    persons = 1 if least == 1 else max(occupancy.persons for occupancy in party)
    return lines * (2 + taxes) * least * persons


def refundable(
    offer: Cheapest, policy: CancellationPolicy, place: FoundProperty, stay: Stay, now: datetime
) -> bool:
    """Whether cancelling at `now` would give any of the money back (an offer that costs nothing is)."""
    fee = sum(
        fee_at(
            policy,
            arrival=stay.arrival,
            timezone=place.timezone,
            total=room.total,
            night_totals=night_totals(room),
            at=now,
            currency=place.currency,
        )
        for room in offer.prices
    )
    return fee < offer.total or offer.total == 0


def rules_of(place: FoundProperty, pair: Sold, taxes: tuple[Tax, ...]) -> Rules:
    """The rules that the pair is priced by; the same as `rates.queries.Catalogue.rules` gives."""
    return Rules(
        currency=place.currency,
        step=step(place.currency),
        rounding=place.tax_rounding,
        room_type=pair.room_type,
        room_type_name=pair.room_type_name,
        rate_plan=pair.rate_plan,
        rate_plan_name=pair.rate_plan_name,
        base_occupancy=pair.base_occupancy,
        extra_adult=pair.extra_adult,
        child_bands=tuple(ChildBand(age) for age in place.child_bands),
        child_amounts=pair.child_amounts,
        adjustment=pair.adjustment,
        taxes=taxes,
    )


def _priced(place: FoundProperty, pair: SoldPair, taxes: tuple[Tax, ...], request: SearchRequest) -> Cheapest:
    rules = rules_of(place, pair, taxes)
    nights = _nights(pair, request.stay)
    prices: list[Price] = []
    for occupancy, rooms in Counter(request.party).items():
        prices += [price(rules, nights, occupancy)] * rooms
    return Cheapest(pair, sum(room.total for room in prices), prices)


def _nights(pair: SoldPair, stay: Stay) -> list[NightPrice]:
    extra, children = pair.extra_adults, pair.night_child_amounts
    if extra is None and children is None:
        return [NightPrice(night, amount) for night, amount in zip(stay, pair.prices, strict=True)]
    nothing = [None] * stay.nights
    return [
        NightPrice(night, amount, own_extra, own_children)
        for night, amount, own_extra, own_children in zip(
            stay, pair.prices, extra or nothing, children or nothing, strict=True
        )
    ]


def _compared(amount: int, place: FoundProperty, request: SearchRequest, exchange: Exchange) -> int | None:
    """The amount in the currency that the price filter is in; None where it cannot be turned into it."""
    return exchange.convert(amount, place.currency) if request.currency else amount


def _in_range(amount: int | None, low: int | None, high: int | None) -> bool:
    if amount is None:
        return low is None and high is None
    return (low is None or amount >= low) and (high is None or amount <= high)
