"""Words of Arabic pages are joined by the commas of Arabic: in texts, in what is read out, in suggestions."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markupsafe import Markup

from hotel_booking.core.db import Database
from hotel_booking.http.i18n.punctuation import colon, joined
from hotel_booking.web.templating import templates_in
from tests.e2e.test_site_pages import in_lisbon
from tests.factories.guest_accounts import opened
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.site.test_checkout import site
from tests.integration.site.test_weight import DAYS, pages_of

_LATIN_MARK = re.compile(r"[,;](?=\s|$)")
_ARABIC_LETTER, _LETTER = re.compile("[\u0621-\u064a]"), re.compile(r"[^\W\d_]")
_READ_OUT = {"alt", "aria-label", "title", "placeholder", "content", "value"}
_VOID = {"meta", "link", "input", "br", "img", "hr", "source", "wbr", "path", "use", "circle"}


class Marks(HTMLParser):
    """Texts and read-out attributes in which words of Arabic, or nothing but numbers, have a Latin mark."""

    def __init__(self) -> None:
        super().__init__()
        self.around: list[tuple[str, bool]] = []
        self.wrong: list[str] = []
        self.commas = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        left_to_right = ("dir", "ltr") in attrs or (bool(self.around) and self.around[-1][1])
        if tag not in _VOID:
            self.around.append((tag, left_to_right))
        if not left_to_right and ("name", "viewport") not in attrs:
            self._read([value or "" for name, value in attrs if name in _READ_OUT])

    def handle_endtag(self, tag: str) -> None:
        while self.around and self.around.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.around and (self.around[-1][1] or self.around[-1][0] in ("script", "style")):
            return
        self._read([data])

    def _read(self, texts: list[str]) -> None:
        for text in texts:
            self.commas += text.count("،")
            if _LATIN_MARK.search(text) and (_ARABIC_LETTER.search(text) or not _LETTER.search(text)):
                self.wrong.append(" ".join(text.split()))


@pytest.mark.parametrize(
    ("parts", "language", "mark", "text"),
    [
        (("2 adults", "", None, "1 child"), "en", ",", "2 adults, 1 child"),
        (("بالغان", "طفل"), "ar", ",", "بالغان، طفل"),
        ((4, 9), "ar", ";", "4؛ 9"),
        ((), "ar", ",", ""),
        (("a <b>", Markup("&amp;")), "de", ",", Markup("a &lt;b&gt;, &amp;")),
    ],
)
def test_parts_are_joined_as_the_language_writes_them(
    parts: tuple[Any, ...], language: str, mark: Any, text: str
) -> None:
    assert joined(parts, language, mark) == text
    assert isinstance(joined(parts, language, mark), Markup) == isinstance(text, Markup)


@pytest.mark.parametrize(("language", "mark"), [("en", ":"), ("de", ":"), ("fr", "\xa0:"), ("ar", ":")])
def test_a_colon_is_written_as_the_language_has_it(language: str, mark: str) -> None:
    assert colon(language) == mark
    assert (
        templates_in(language).from_string("{{ _('Telephone') }}{{ colon }} 1").render().endswith(f"{mark} 1")
    )


async def test_a_hotel_and_its_calendar_say_it_as_the_language_does(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=9)
    await in_lisbon(db)
    async with site(database_url) as (_, client):
        pages = {
            language: [
                (await client.get(f"/{language}/{path}", follow_redirects=True)).text
                for path in (f"hotels/{SLUG}{DAYS}", "nights?place=2267057&month=2030-03")
            ]
            for language in ("fr", "ar", "de")
        }
    assert "du centre (" in pages["fr"][0]
    assert re.search('alt="Illustration: (?!das Zimmer)', pages["de"][0])
    # What is counted stands by itself, in no case that a word before it would ask for.
    for language, guests in (("de", "Gäste: 2 Erwachsene"), ("ar", "النزلاء: بالغان")):
        for page in pages[language]:
            assert guests in re.sub(r"<[^>]*>", "", html.unescape(page)), language


async def test_every_page_in_arabic_has_arabic_commas(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=9)
    await in_lisbon(db)
    await opened(db)
    two_kinds = [{"type": "double", "count": 1}, {"type": "sofa_bed", "count": 2}]
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_type SET beds = $1", two_kinds)
    party = "&adults=3&children=4,9&rooms=2"
    async with site(database_url) as (_, client):
        paths = await pages_of(client)
        paths += [f"/ar/hotels/{SLUG}{DAYS}{party}", f"/ar/search{DAYS}{party}&place=2267057"]
        paths += [f"/ar/hotels/{SLUG}{DAYS}&adults=9", f"/ar/search{DAYS}&adults=9&place=2267057"]
        paths += ["/ar/hotels", "/ar/hotels?country=PT", "/ar/nights?place=2267057", "/status?lang=ar"]
        wrong: dict[str, list[str]] = {}
        commas = 0
        for path in paths:
            page = await client.get(path, follow_redirects=True)
            marks = Marks()
            marks.feed(page.text)
            wrong |= {path: marks.wrong} if marks.wrong else {}
            commas += marks.commas
        suggested = (await client.get("/ar/places", params={"q": "Lisbon"})).json()["places"]
    assert wrong == {}
    assert commas > 20
    assert suggested
    assert all("," not in one["detail"] for one in suggested), suggested


async def test_ages_may_be_typed_with_the_keyboard_of_the_page(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=9)
    async with site(database_url) as (_, client):
        page = (await client.get(f"/ar/hotels/{SLUG}{DAYS}&children=٤، ٩")).text
    field = re.search(r'<input id="stay-children"[^>]*>', page)
    assert field is not None
    assert "pattern=" not in field[0], "a browser would refuse digits that are read"
    assert 'placeholder="4، 9"' in field[0]
    assert "aria-invalid" not in field[0]
