"""A name of one direction turns nothing around in a page of the other: every value that a template writes is
isolated where it has to be."""

# letters that look alike are what this is about

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http.ui import isolation, render
from hotel_booking.http.ui.isolation import IsolatingEnvironment
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.panel.test_bookings import panel
from tests.integration.site.test_checkout import GUEST, chosen, site

HEBREW = "משה (ב)"
_READ_BY_PROGRAMS = {"script", "style", "textarea", "option"}


class Texts(HTMLParser):
    """Where a text stands: the elements around each piece of it, and the attributes that have it."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.around: list[str] = []
        self.bare: list[tuple[list[str], str]] = []
        self.isolated = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        if tag not in ("meta", "link", "input", "br", "img", "hr", "source", "wbr", "path", "use", "circle"):
            self.around.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.around and self.around.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.wanted not in data or _READ_BY_PROGRAMS & set(self.around):
            return
        # By itself or with what is one text with it, as both names of a person are.
        marked = re.search(f"[\u2066\u2068][^\u2069]*{re.escape(self.wanted)}[^\u2069]*\u2069", data)
        if marked or (self.around and self.around[-1] == "bdi"):
            self.isolated += 1
        else:
            self.bare.append((list(self.around), data))


def look(page: str, wanted: str) -> Texts:
    texts = Texts(wanted)
    texts.feed(page)
    return texts


def environment(*, rtl: bool = False) -> IsolatingEnvironment:
    made = IsolatingEnvironment(autoescape=True, trim_blocks=True)
    made.filters |= isolation.filters(rtl=rtl)
    made.globals["_"] = lambda text: text
    return made


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("<td>{{ n }}</td>", "<td><bdi>נ&lt;</bdi></td>"),
        ("{{ n }} {{ m }}", '<bdi>נ&lt;</bdi> <bdi dir="ltr">A נ</bdi>'),
        (
            "<a title=\"{{ n }}\" href='{{ n }}'>{{ n }}</a>",
            "<a title=\"נ&lt;\" href='נ&lt;'><bdi>נ&lt;</bdi></a>",
        ),
        ('<a {% if n %}title="{{ n }}"{% endif %}>{{ n }}', '<a title="נ&lt;"><bdi>נ&lt;</bdi>'),
        ("<title>{{ n }}</title>{{ n }}", "<title>\u2068נ&lt;\u2069</title><bdi>נ&lt;</bdi>"),
        ("{% block title %}{{ n }}{% endblock %}", "\u2068נ&lt;\u2069"),
        ("<textarea>{{ n }}</textarea>", "<textarea>נ&lt;</textarea>"),
        ("<option>{{ n }}</option><b>{{ n }}</b>", "<option>נ&lt;</option><b><bdi>נ&lt;</bdi></b>"),
        ("<script>x = '{{ n }}'</script>{{ n }}", "<script>x = 'נ&lt;'</script><bdi>נ&lt;</bdi>"),
        ("<svg><text>{{ n }}</text></svg>", "<svg><text>\u2068נ&lt;\u2069</text></svg>"),
        ("{{ m ~ ', ' ~ n if n }}", '<bdi dir="ltr">A נ</bdi>, <bdi>נ&lt;</bdi>'),
        ("1 < 2 {{ n }}", "1 < 2 <bdi>נ&lt;</bdi>"),
        ("{{ _('{x} of') .format(x=n) }}", '<bdi dir="ltr">\u2068נ&lt;\u2069 of</bdi>'),
        ("{% macro f(x) %}<b>{{ x }}</b>{% endmacro %}{{ f(n) }}", "<b><bdi>נ&lt;</bdi></b>"),
        ('{% macro f(x) %}a{{ x }}{% endmacro %}<a href="{{ f(n) }}">', '<a href="aנ&lt;">'),
        ("{% for x in [n] %}<li>{{ x }}</li>{% else %}{{ n }}{% endfor %}", "<li><bdi>נ&lt;</bdi></li>"),
        ("{{ 'plain' }} {{ 12 }} {{ none }}", "plain 12 None"),
    ],
)
def test_a_value_is_isolated_where_it_is_text(template: str, shown: str) -> None:
    found = environment().from_string(template).render(n="נ<", m="A נ")
    assert found == shown


def test_pages_from_right_to_left_isolate_what_goes_the_other_way() -> None:
    shown = (
        environment(rtl=True).from_string("<b>{{ n }}</b> {{ m }} {{ d }}").render(n="Ana", m="אב", d="12")
    )
    assert shown == "<b><bdi>Ana</bdi></b> אב 12"


def test_the_houses_templates_are_isolated_in_every_language() -> None:
    from hotel_booking.web.templating import templates_in

    assert isinstance(render.environment(), IsolatingEnvironment)
    for language in ("en", "ar"):
        templates = templates_in(language)
        assert isinstance(templates, IsolatingEnvironment)
        other = "Ana" if language == "ar" else HEBREW
        shown = templates.from_string("<p>{{ name }} 7F3K</p>").render(name=other)
        assert shown == f"<p><bdi>{other}</bdi> 7F3K</p>"


async def test_the_pages_of_a_booking_isolate_every_name(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET name = $1, city = $1", HEBREW)
        await tx.execute("UPDATE room_type SET name = $1", HEBREW)
        await tx.execute("UPDATE rate_plan SET name = $1", HEBREW)
    guest = {**GUEST, "given_name": HEBREW, "family_name": HEBREW, "guest-1": HEBREW, "requests": HEBREW}
    seen = 0
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", rooms=2, language="en")
        pages = [(await client.get(where)).text, (await client.get(f"/en/hotels/{SLUG}")).text]
        made = await client.post(where, data=guest)
        pay = made.headers["location"]
        reference = pay.split("/")[-2]
        pages.append((await client.get(pay)).text)
        async with db.transaction() as tx:
            await tx.execute("SELECT booking_confirm(id, now()) FROM booking")
        pages.append((await client.get(f"/en/booking/{reference}")).text)
        for page in pages:
            found = look(page, HEBREW)
            assert found.bare == []
            seen += found.isolated
    assert seen > 8
    seen = 0
    async with panel(database_url, db, (Role.OWNER, None)) as client:
        for path in (
            f"/admin/bookings/{reference}",
            "/admin/bookings",
            "/admin/today",
            f"/admin/properties/{SLUG}",
        ):
            answer = await client.get(path, follow_redirects=True)
            assert answer.status_code == 200, path
            found = look(answer.text, HEBREW)
            assert found.bare == [], path
            seen += found.isolated
    assert seen > 6


async def test_a_street_that_begins_with_its_number_keeps_it_there(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET address = '2-14 Kanda', postal_code = '101-0048'")
    whole = "\u20682-14 Kanda\u2069، "
    async with site(database_url) as (_, client):
        assert whole in (await client.get(f"/ar/hotels/{SLUG}")).text
        pay = (await client.post(await chosen(client, "FLEX", language="ar"), data=GUEST)).headers["location"]
        done = await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        assert whole in (await client.get(done.headers["location"])).text
        page = (await client.get(f"/en/hotels/{SLUG}")).text
        assert "2-14 Kanda, 101-0048" in page
