"""How large a party may be, and who sleeps in which room. Pure.

The limits hold on every surface: search box, hotel page, API, panel, quote and change. Larger parties are
group business, which a hotel prices by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from hotel_booking.core.errors import Invalid
from hotel_booking.domains.rates.restrictions import OccupancyRules, occupancy_reasons
from hotel_booking.domains.rates.types import (
    MAX_ADULTS,
    MAX_CHILD_AGE,
    MAX_CHILDREN,
    MAX_ROOMS,
    Occupancy,
)


class InvalidParty(Invalid):
    """The guests and rooms do not make a valid party."""

    code = "invalid_party"


class Party(NamedTuple):
    """Who travels: each different occupancy, and in how many rooms."""

    kinds: tuple[Occupancy, ...]
    rooms: tuple[int, ...]

    @classmethod
    def of(cls, occupancies: Sequence[Occupancy]) -> Party:
        """A party of one occupancy per room."""
        return _counted(tuple(occupancies))


@lru_cache(maxsize=4096)  # as below
def _counted(occupancies: tuple[Occupancy, ...]) -> Party:
    counts: dict[Occupancy, int] = {}
    for occupancy in occupancies:
        counts[occupancy] = counts.get(occupancy, 0) + 1
    return Party(tuple(counts), tuple(counts.values()))


def check_size(rooms: Sequence[Occupancy], *, field: str | None = None) -> None:
    """Raise `InvalidParty` for more rooms, adults or children than one booking has; `field` names all of it
    where the caller has no fields of their own."""
    adults = sum(room.adults for room in rooms)
    children = sum(len(room.children) for room in rooms)
    apart = "make several bookings, or ask the hotel"
    if not 1 <= len(rooms) <= MAX_ROOMS:
        raise InvalidParty(f"a booking has 1 to {MAX_ROOMS} rooms", field=field or "rooms", fix=apart)
    if not 1 <= adults <= MAX_ADULTS:
        raise InvalidParty(f"a party has 1 to {MAX_ADULTS} adults", field=field or "adults", fix=apart)
    if children > MAX_CHILDREN:
        raise InvalidParty(
            f"a party has at most {MAX_CHILDREN} children", field=field or "children", fix=apart
        )


def rooms_that_fit(kinds: Sequence[OccupancyRules], adults: int, children: Sequence[int] = ()) -> int | None:
    """The least number of rooms in which the party fits one of the room types, dealt out as `spread` does;
    None where more rooms do not help either."""
    for rooms in range(1, min(adults, MAX_ROOMS) + 1):
        party = dict.fromkeys(spread(adults, children, rooms))
        if any(not any(occupancy_reasons(kind, room) for room in party) for kind in kinds):
            return rooms
    return None


def spread(adults: int, children: Sequence[int] = (), rooms: int = 1) -> tuple[Occupancy, ...]:
    """The party, one occupancy per room, fullest rooms first.

    `adults` and `children` (ages 0 to 17) are the whole party. With several rooms the adults are dealt
    out evenly, the first rooms taking one more where the number does not divide; then the children,
    oldest first, go one by one to the room with the fewest persons, to the first such room. So 3 adults
    and children of 5 and 9 in 2 rooms are (2 adults) + (1 adult, 9) and then the 5-year-old to the first
    of both: (2 adults, 5) and (1 adult, 9).

    Raises `InvalidParty` for no adult in some room, too many of anything, and other ages.
    """
    return _spread(adults, tuple(children), rooms)


@lru_cache(maxsize=4096)  # most parties are among a few
def _spread(adults: int, children: tuple[int, ...], rooms: int) -> tuple[Occupancy, ...]:
    if not 1 <= rooms <= MAX_ROOMS:
        raise InvalidParty(
            f"a booking has 1 to {MAX_ROOMS} rooms", field="rooms", fix="search in several parts for more"
        )
    if not 1 <= adults <= MAX_ADULTS:
        raise InvalidParty(f"a party has 1 to {MAX_ADULTS} adults", field="adults")
    if len(children) > MAX_CHILDREN:
        raise InvalidParty(f"a party has at most {MAX_CHILDREN} children", field="children")
    for position, age in enumerate(children):
        if not 0 <= age <= MAX_CHILD_AGE:
            raise InvalidParty(
                f"a child is 0 to {MAX_CHILD_AGE} years old",
                field=f"children[{position}]",
                fix="count older guests as adults",
            )
    if adults < rooms:
        raise InvalidParty(
            f"{rooms} rooms need at least {rooms} adults, one in each",
            field="adults",
            fix=f"ask for {adults} room{'s' if adults > 1 else ''}",
        )
    least, more = divmod(adults, rooms)
    adults_in = [least + (room < more) for room in range(rooms)]
    children_in: list[list[int]] = [[] for _ in range(rooms)]
    for age in sorted(children, reverse=True):
        emptiest = min(range(rooms), key=lambda room: adults_in[room] + len(children_in[room]))
        children_in[emptiest].append(age)
    return tuple(Occupancy(n, tuple(ages)) for n, ages in zip(adults_in, children_in, strict=True))
