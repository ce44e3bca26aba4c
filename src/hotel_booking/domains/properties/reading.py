"""How a destination that somebody typed can be read, besides as one name. Pure; all texts are in the form
that names are compared in."""

from __future__ import annotations

# So many words are read as a place and where that lies: "Rio de Janeiro, Rio de Janeiro, Brazil" has seven.
MOST_OF_PLACE = 8
# A hotel's own name is longer: "Bay Window San Francisco, San Francisco, United States".
MOST_OF_HOTEL = 14
# What a hotel is in the site's languages, and what stands between that and a place.
_HOTEL = frozenset("hotel hotels hoteles فندق فنادق الفندق الفنادق".split())
_IN = frozenset("in at near im à a au aux en في".split())


def parts(form: str, most: int) -> list[tuple[str, str, str]]:
    """The ways to read it as a name, what that lies in, and the country or region around both, which may be
    left out; none where it has one word or more than `most`."""
    words = form.split()
    if not 1 < len(words) <= most:
        return []
    return [
        (" ".join(words[:first]), " ".join(words[first:second]), " ".join(words[second:]))
        for first in range(1, len(words))
        for second in range(first + 1, len(words) + 1)
    ]


def without_hotel(form: str) -> str:
    """It without the word that says what everything here is: "hotels in lisbon", "hotel sea view" and "sea
    view hotel" are "lisbon" and "sea view". Empty where that leaves nothing or was not there."""
    words = form.split()
    if not words:
        return ""
    if words[0] in _HOTEL:
        rest = words[2:] if words[1:2] and words[1] in _IN else words[1:]
    elif words[-1] in _HOTEL:
        rest = words[:-1]
    else:
        return ""
    return " ".join(rest)
