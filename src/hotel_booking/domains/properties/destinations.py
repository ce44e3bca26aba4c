"""What a destination means that somebody typed: decided where it is sure, asked where it is not.

Exact names come first, of places and hotels alike, then names that begin so and places before the region or
country they lie in, then words inside names, then misspellings. Of several places the one is meant that far
more people stand for, and rather one where there are hotels of ours. See
docs/decisions/0032-destinations.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.hits import RankedHit
from hotel_booking.domains.properties.hotel_names import hotel_by_slug
from hotel_booking.domains.properties.place_data import search_form
from hotel_booking.domains.properties.places import (
    MAX_QUERY,
    exact,
    found_as_typed,
    named,
    place_by_id,
)
from hotel_booking.domains.properties.reading import is_hotel, without_hotel
from hotel_booking.domains.properties.similarity import distance

# A place is meant where it counts that much more than any other; one with hotels of ours counts tenfold.
_CLEARLY = 1.5
_SERVED = 10
_GREATER = 10
# A hotel is meant rather than a place of the same name that counts less.
_SMALL_PLACE = 100_000
_ASKED = 8
_HOTEL = "hotel:"

# OFFSET 0: each is looked for by itself, by index; else a plan that knows no values reads all hotels once,
# for the regions of a few.
_WHERE_HOTELS_ARE = """
SELECT w.id
  FROM unnest($1::int[], $2::text[], $3::char(2)[], $4::float8[], $5::float8[])
       AS w (id, kind, country, lat, lon)
 WHERE CASE w.kind
       WHEN 'country' THEN EXISTS (SELECT FROM property p
                                    WHERE p.active AND p.country = w.country OFFSET 0)
       WHEN 'region' THEN EXISTS (SELECT FROM property p JOIN place c ON c.id = p.place_id
                                   WHERE p.active AND p.country = w.country AND c.region = w.id OFFSET 0)
       ELSE EXISTS (SELECT FROM property p
                     WHERE p.active AND p.lat BETWEEN w.lat - 0.25 AND w.lat + 0.25
                       AND p.lon BETWEEN w.lon - 0.25 / greatest(0.1, cosd(w.lat))
                                     AND w.lon + 0.25 / greatest(0.1, cosd(w.lat))) END
"""


class Destination(msgspec.Struct, frozen=True):
    """What is meant; None where the guest has to be asked. `others`: what else it may be, the likeliest
    first."""

    meant: RankedHit | None
    others: tuple[RankedHit, ...] = ()


async def destination(tx: Transaction, text: str, *, key: str = "") -> Destination:
    """What `text` means, itself a key or a name; of several of the name the one with this `key`: a GeoNames
    id, or `hotel:` and a slug. A key of something else counts only where there is no text. At most eight
    statements, and as many without the word for hotel."""
    form = search_form(text[:MAX_QUERY])
    chosen = await _by_key(tx, key.strip())
    if chosen is not None and (not form or await named(tx, chosen.hit, form)):
        return Destination(chosen)
    by_key = await _by_key(tx, text.strip())
    if by_key is not None or not form:
        return Destination(by_key)
    exactly = await exact(tx, form)
    near = await found_as_typed(tx, text, limit=_ASKED)
    alone = Destination(None)
    if not exactly and not any(one.rank < 3 for one in near):
        for bare in without_hotel(form):
            alone = await destination(tx, bare)
            if alone.meant is not None and alone.meant.rank < 3:
                break
        # "Hotel Berlin" is no slip for the Hotel Merlin, "hotel rits" one for the Ritz and not for Ritson.
        if alone != Destination(None) and (not near or (alone.meant is not None and alone.meant.rank == 0)):
            return alone
    known = {(one.hit.kind, one.hit.id) for one in exactly}
    others = [*exactly, *(one for one in near if (one.hit.kind, one.hit.id) not in known)]
    served = await _served(tx, others)
    meant = None if is_hotel(form) else _decided(form, exactly, near, served)
    if meant is None and alone.meant is not None:
        return alone
    rest = tuple(one for one in others if meant is None or one.hit != meant.hit)[:_ASKED]
    if meant is not None:
        # Beside what is sure, only what is meant as exactly.
        rest = tuple(one for one in rest if one.rank <= meant.rank and one.rank < 2)
    return Destination(meant, rest)


async def _by_key(tx: Transaction, key: str) -> RankedHit | None:
    if key.startswith(_HOTEL):
        return await hotel_by_slug(tx, key.removeprefix(_HOTEL)[:MAX_QUERY])
    if key.isascii() and key.isdigit() and len(key) < 10:
        return await place_by_id(tx, int(key))
    return None


def _decided(
    form: str, exactly: Sequence[RankedHit], near: Sequence[RankedHit], served: set[int]
) -> RankedHit | None:
    hotels = [one for one in near if one.hit.kind == "property"]
    places = [one for one in near if one.hit.kind != "property"]
    if exactly and places:
        # A code of three letters, or another name of a small place, may as well be the beginning of a great
        # one's: "Port" is no certain sign of Le Port.
        uncertain = (len(form) < 4 and form.isascii()) or exactly[0].hit.matched is not None
        first = max(places, key=lambda one: one.weight)
        if uncertain and first.weight > _GREATER * exactly[0].weight and first.hit.id != exactly[0].hit.id:
            return None
    same = [one for one in hotels if one.rank == 0]
    if exactly or same:
        return _one(same, exactly, served)
    if len(form) < 3 and form.isascii():
        return None
    for rank in (1, 2):
        of_places = [one for one in places if one.rank == rank]
        of_hotels = [one for one in hotels if one.rank == rank]
        if of_places or of_hotels:
            return _one(of_hotels, of_places, served)
    distances = [(distance(form, one.form), one) for one in near]
    least = min((count for count, _ in distances), default=len(form))
    if least > _slips(form):
        return None
    close = [one for count, one in distances if count == least]
    return _one(
        [one for one in close if one.hit.kind == "property"],
        [one for one in close if one.hit.kind != "property"],
        served,
    )


def _one(hotels: Sequence[RankedHit], places: Sequence[RankedHit], served: set[int]) -> RankedHit | None:
    """The one that is meant; None where it could be several."""
    leader = _leader(places, served)
    if not hotels:
        return leader
    if len(hotels) == 1 and max((place.weight for place in places), default=0) < _SMALL_PLACE:
        return hotels[0]
    return leader


def _leader(places: Sequence[RankedHit], served: set[int]) -> RankedHit | None:
    def counts(one: RankedHit) -> int:
        return max(1, one.weight) * (_SERVED if one.hit.id in served else 1)

    ranked = sorted(places, key=counts, reverse=True)
    if not ranked:
        return None
    first = ranked[0]
    for one in ranked[1:]:
        # A city in the country or region of its name is no other place.
        inside = one.hit.country == first.hit.country and one.hit.kind != first.hit.kind
        if not inside and counts(first) < _CLEARLY * counts(one):
            return None
    return first


async def _served(tx: Transaction, places: Sequence[RankedHit]) -> set[int]:
    """The places with hotels of ours in them or at most 28 km away."""
    hits = [one.hit for one in places if one.hit.kind != "property"]
    if not hits:
        return set()
    names = ("id", "kind", "country", "lat", "lon")
    rows = await tx.fetch(_WHERE_HOTELS_ARE, *([getattr(hit, name) for hit in hits] for name in names))
    return {row["id"] for row in rows}


def _slips(form: str) -> int:
    """How many letters may be wrong in a name of this length without a doubt of what is meant."""
    return 0 if len(form) < 4 else 1 if len(form) < 9 else 2
