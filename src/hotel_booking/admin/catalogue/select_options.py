"""Long lists to choose from: countries, currencies, time zones, languages, amenities by topic."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from hotel_booking.core.code_names import zone_called
from hotel_booking.core.folding import sort_form
from hotel_booking.core.iso_codes import COUNTRIES, CURRENCIES
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.locales import locale_named
from hotel_booking.domains.properties.vocabularies import MEALS


@cache
def countries() -> list[tuple[str, str]]:
    """Countries by name."""
    names = locale_named("en").territories
    return sorted(((code, str(names[code])) for code in COUNTRIES), key=lambda pair: sort_form(pair[1]))


@cache
def currencies() -> list[tuple[str, str]]:
    """Currencies by code: EUR, Euro."""
    names = locale_named("en").currencies
    return [(code, f"{code}, {names.get(code, code)}") for code in sorted(CURRENCIES)]


@cache
def timezones(kept: str = "") -> list[tuple[str, str]]:
    """Time zones by name; those of old that only stand for another are left out, but the one that is kept: by
    the API a hotel may have it, and then can have no other any more."""
    regions = (
        "Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/",
        "Indian/", "Pacific/",
    )  # fmt: skip
    names = sorted(name for name in available_timezones() if name.startswith(regions))
    old = [kept] if kept in available_timezones() and kept not in names and kept != "UTC" else []
    return [(name, zone_called(name)) for name in [*names, "UTC", *old]]


def languages() -> list[tuple[str, str]]:
    """The languages that texts are kept in."""
    return list(LANGUAGES.items())


def language_names() -> dict[str, str]:
    """The languages that texts are kept in, by their English names, as the panel speaks of them."""
    names = locale_named("en").languages
    return {code: str(names[code]) for code in LANGUAGES}


def meals() -> list[tuple[str, str]]:
    """The meals that a rate plan can include, what is common first."""
    common = (14, 3, 12, 10, 1, 15)
    return [(str(code), MEALS[code]) for code in (*common, *(code for code in MEALS if code not in common))]


def by_topic(
    topics: Mapping[str, tuple[int, ...]], names: Mapping[int, str]
) -> dict[str, list[tuple[str, str]]]:
    """Amenities by topic, each with its code as the form sends it."""
    return {
        topic: sorted(((str(code), names[code]) for code in codes), key=lambda pair: sort_form(pair[1]))
        for topic, codes in topics.items()
    }
