"""What one hotel sells for a stay, by compiled code where it is there: which pairs, and what each
costs line by line. `offers.offers_of` works out the same of calendars, and tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from hotel_booking.core.dates import Stay
from hotel_booking.domains.rates.pricing import Amounts
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.form import OfferForm
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.offers import Priced


def priced(
    view: IndexView, slot: int, stay: Stay, party: Sequence[Occupancy], now: datetime
) -> Mapping[tuple[int, int], Priced] | None:
    """Every pair that a slot sells to the party, by the ids of its room type and plan; None where only its
    calendars can tell, and where the arrival is over at the hotel. Raises `TooLarge`."""
    ahead = _ahead(view, slot, stay, party, now)
    if view.compiled is None or ahead is None:
        return None
    limits, kinds = view.limits(stay.nights), list(dict.fromkeys(party))
    told = view.compiled.offers.told(view.lists, limits, slot, stay, len(party), ahead, kinds)
    if told is None:
        return None
    catalogue, days = view.catalogue_of(slot), list(stay)
    room_types, plans = list(catalogue.room_types.values()), list(catalogue.plans.values())
    nights, taxes = stay.nights, len(catalogue.taxes)
    found, at = {}, 0
    while at < len(told):
        kind, plan, left = room_types[told[at]], plans[told[at + 1]], told[at + 2]
        at += 3
        prices = {}
        for occupancy in kinds:
            amounts, at = amounts_of(told, at, nights, taxes)
            prices[occupancy] = catalogue.pricing(kind, plan, occupancy).told(days, amounts)
        found[kind.id, plan.id] = Priced(left, prices)
    return found


def written(
    view: IndexView, slot: int, stay: Stay, party: Sequence[Occupancy], form: OfferForm, now: datetime
) -> bytes | None:
    """The same, written as the form has it, with commas between offers; None too where there are none. Raises
    `TooLarge`."""
    ahead = _ahead(view, slot, stay, party, now)
    if view.compiled is None or ahead is None:
        return None
    limits = view.limits(stay.nights)
    return view.compiled.offers.written(view.lists, limits, slot, stay, party, ahead, form, now)


def _ahead(view: IndexView, slot: int, stay: Stay, party: Sequence[Occupancy], now: datetime) -> int | None:
    """How many days the arrival is away at the hotel; None where compiled code does not know the stay."""
    arrival, departure = stay.arrival.toordinal(), stay.departure.toordinal()
    if not view.holds(arrival, departure) or any(room.adults < 1 for room in party):
        return None
    ahead = arrival - view.today(slot, now)
    return ahead if ahead >= 0 else None


def amounts_of(told: list[int], at: int, nights: int, taxes: int) -> tuple[Amounts, int]:
    """The price of one room that compiled code told from a place on, and where the next one begins."""
    net, tax, lines = told[at : at + 3]
    of_nights = at + 3
    of_taxes = of_nights + nights
    of_lines = of_taxes + 2 * taxes
    end = of_lines + 4 * lines
    amounts = Amounts(
        net,
        tax,
        tuple(told[of_nights:of_taxes]),
        list(zip(told[of_taxes:of_lines:2], told[of_taxes + 1 : of_lines : 2], strict=True)),
        list(zip(*[iter(told[of_lines:end])] * 4, strict=True)),
    )
    return amounts, end
