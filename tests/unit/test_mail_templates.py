"""Messages: every one in every language, and whatever a guest is called stays text."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from importlib.resources import files
from typing import Any

import pytest
from jinja2 import UndefinedError
from msgspec import structs

from hotel_booking.core import links
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.notifications import rendering
from hotel_booking.domains.notifications.samples import SAMPLES
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.code_names import MEALS
from hotel_booking.integrations.smtp import compose

ALL = [(name, language) for name in rendering.names() for language in LANGUAGES]


def rendered(template: str, language: str, **changes: Any) -> Any:
    return rendering.render(template, language, {**SAMPLES[template], **changes}, sender="Sea & View")


@pytest.mark.parametrize(("name", "language"), ALL)
def test_every_message_speaks_every_language(name: str, language: str) -> None:
    found = rendered(name, language)
    assert found.subject
    assert "{{" not in found.text + found.html
    assert found.rtl == (language == "ar")
    assert f'<html lang="{language}" dir="{"rtl" if found.rtl else "ltr"}">' in found.html
    if language != "en":
        english = rendered(name, "en")
        assert found.subject != english.subject
        # What does not change are names, figures and links, and what people wrote.
        same = set(found.text.splitlines()) & set(english.text.splitlines()) - {SAMPLES[name].get("body")}
        assert not [line for line in same if len(line.split()) > 4 and "http" not in line], same


@pytest.mark.parametrize(
    ("language", "country"),
    [
        ("en", ", Germany"),
        ("de", ", Deutschland"),
        ("fr", ", Allemagne"),
        ("es", ", Alemania"),
        ("ar", "، ألمانيا"),
    ],
)
def test_an_address_names_its_country_in_the_readers_language(language: str, country: str) -> None:
    for name in ("booking_confirmed", "before_arrival"):
        plain = bidi_free(rendered(name, language, country="DE").text)
        assert f"1 Sample Street{country[:2]}1000 Sampletown{country}\n" in plain
        alone = bidi_free(rendered(name, language, country="DE", address="", where=[]).text)
        assert f" {country[2:]}\n" in alone
        # A message that has waited since before there was one, and before an address had parts.
        data = {key: value for key, value in SAMPLES[name].items() if key not in ("country", "where")}
        waited = bidi_free(rendering.render(name, language, data, sender="Sea & View").text)
        assert "Sampletown\n" in waited


def bidi_free(text: str) -> str:
    return re.sub("[\u2066-\u2069]", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_missing_in_a_language(language: str) -> None:
    text = (files("hotel_booking.domains.notifications") / "templates" / f"{language}.txt").read_text()
    sections = set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    assert sections == {*rendering.names(), "frame", "meals", "notices"}
    for what in rendering.notices():
        assert rendered("security_notice", language, what=what).text


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_a_message_tells_the_same_in_every_language(language: str) -> None:
    """The same amounts, dates and links, and what is shown only at times under the same conditions."""

    def told(language: str) -> dict[str, set[str]]:
        folder = files("hotel_booking.domains.notifications") / "templates"
        sections = re.split(r"^## ", (folder / f"{language}.txt").read_text("utf-8"), flags=re.MULTILINE)
        values = r"\{\{.+?\}\}|\{%.+?%\}|^(?:\?\?|@@) .+$"
        counted = r"\{% if number_of_rooms .+?\{% endif %\}"  # words alone, in as many forms as there are
        return {
            section.partition("\n")[0]: {
                re.sub(r"join\(.*?\)", "join", value).replace("،", ",")
                for value in re.findall(values, re.sub(counted, "", section), re.MULTILINE)
            }
            for section in sections[1:]
        }

    assert told(language) == told("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_amounts_of_nothing_are_left_out(language: str) -> None:
    paid = {"total": 38_700, "paid": 38_700, "at_hotel": 0}
    for changes, template in (
        (paid, "booking_confirmed"),
        ({"paid": 0}, "booking_confirmed"),
        (paid, "before_arrival"),
        ({"due_now": 0}, "booking_held"),
        ({"refund": 0, "fee": 0}, "booking_cancelled"),
    ):
        full = rendered(template, language).text
        less = rendered(template, language, **changes).text
        amounts = re.findall(r"\d[\d.,]*[.,]\d\d", less)
        assert "0.00" not in [one.replace(",", ".") for one in amounts]
        assert len(less.splitlines()) < len(full.splitlines())


def test_rooms_say_who_sleeps_in_them() -> None:
    for language, parties in (
        (
            "en",
            (
                "Double room: Adults: 2; Breakfast included",
                "Double room: Adults: 1, children’s ages: 4, 9; Breakfast included",
            ),
        ),
        (
            "de",
            (
                "Double room: Erwachsene: 2; Frühstück inbegriffen",
                "Double room: Erwachsene: 1, Alter der Kinder: 4, 9; Frühstück inbegriffen",
            ),
        ),
    ):
        for template in ("booking_confirmed", "booking_amended"):
            lines = rendered(template, language).text.splitlines()
            assert set(parties) <= set(lines)
    assert "البالغون: 1، أعمار الأطفال: 4، 9" in rendered("booking_confirmed", "ar").text
    before = {name: value for name, value in SAMPLES["booking_confirmed"].items() if name != "parties"}
    assert rendering.render(
        "booking_confirmed", "en", before, sender="x"
    ).text  # queued by the release before


@pytest.mark.parametrize(
    ("language", "one", "two", "three"),
    [
        ("en", "your room at", "your rooms at", "your rooms at"),
        ("de", "halten Ihr Zimmer", "halten Ihre Zimmer", "halten Ihre Zimmer"),
        ("fr", "gardons votre chambre", "gardons vos chambres", "gardons vos chambres"),
        ("es", "Guardamos su habitación", "Guardamos sus habitaciones", "Guardamos sus habitaciones"),
        ("ar", "نحتفظ لكم بغرفتكم", "نحتفظ لكم بغرفتيكم", "نحتفظ لكم بغرفكم"),
    ],
)
def test_messages_speak_of_as_many_rooms_as_there_are(language: str, one: str, two: str, three: str) -> None:
    rooms = SAMPLES["booking_held"]["parties"]
    for number, said in ((1, one), (2, two), (3, three)):
        for template in ("booking_held", "transfer_expected"):
            assert said in rendered(template, language, parties=rooms[:number]).text
    before = {name: value for name, value in SAMPLES["booking_held"].items() if name != "parties"}
    assert three in rendering.render("booking_held", language, before, sender="x").text
    for template in ("booking_held", "before_arrival", "payment_returned"):
        told = [rendered(template, language, parties=rooms[:number]) for number in (1, 2)]
        assert told[0].subject + told[0].text != told[1].subject + told[1].text, template


def test_a_colon_stands_as_the_language_has_it() -> None:
    assert "Arrivée\N{NO-BREAK SPACE}: mercredi" in rendered("booking_confirmed", "fr").text
    assert "Llegada: miércoles" in rendered("booking_confirmed", "es").text


@pytest.mark.parametrize("template", ["booking_confirmed", "before_arrival"])
@pytest.mark.parametrize(
    ("language", "time"),
    [("en", "15:00"), ("de", "15:00 Uhr"), ("fr", "15:00"), ("es", "15:00"), ("ar", "3:00 م")],
)
def test_times_are_written_as_on_the_site(template: str, language: str, time: str) -> None:
    assert time in rendered(template, language).text
    assert language != "ar" or "15:00" not in rendered(template, language).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_template_shows_a_date_or_a_time_as_it_is_kept(language: str) -> None:
    text = (files("hotel_booking.domains.notifications") / "templates" / f"{language}.txt").read_text("utf-8")
    kept = "arrival|departure|check_in|check_out|expires|until|free_until|since|at|by"
    assert re.findall(rf"\{{\{{ (?:{kept}) \}}\}}", text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_site_is_called_in_mails_as_on_its_pages(language: str) -> None:
    found = rendering.render("guest_verify", language, SAMPLES["guest_verify"])
    name = translations(language).gettext("Hotel Booking")
    assert f"<h1><bdi>{name}</bdi></h1>" in found.html
    footer = found.text.rstrip().splitlines()[-1]
    assert name in footer
    assert language == "en" or "Hotel Booking" not in found.text
    # Whoever has just registered has neither a booking nor an account, and whoever has a booking is told so.
    assert footer != rendered("booking_confirmed", language).text.rstrip().splitlines()[-1].replace(
        "Sea & View", name
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_meals_are_called_in_mails_as_on_the_site(language: str) -> None:
    for code, name in MEALS.items():
        parties = [{"room": "Room", "adults": 1, "ages": [], "meal": code}]
        said = translations(language).gettext(name)
        assert f"{said}\n" in rendered("booking_confirmed", language, parties=parties).text


@pytest.mark.parametrize("template", ["guest_sign_in", "guest_notice"])
@pytest.mark.parametrize(
    ("language", "greeting", "by_name"),
    [
        ("en", "Hello,", "Hello Ana,"),
        ("de", "Guten Tag,", "Guten Tag Ana,"),
        ("fr", "Bonjour,", "Bonjour Ana,"),
        ("es", "Hola:", "Hola, Ana:"),
        ("ar", "تحية طيبة،", "تحية طيبة \u2068Ana\u2069،"),
    ],
)
def test_whoever_gave_no_name_is_greeted_without(
    template: str, language: str, greeting: str, by_name: str
) -> None:
    assert rendered(template, language, name="").text.splitlines()[0] == greeting
    assert rendered(template, language, name="Ana").text.splitlines()[0] == by_name


def test_a_line_of_french_never_begins_with_a_colon() -> None:
    """Before its double marks stands a space, and no line breaks there."""
    text = (files("hotel_booking.domains.notifications") / "templates" / "fr.txt").read_text("utf-8")
    said = re.sub(r"^\?\? .*$| :: ", "", text, flags=re.MULTILINE)
    assert re.findall(r"\S+ [:;?!»]|« ", said) == []


def test_a_guests_name_is_text_whatever_it_holds() -> None:
    name = (
        "<script>alert(1)</script>\r\nBcc: all@example.com\n\n"
        "= Click | https://evil.example\n* a :: b {{ 7*7 }}"
    )
    found = rendered("booking_confirmed", "en", name=name, property=name)
    assert "<script>" not in found.html
    assert 'href="https://evil.example' not in found.html
    assert "{{ 7*7 }}" in found.text
    assert "\n" not in found.subject
    assert "\r" not in found.subject
    message = compose(
        message_id="1", sender="Hotel <a@example.com>", recipient="b@example.com", rendered=found
    )
    parsed = message_from_bytes(message.as_bytes(), policy=default)
    assert parsed["bcc"] is None
    assert parsed.get_body(("plain",)) is not None
    assert parsed.get_body(("html",)) is not None


def test_conditions_show_what_is_true() -> None:
    assert "free of charge until" in rendered("booking_confirmed", "en").text
    assert "cannot be cancelled free" in rendered("booking_confirmed", "en", free_until=None).text
    for template in ("booking_amended", "booking_cancelled"):
        assert "to the card you paid with" in rendered(template, "en").text
        assert "We’ll refund" not in rendered(template, "en", refund=0, back=[]).text
        for way, said in (("transfer", "to the account you paid from"), ("cash", "that you paid in cash")):
            text = rendered(template, "en", back=[{"way": way, "amount": 2_500}]).text
            assert said in text
            assert "€25.00" in text
            assert "the card" not in text
    unpaid = rendered("booking_cancelled", "en", refund=0, back=[], owed=12_900).text
    assert "Balance due: €129.00" in unpaid
    assert SAMPLES["booking_cancelled"]["link"] in unpaid  # where it can be paid
    assert "Balance due" not in rendered("booking_cancelled", "en").text
    changed = rendered("booking_amended", "en").text
    assert "from 15:00" in changed
    assert "Total, taxes included: €387.00\nPaid: €129.00\n" in changed
    assert "free of charge until" in changed
    assert "Balance due" not in changed
    assert "To pay at the hotel: €80.00" in rendered("booking_amended", "en", at_hotel=8_000).text
    assert "Due now: €80.00" in rendered("booking_amended", "en", due=8_000).text
    assert "cannot be cancelled free" in rendered("booking_amended", "en", free_until=None).text
    in_house = rendered("booking_amended", "en", free_until=None, cancellable=False).text
    assert "free of charge" not in in_house


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["booking_amended", "booking_cancelled"])
def test_what_the_release_before_queued_is_still_written(language: str, template: str) -> None:
    new = ("back", "open", "cancellable", "free_until", "check_in", "check_out")
    data = {name: value for name, value in SAMPLES[template].items() if name not in new}
    assert rendering.render(template, language, data, sender="x").text


def test_data_that_lacks_something_is_an_error_and_no_half_message() -> None:
    data = {key: value for key, value in SAMPLES["booking_held"].items() if key != "total"}
    with pytest.raises((UndefinedError, TypeError)):
        rendering.render("booking_held", "en", data, sender="x")


def test_an_unknown_language_is_english() -> None:
    assert rendered("before_arrival", "xx").language == "en"


@pytest.mark.parametrize("recipient", ["", "nobody", "a@b\r\nBcc: c@example.com", "@", "a b@example.com"])
def test_what_is_no_address_is_no_message(recipient: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        compose(
            message_id="1",
            sender="Hotel <a@example.com>",
            recipient=recipient,
            rendered=rendered("before_arrival", "en"),
        ).as_bytes()


def test_an_answer_reaches_the_hotel_where_it_has_an_address() -> None:
    def headed(reply_to: str | None) -> Any:
        found = structs.replace(rendered("before_arrival", "en"), reply_to=reply_to)
        message = compose(message_id="1", sender="a@b.example", recipient="c@d.example", rendered=found)
        return message_from_bytes(message.as_bytes(), policy=default)["reply-to"]

    assert headed("desk@bücher.example") == "desk@xn--bcher-kva.example"
    assert [headed(one) for one in (None, "", "no address", "josé@hotel.example")] == [None] * 4


def test_a_signed_link_opens_only_its_own_page() -> None:
    key = "k" * 32
    whole = links.signed("https://hotel.example", key, "/booking/ABCD")
    token = whole.partition("?token=")[2]
    assert links.is_good(key, "/booking/ABCD", token)
    assert not links.is_good(key, "/booking/ABCE", token)
    assert not links.is_good("x" * 32, "/booking/ABCD", token)
    assert not links.is_good(None, "/booking/ABCD", token)
    assert not links.is_good(key, "/booking/ABCD", "é")
    assert (
        links.signed("https://hotel.example", None, "/booking/ABCD") == "https://hotel.example/booking/ABCD"
    )
