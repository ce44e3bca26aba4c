"""A deadline is written in one way, and never without the place whose time it is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

import hotel_booking
from hotel_booking.core.moments import clock, hour, long_date, moment, same_day
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.notifications.samples import SAMPLES
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.dates import date_text
from hotel_booking.http.ui.render import environment

AT = datetime(2030, 3, 6, 18, 0, tzinfo=UTC)
SOURCE = Path(hotel_booking.__file__).parent


@pytest.mark.parametrize(
    ("language", "zone", "text"),
    [
        ("en", "Europe/Lisbon", "6 March 2030, 18:00 (Lisbon time)"),
        ("en", "Pacific/Kiritimati", "7 March 2030, 08:00 (Kiritimati time)"),
        ("en", "Asia/Kolkata", "6 March 2030, 23:30 (Kolkata time)"),
        ("en", "America/Argentina/Buenos_Aires", "6 March 2030, 15:00 (Buenos Aires time)"),
        ("en", "UTC", "6 March 2030, 18:00 (UTC)"),
        ("en", "Etc/GMT-3", "6 March 2030, 21:00 (UTC+3)"),
        ("de", "Europe/Lisbon", "6. März 2030, 18:00 Uhr (Ortszeit Lissabon)"),
        ("fr", "Africa/Cairo", "6 mars 2030 à 20:00 (heure locale, Le Caire)"),
        ("fr", "Asia/Tokyo", "7 mars 2030 à 03:00 (heure locale, Tokyo)"),
        ("es", "America/New_York", "6 de marzo de 2030, 13:00 (hora de Nueva York)"),
        ("ar", "Europe/Lisbon", "6 مارس 2030، الساعة 6:00 م (بتوقيت لشبونة)"),
    ],
)
def test_a_deadline_names_the_place_whose_time_it_is(language: str, zone: str, text: str) -> None:
    assert moment(AT, zone, language).replace("\u200f", "") == text


@pytest.mark.parametrize("skeleton", ["yMMMEd", "yMMMd", "MMMd"])
def test_the_first_of_a_month_is_1er_in_french_alone(skeleton: str) -> None:
    assert re.search(r"(?<!\d)1er mars", date_text(date(2030, 3, 1), "fr", skeleton))
    for language, day in (("fr", 2), ("fr", 11), ("fr", 21), ("fr", 31), ("en", 1), ("de", 1), ("es", 1)):
        assert "1er" not in date_text(date(2030, 3, day), language, skeleton)


def test_a_long_date_has_the_names_of_its_day_and_month() -> None:
    said = {language: long_date(date(2030, 3, 1), language) for language in ("en", "de", "fr", "es", "ar")}
    assert said == {
        "en": "Friday, 1 March 2030",
        "de": "Freitag, 1. März 2030",
        "fr": "vendredi 1er mars 2030",
        "es": "viernes, 1 de marzo de 2030",
        "ar": "الجمعة، 1 مارس 2030",
    }


def test_a_date_without_its_day_is_left_as_it_is() -> None:
    assert date_text(date(2030, 3, 1), "fr", "yMMMM") == "mars 2030"


def test_deadlines_and_mails_say_1er_too() -> None:
    assert moment(datetime(2030, 1, 1, 12, tzinfo=UTC), "Europe/Paris", "fr").startswith("1er janvier 2030 à")
    data = {**SAMPLES["before_arrival"], "arrival": "2027-03-01"}
    assert "lundi 1er mars 2027" in render("before_arrival", "fr", data, sender="Sample Hotel").text


def test_an_hour_that_comes_twice_says_which_of_the_two() -> None:
    first, second = (clock(datetime(2030, 10, 27, hour, 30, tzinfo=UTC), "Europe/Lisbon") for hour in (0, 1))
    assert (first, second) == ("01:30 UTC+1 (Lisbon time)", "01:30 UTC (Lisbon time)")


@pytest.mark.parametrize(
    ("language", "place"),
    [("en", "Lisbon"), ("de", "Lissabon"), ("fr", "Lisbonne"), ("es", "Lisboa"), ("ar", "لشبونة")],
)
def test_mails_say_it_in_subject_and_text(language: str, place: str) -> None:
    held = render("booking_held", language, SAMPLES["booking_held"], sender="Sample Hotel")
    assert place in held.subject
    assert place in held.text
    for name in ("booking_confirmed", "transfer_expected"):
        assert place in render(name, language, SAMPLES[name], sender="Sample Hotel").text


@pytest.mark.parametrize(
    ("language", "until"),
    [
        ("en", "held until 1 February 2027, 10:15 (Lisbon time)"),
        ("de", "bis 1. Februar 2027, 10:15 Uhr (Ortszeit Lissabon)"),
        ("fr", "jusqu’au 1er février 2027 à 10:15 (heure locale, Lisbonne)"),
        ("es", "hasta el 1 de febrero de 2027, 10:15 (hora de Lisboa)"),
        ("ar", "حتى 1 فبراير 2027، الساعة 10:15 ص (بتوقيت لشبونة)"),
    ],
)
def test_the_subject_says_the_day_of_a_hold_that_ends_on_another(language: str, until: str) -> None:
    held = render("booking_held", language, {**SAMPLES["booking_held"], "another_day": True}, sender="Hotel")
    assert until in re.sub("[\u2066-\u2069\u200f]", "", held.subject)


def test_the_first_hour_is_singular_in_spanish_on_pages_and_in_mails() -> None:
    late = datetime(2030, 3, 6, 1, 5, tzinfo=UTC)
    assert clock(late, "Europe/Lisbon", "es") == "la 1:05 (hora de Lisboa)"
    assert clock(AT, "Europe/Lisbon", "es") == "las 18:00 (hora de Lisboa)"
    assert moment(late, "Europe/Lisbon", "es") == "6 de marzo de 2030, 1:05 (hora de Lisboa)"
    until = translations("es").gettext("until %(time)s")
    said = [until % {"time": hour(time(at), "es")} for at in (0, 1, 2, 13)]
    assert said == ["hasta las 0:00", "hasta la 1:00", "hasta las 2:00", "hasta las 13:00"]
    data = {**SAMPLES["before_arrival"], "check_in": "13:00:00", "check_out": "01:30:00"}
    text = render("before_arrival", "es", data, sender="Hotel").text
    assert "a partir de las 13:00" in text
    assert "hasta la 1:30" in text
    held = {**SAMPLES["booking_held"], "expires": late.isoformat(), "another_day": False}
    assert "hasta la 1:05 (hora de Lisboa)" in render("booking_held", "es", held, sender="Hotel").subject


def test_a_day_is_that_of_the_hotels_clocks() -> None:
    late, later = (datetime(2030, 3, 6, hour, tzinfo=UTC) for hour in (14, 16))
    assert same_day(late, later, "Europe/Lisbon")
    assert not same_day(late, later, "Asia/Tokyo")


def test_no_page_shows_a_deadline_as_if_it_were_a_time_that_was() -> None:
    assert (
        environment().from_string("{{ at|moment('Europe/Lisbon') }}").render(at=AT).endswith("(Lisbon time)")
    )
    bare = re.compile(r"(?:expires_at|hold_expires_at|stage\.since|capture_at|next_attempt)\|instant")
    found = [str(path) for path in SOURCE.rglob("*.html") if bare.search(path.read_text())]
    assert found == []
