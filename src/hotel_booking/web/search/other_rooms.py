"""The same party in another number of rooms, where that costs less or is all that is free: a family is told
when one larger room is cheaper than two, or two than one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.money import Money
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.properties.queries import room_type_names
from hotel_booking.domains.rates.party import spread
from hotel_booking.domains.rates.queries import Calendars, Catalogue
from hotel_booking.domains.rates.types import MAX_ROOMS, Occupancy
from hotel_booking.domains.search.errors import UnknownCurrency
from hotel_booking.domains.search.offers import cheapest_of
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import MAX_LIMIT, Offer, SearchRequest, SearchResult
from hotel_booking.web.i18n.formats import Formats, Names
from hotel_booking.web.search.query import Asked

_A_PARTY = 3  # persons from which on another number of rooms is worth a look


class RoomSplit(msgspec.Struct, frozen=True):
    """The party in `rooms` rooms of a type. `saving` is what it costs less than as asked; None: as asked
    nothing is free. `href` is a query."""

    rooms: int
    room: str
    total: Money
    saving: Money | None
    href: str


def refundable(offer: Offer) -> bool:
    """Whether cancelling now would give any of the money back; as the search has it."""
    return offer.cancellation.fee_now < offer.total or offer.total == 0


def numbers(party: Sequence[Occupancy]) -> list[int]:
    """Numbers of rooms to try instead: one fewer, one more. Couples and single travellers are left alone, as
    long as they ask for one room."""
    adults = sum(room.adults for room in party)
    persons = adults + sum(len(room.children) for room in party)
    found = [len(party) - 1] if len(party) > 1 else []
    if persons >= _A_PARTY and len(party) < min(adults, MAX_ROOMS):
        found.append(len(party) + 1)
    return found


def parties(party: Sequence[Occupancy], fits_in: int | None = None) -> list[tuple[Occupancy, ...]]:
    """The party dealt out over those numbers of rooms, the fewest first, and over as many as it fits in."""
    adults = sum(room.adults for room in party)
    ages = [age for room in party for age in room.children]
    found = []
    for rooms in sorted({*numbers(party), *([fits_in] if fits_in is not None else [])}):
        try:
            found.append(spread(adults, ages, rooms))
        except DomainError:
            continue
    return found


def in_hotel(
    catalogue: Catalogue,
    calendars: Calendars,
    asked: Asked,
    best: Offer | None,
    names: Names,
    *,
    fits_in: int | None = None,
    now: datetime,
) -> RoomSplit | None:
    """What one hotel has for the party in another number of rooms, among them `fits_in`, where it needs so
    many; `calendars` hold the stay's nights."""
    found: list[tuple[int, int, RoomType]] = []
    if asked.stay is None:
        return None
    accepts = refundable if asked.refundable else None
    for party in parties(asked.party, fits_in):
        cheapest = cheapest_of(catalogue, calendars, asked.stay, party, accepts=accepts, now=now)
        if cheapest is not None and (best is None or cheapest[1] < best.total):
            found.append((cheapest[1], len(party), cheapest[0]))
    if not found:
        return None
    currency = catalogue.property.currency
    total, rooms, kind = min(found, key=lambda one: one[:2])
    return RoomSplit(
        rooms,
        names.get(("room_type", kind.code), kind.name),
        Money(total, currency),
        Money(best.total - total, currency) if best is not None else None,
        asked.query(rooms=rooms),
    )


def instead_of(wanted: SearchRequest) -> list[SearchRequest]:
    """What `in_list` looks for besides: the party in one other number of rooms, if in any."""
    return [_elsewhere(wanted, party) for party in parties(wanted.party)[:1]]


async def in_list(
    searching: Searching,
    wanted: SearchRequest,
    results: Sequence[SearchResult],
    asked: Asked,
    *,
    language: str,
    now: datetime,
) -> dict[int, RoomSplit]:
    """The same for the hotels of a list, by their ids: one more search, for one other number of rooms."""
    cheaper: dict[int, RoomSplit] = {}
    for request in instead_of(wanted):
        other, party = await _search(searching, request, now), request.party
        asked_for = {result.property.id: result.offer for result in results}
        less = {
            key: one
            for key, one in other.items()
            if key in asked_for and one.offer.total < asked_for[key].total
        }
        names = await _names(searching.tx, less, language)
        for key, one in less.items():
            currency = asked_for[key].currency
            cheaper[key] = RoomSplit(
                len(party),
                names.get(key, one.offer.room_type_name),
                Money(one.offer.total, currency),
                Money(asked_for[key].total - one.offer.total, currency),
                asked.query(rooms=len(party)),
            )
    return cheaper


async def at_all(
    searching: Searching, wanted: SearchRequest, asked: Asked, *, language: str, now: datetime
) -> RoomSplit | None:
    """Where no hotel of the area has the rooms as asked: the cheapest that has another number. At most two
    searches."""
    for party in parties(wanted.party):
        found = await _search(searching, _elsewhere(wanted, party), now)
        if found:
            property_id, first = next(iter(found.items()))
            offer = first.offer
            names = await _names(searching.tx, {property_id: first}, language)
            return RoomSplit(
                len(party),
                names.get(property_id, offer.room_type_name),
                Money(offer.total, offer.currency),
                None,
                asked.query(rooms=len(party)),
            )
    return None


async def at_hotel(
    searching: Searching,
    hotel: tuple[int, str],
    wanted: SearchRequest,
    asked: Asked,
    rooms: int,
    *,
    language: str,
    now: datetime,
) -> RoomSplit | None:
    """What a hotel, by id and slug, has for the party in so many rooms; None: nothing is free. At most 4
    statements."""
    property_id, slug = hotel
    for party in parties(wanted.party, rooms):
        if len(party) != rooms:
            continue
        offers = (await searching.offers(slug, wanted.stay, party, now=now)).offers
        if offers:
            best = offers[0]
            names = await room_type_names(searching.tx, [(property_id, best.room_type)], language)
            return RoomSplit(
                rooms,
                names.get((property_id, best.room_type), best.room_type_name),
                Money(best.total, best.currency),
                None,
                asked.query(rooms=rooms),
            )
    return None


async def _names(tx: Transaction, found: Mapping[int, SearchResult], language: str) -> dict[int, str]:
    """What the room types found are called in the language, by property: one statement."""
    types = [(key, one.offer.room_type) for key, one in found.items()]
    names = await room_type_names(tx, types, language) if types else {}
    return {property_id: name for (property_id, _), name in names.items()}


def _elsewhere(wanted: SearchRequest, party: tuple[Occupancy, ...]) -> SearchRequest:
    return msgspec.structs.replace(wanted, party=party, after=None, limit=MAX_LIMIT, sort="price")


async def _search(searching: Searching, request: SearchRequest, now: datetime) -> Mapping[int, SearchResult]:
    try:
        found = await searching.find(request, now)
    except UnknownCurrency:
        return {}
    return {result.property.id: result for result in found.results}


class RoomSplitPhrases(Formats):
    """Says it in one language."""

    def said(self, one: RoomSplit) -> str:
        """In a sentence, as the label of a link."""
        ngettext = self._texts.ngettext
        if one.saving is None:
            text = ngettext(
                "Available for your party in {number} room: {room}, {total}",
                "Available for your party in {number} rooms: {room}, {total}",
                one.rooms,
            )
        else:
            text = ngettext(
                "Cheaper in {number} room: {room}, {total}. You save {saving}.",
                "Cheaper in {number} rooms: {room}, {total}. You save {saving}.",
                one.rooms,
            )
        return text.format(
            number=one.rooms,
            room=one.room,
            total=self.money(one.total.amount, one.total.currency),
            saving=self.money(one.saving.amount, one.saving.currency) if one.saving is not None else "",
        )
