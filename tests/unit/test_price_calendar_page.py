"""The calendar of a hotel's page as it is heard: a day that can be chosen says its date and its price."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from hotel_booking.domains.rates.restrictions import OPEN
from hotel_booking.domains.search.types import CalendarNight, PriceCalendar
from hotel_booking.web.property.calendar import months
from hotel_booking.web.search.query import read

TODAY = date(2030, 3, 3)
NIGHTS = tuple(
    CalendarNight(TODAY + timedelta(days=n), None if n == 4 else 5750 + n, "DBL", "NRF", 2, OPEN)
    for n in range(20)
)


def page(language: str, **asked: str) -> str:
    shown = months(
        PriceCalendar("seaview", "EUR", NIGHTS),
        read({name: [value] for name, value in asked.items()}, today=TODAY, language=language),
        today=TODAY,
        first=date(2030, 3, 1),
        language=language,
        here=f"/{language}/hotels/seaview",
    )
    return "".join(month.rows for month in shown.months).replace("\u00a0", " ")


def links(html: str) -> list[str]:
    """What the days that can be chosen are called."""
    hidden = r'(?:<span class="[a-z]+" aria-hidden="true">[^<]*</span>)*'  # what is for the eyes
    found = re.findall(rf'<a [^>]+>{hidden}<span class="visually-hidden">([^<]+)</span></a>', html)
    assert len(found) == html.count("<a ")
    return found


@pytest.mark.parametrize(
    ("language", "first"),
    [
        ("en", "Sunday, 3 March 2030, €58"),
        ("de", "Sonntag, 3. März 2030, 58 €"),
        ("fr", "dimanche 3 mars 2030, 58 €"),
        ("es", "domingo, 3 de marzo de 2030, 58 €"),
    ],
)
def test_each_day_has_its_date_and_its_price_in_the_language(language: str, first: str) -> None:
    named = links(page(language))
    assert named[0] == first  # and the figure that is seen, 58, is in it
    assert len(set(named)) == len(named) == 19


def test_what_a_day_is_of_the_stay_is_heard_too() -> None:
    named = links(page("en", arrival="2030-03-04", departure="2030-03-06"))
    assert "Monday, 4 March 2030, €58, Arrival" in named
    assert "Wednesday, 6 March 2030, €58, Departure" in named
    # A day on which one can only leave has no price.
    assert "Thursday, 7 March 2030" in links(page("en", arrival="2030-03-04"))
