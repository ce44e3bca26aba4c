"""Codes of countries: those of ISO 3166-1, which the lists to choose from have too, and no others."""

from __future__ import annotations

import pycountry
import pytest

from hotel_booking.admin.catalogue import select_options
from hotel_booking.core.errors import Invalid
from hotel_booking.core.iso_codes import COUNTRIES, check_country
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.http.i18n.language import countries


def test_the_countries_are_those_of_iso_3166_and_kosovo() -> None:
    assert {country.alpha_2 for country in pycountry.countries} | {"XK"} == COUNTRIES


def test_who_chooses_from_a_list_is_never_refused() -> None:
    for chosen in (select_options.countries(), *map(countries, LANGUAGES)):
        assert {code for code, _ in chosen} == COUNTRIES


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("UK", "use GB"),
        ("EL", "use GR"),
        ("TP", "use TL"),
        ("ZZ", "PT"),
        ("EU", "PT"),
        ("QZ", "PT"),
        ("", "PT"),
    ],
)
def test_another_code_is_refused_and_says_what_would_work(code: str, fix: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_country(code)
    assert fix in (refused.value.fix or "")
    with pytest.raises(Invalid) as refused:
        GuestDetails("Ana", "Example", "ana@example.com", country=code)
    assert refused.value.field == "guest.country"
