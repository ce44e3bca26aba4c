"""What cities and regions are called in the site's languages, and names without what only printing needs.

GeoNames, as it is packaged, has the names of a city without their languages. Known are those of Unicode CLDR
(`babel`) for the cities whose names time zones have; those of data/names.tsv, which go before; and of the
names that nobody has sorted the one that is written as only Arabic is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from hotel_booking.core.folding import fold_words
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.locales import locale_named
from hotel_booking.domains.properties.called import ARABIC_LETTERS

_AS_IT_IS = ("de", "fr", "es")  # where the table says nothing, a place has its own name in these
_IN_WORDS = ARABIC_LETTERS | {" ", "-"}
_MAQSURA = "\u0649"  # Arabic only ends words with it
# Persian and Urdu, which share the other letters, write these otherwise or never: alef with hamza, teh
# marbuta, yeh and kaf.
_ONLY_ARABIC = frozenset("\u0623\u0625\u0629\u064a\u0643")
_ARTICLE = "\u0627\u0644"
# "City of", "Emirate of", "Province of", "Governorate of", "Island of".
_KINDS = (
    "\u0645\u062f\u064a\u0646\u0629 ", "\u0625\u0645\u0627\u0631\u0629 ",
    "\u0645\u0642\u0627\u0637\u0639\u0629 ", "\u0645\u062d\u0627\u0641\u0638\u0629 ",
    "\u062c\u0632\u064a\u0631\u0629 ",
)  # fmt: skip
# Soft hyphens, marks of direction, what has no width and what is nobody's. The joiners stay: Persian and the
# scripts of India spell with them.
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ue000-\uf8ff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FOOTNOTES = "\u00b9\u00b2\u00b3"
_ENDS = frozenset(f" {_FOOTNOTES}")


def cleaned(name: str) -> str:
    """The name without soft hyphens, marks of direction and other characters that are not seen, the number of
    a footnote behind it, and blanks that are too many."""
    # Nearly all of 600,000 are clean, and nothing that is not seen counts as printable.
    if name.isprintable() and name[-1:] not in _ENDS and name[:1] != " " and "  " not in name:
        return name
    return " ".join(_UNSEEN.sub("", _CONTROLS.sub(" ", name)).split()).rstrip(_FOOTNOTES)


def names_of_city(geonames_id: int, name: str, timezone: str, others: Iterable[str]) -> dict[str, str]:
    """What a city is called in the site's languages, and where it lies (`local`), as far as that is known;
    its own name is in there where it is known to be a language's."""
    return _with_table(geonames_id, name, _by_its_clock(name, timezone), others)


def names_of_region(
    geonames_id: int, name: str, translated: Mapping[str, str], others: Iterable[str]
) -> dict[str, str]:
    """In the same way of a region, of which there are translations already."""
    return _with_table(geonames_id, name, translated, others)


def _with_table(
    geonames_id: int, name: str, known: Mapping[str, str], others: Iterable[str]
) -> dict[str, str]:
    by_hand = _sorted_by_hand().get(geonames_id)
    own = dict.fromkeys(_AS_IT_IS, name) if by_hand is not None else {}
    named = {**own, **known, **(by_hand or {})}
    if "ar" not in named and (arabic := in_arabic(others)) is not None:
        named["ar"] = arabic
    return named


def in_arabic(names: Iterable[str]) -> str | None:
    """Of names in all languages the one that is Arabic: that with the most letters which only Arabic writes
    so, or else the only one of Arabic letters; None where there is none, or no telling."""
    found = [name for name in names if name[:1] in ARABIC_LETTERS and _all_arabic(name)]
    best = max(found, key=lambda name: (_signs(name), len(name)), default=None)
    return best if best is not None and (_signs(best) > 0 or len(found) == 1) else None


def _all_arabic(name: str) -> bool:
    if not _IN_WORDS.issuperset(name) or name.startswith(_KINDS):
        return False
    return all(_MAQSURA not in word[:-1] for word in name.split())


def _signs(name: str) -> int:
    return sum(letter in _ONLY_ARABIC for letter in name) + name.startswith(_ARTICLE)


def _by_its_clock(name: str, timezone: str) -> dict[str, str]:
    """Of a city that a time zone is named for."""
    if fold_words(" ".join(timezone.rpartition("/")[2].split("_"))) != fold_words(name):
        return {}
    # Some have their country behind them in brackets.
    return {
        language: cleaned(city.partition(" (")[0])
        for language, zones in _zones().items()
        if (city := zones.get(timezone)) is not None
    }


@cache
def _zones() -> dict[str, dict[str, str]]:
    return {
        language: {
            zone: str(words["city"])
            for zone, words in locale_named(language).time_zones.items()
            if "city" in words
        }
        for language in LANGUAGES
        if language != "en"
    }


@cache
def _sorted_by_hand() -> dict[int, dict[str, str]]:
    table = (files("hotel_booking.domains.properties") / "data" / "names.tsv").read_text("utf-8")
    head, *lines = table.splitlines()
    languages = head.split("\t")[2:]
    found = {}
    for line in lines:
        geonames_id, _name, *names = line.split("\t")
        named = dict(zip(languages, names, strict=True))
        found[int(geonames_id)] = {language: name for language, name in named.items() if name}
    return found
