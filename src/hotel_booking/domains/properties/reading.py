"""How a destination that somebody typed can be read, besides as one name. Pure; all texts are in the form
that names are compared in."""

from __future__ import annotations

from hotel_booking.core.folding import fold_words

# So many words are read as a place and where that lies: "Rio de Janeiro, Rio de Janeiro, Brazil" has seven.
MOST_OF_PLACE = 8
# A hotel's own name is longer: "Bay Window San Francisco, San Francisco, United States".
MOST_OF_HOTEL = 14
# What a hotel is called in some languages, and what stands between that and a place.
_HOTEL = frozenset(
    word
    for written in (
        "hotel hotels hoteles فندق فنادق الفندق الفنادق hotell hotelli otel hoteis albergo alberghi",
        "отель отели гостиница гостиницы ξενοδοχείο ξενοδοχεία ホテル 호텔 酒店 飯店 饭店 מלון",
    )
    for word in fold_words(written)
)
_IN = frozenset(fold_words("in im à a au aux en em в at near bei near nahe cerca près في قرب"))


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
    """It without the word that says what everything here is: "hotels in lisbon", "cheap hotels in lisbon",
    "hotel sea view" and "sea view hotel" are "lisbon" and "sea view". Empty where the word is not there, or
    nothing else is."""
    words = form.split()
    for at, word in enumerate(words[:-2]):
        if word in _HOTEL and words[at + 1] in _IN:
            return " ".join(words[at + 2 :])
    if words and words[0] in _HOTEL:
        return " ".join(words[1:])
    return " ".join(words[:-1]) if words and words[-1] in _HOTEL else ""


def is_hotel(form: str) -> bool:
    """Whether it is nothing but the word for a hotel."""
    return form in _HOTEL
