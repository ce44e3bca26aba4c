"""Reads the written properties, and outlines more of them where a larger chain is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle

import msgspec

from hotel_booking.demo.countries import world
from hotel_booking.demo.draws import draws
from hotel_booking.demo.property import Character, City, Outline
from hotel_booking.demo.reading import read
from hotel_booking.domains.properties.types import slug_of

# For a chain larger than the written one: words to compose properties from, by character.
_NAMES = {
    "grand": ("Exchange", "Regent Court", "Meridian", "Conservatory", "Arcade", "Colonnade"),
    "design": ("Foundry", "Prism", "Lathe", "Plumbline", "Atelier", "Halftone"),
    "boutique": ("Magpie House", "Linden Row", "Inkstand", "Swan Yard", "Thimble House", "Copperfield Court"),
    "business": ("Quarter", "Junction", "Ledger Court", "Compass", "Central Works", "Bourse"),
    "airport": ("Runway", "Tailwind", "Skyport", "Layover", "Approach", "Beacon"),
    "guesthouse": (
        "Garden Gate",
        "Blue Door",
        "Almond Tree",
        "Five Stairs",
        "Courtyard House",
        "Weathervane",
    ),
}
_STARS = {"grand": 5, "design": 4, "boutique": 4, "business": 4, "airport": 3, "guesthouse": 3}
_ROOMS = {"grand": 90, "design": 60, "boutique": 32, "business": 84, "airport": 108, "guesthouse": 18}
_LEVELS = {"grand": 240, "design": 155, "boutique": 165, "business": 140, "airport": 118, "guesthouse": 96}
_OPENINGS = (
    "A corner building that {city} has walked past for a century, opened up at last.",
    "Quiet rooms in a part of {city} where people actually live.",
    "Ten minutes from the sights of {city}, and one from a good bakery.",
    "The former telephone exchange of {city}, with its switchboards still on the wall.",
    "Tall windows, thick walls and a front door that everyone in {city} seems to know.",
)
_MIDDLES = (
    "Mornings begin slowly, with fruit from the market and coffee roasted in the next street.",
    "Desks are wide, beds are wider, and the water pressure has been remarked upon.",
    "Every floor has a pantry with fresh water, tea and something baked that day.",
    "The lobby is half library, half living room, and the best chairs are never reserved.",
    "Bicycles, umbrellas and honest advice are lent without a deposit.",
)
_ENDINGS = (
    "Ask at the desk for the walking map that the staff of {name} drew themselves.",
    "In the evening {name} dims the lamps, opens the bar and lets the day end gently.",
    "Those who come back to {name} tend to ask for the same room, and usually get it.",
    "The roof of {name} is small, windy and the best place to watch the weather arrive.",
)
_STREETS = ("Station Road", "Market Street", "Garden Lane", "Bridge Street", "Park Avenue", "Mill Lane")


class Hotels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """hotels.toml."""

    hotel: list[Outline]


def outlines() -> list[Outline]:
    """The properties that were written by hand, in their order."""
    return read("hotels", Hotels).hotel


@cache
def characters() -> dict[str, Character]:
    """The characters by name."""
    return read("characters", dict[str, Character])


def further_outlines(cities: Sequence[City], *, seed: int, taken: set[str]) -> Iterator[Outline]:
    """Composed properties in the given cities, without end. `taken` are the slugs in use; it is added to."""
    rng = draws(seed, "further")
    kinds = cycle(_NAMES)
    for number, city in enumerate(cycle(cities), start=1):
        kind = next(kinds)
        name = f"Wayfinch {rng.choice(_NAMES[kind])} {city.name}"
        slug = slug_of(name)
        if slug in taken:
            slug = f"{slug}-{number}"
            name = f"{name} {number}"
        taken.add(slug)
        text = f"{rng.choice(_OPENINGS)} {rng.choice(_MIDDLES)} {rng.choice(_ENDINGS)}"
        yield Outline(
            slug=slug,
            name=name,
            place=city.id,
            character=kind,
            stars=_STARS[kind],
            rooms=_ROOMS[kind] + rng.randrange(-6, 7),
            level=_LEVELS[kind] + 5 * rng.randrange(-6, 9),
            season=world().country[city.country].season,
            address=f"{rng.randrange(2, 180)} {rng.choice(_STREETS)}",
            postal_code="",
            at=(rng.randrange(-200, 200) / 10_000, rng.randrange(-200, 200) / 10_000),
            view=rng.choice(("city", "garden", "rooftop", "park")),
            description=text.format(city=city.name, name=name),
        )
