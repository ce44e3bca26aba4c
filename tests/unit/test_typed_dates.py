"""Dates as guests type them: read where they mean one day in the page's language, and not guessed."""

# ruff: noqa: RUF001  # Arabic digits that look like other letters

from __future__ import annotations

from datetime import date

import pytest

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.moments import long_date
from hotel_booking.http.i18n.dates import date_text
from hotel_booking.http.i18n.typed_dates import read_day

TENTH = date(2027, 3, 10)


@pytest.mark.parametrize(
    ("language", "typed"),
    [
        ("es", "mar, 10 mar 2027"),
        *((language, "2027-03-10") for language in LANGUAGES),
        ("de", "10.03.2027"),
        ("de", " 10. 3. 27 "),
        ("de", "10. März 2027"),
        ("de", "Mi., 10. Marz 2027"),
        ("fr", "10/03/2027"),
        ("fr", "mercredi 10 mars 2027"),
        ("es", "10-3-2027"),
        ("es", "10 de marzo de 2027"),
        ("es", "10 mar 2027"),
        ("ar", "١٠/٣/٢٠٢٧"),
        ("ar", "2027/03/10"),
        ("ar", "١٠ مارس ٢٠٢٧"),
        ("en", "10 Mar 2027"),
        ("en", "March 10th, 2027"),
        ("en", "20270310"),
    ],
)
def test_a_date_that_means_one_day_is_read(language: str, typed: str) -> None:
    assert read_day(typed, language) == TENTH


def test_english_has_no_order_of_day_and_month() -> None:
    assert read_day("10/03/2027", "en") is None
    assert read_day("13/03/2027", "en") == read_day("03/13/2027", "en") == date(2027, 3, 13)
    assert read_day("10/10/2027", "en") == date(2027, 10, 10)
    assert read_day("10/03/27", "en") is None


@pytest.mark.parametrize(
    "typed",
    [
        *("", "soon", "31.02.2027", "29.02.2027", "10.03.", "10.13.2027", "10. März", "März 2027", "0.0.0"),
        *("10. März April 2027", "10. Foo 2027", "9" * 50, "1.2.3.4", "10.03/2027", "²⁰²⁷-03-10"),
        "10 03 99999",
    ],
)
def test_what_is_no_day_is_none(typed: str) -> None:
    assert read_day(typed, "de") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_site_writes_is_read_back(language: str) -> None:
    for day in (date(2027, 4, 1), date(2028, 2, 29), *(date(2027, month, 13) for month in range(1, 13))):
        for text in (long_date(day, language, "full"), long_date(day, language, "long")):
            assert read_day(text, language) == day, text
        assert read_day(date_text(day, language), language) == day
