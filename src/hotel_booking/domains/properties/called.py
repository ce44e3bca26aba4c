"""What a place is called on a page in a language: one answer for suggestions, headings, hotels' pages, cards
and lists. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hotel_booking.core.folding import fold_spelled, fold_words

# Letters of Arabic as the language has them; Persian, Urdu and Kurdish have more.
ARABIC_LETTERS = frozenset(map(chr, range(0x621, 0x64B))) - {"\u0640"}
_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
_LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u02ff\u1e00-\u1eff\u2c60-\u2c7f\ua722-\ua7ff]")


# Where a postal code stands behind the town: the order of CLDR's and Google's lists of address formats.
_CODE_LAST = frozenset(
    "AU BD BH BR CA CN CO EG GB GG HK ID IE IM IN JE JO JP KE KH KR LB LK MT NG NP NZ PE PK PR RU SA SG TH TW"
    " UA US VE VN ZA".split()
)


def town(postal_code: str, city: str, country: str) -> str:
    """The line of an address that has the town, as its country writes it: "1100 Lisboa", "London SE1 9DL"."""
    parts = (city, postal_code) if country in _CODE_LAST else (postal_code, city)
    return " ".join(part for part in parts if part)


def city_called(city: str, place: str | None, names: Mapping[str, str] | None, language: str) -> str:
    """A hotel's city in a language. `place` and `names` are its place's, if it has one; where the hotel names
    another town than these, that stays as the hotel writes it."""
    known = names or {}
    if place is None or not any(same(city, name) for name in (place, *known.values())):
        return city
    return known.get(language, place)


def readable(text: str, language: str) -> bool:
    """Whether all its letters are those of the language's script."""
    if language == "ar":
        return all(letter in ARABIC_LETTERS for letter in text if letter.isalpha())
    return all(_LATIN.match(letter) is not None for letter in text if letter.isalpha())


def foreign(text: str, language: str) -> bool:
    """Whether none of its letters is of the language's script: it can be nothing but what was typed."""
    return (_ARABIC if language == "ar" else _LATIN).search(text) is None


def same(one: str, other: str) -> bool:
    """Whether two spellings are one name: "Muenchen" and "München"."""
    return one == other or not _forms(one).isdisjoint(_forms(other))


def begins(name: str, form: str) -> bool:
    """Whether a name in any spelling begins with what was typed, in the form that is compared."""
    return any(word.startswith(form) for word in _forms(name))


def is_code(name: str) -> bool:
    """Whether it is a code of three letters, as airports have, and nothing that a place is called."""
    return len(name) == 3 and name.isascii() and name.isupper()


def _forms(name: str) -> set[str]:
    plain = " ".join(fold_words(name))
    return {plain} if name.isascii() else {plain, " ".join(fold_words(fold_spelled(name)))}
