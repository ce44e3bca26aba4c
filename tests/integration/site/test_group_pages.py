"""The group's own pages: written in the panel, read and linked on the site, agreed to in the checkout."""

from __future__ import annotations

import re

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.properties import group_pages
from hotel_booking.http.ui.markdown import as_html
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import held, one, site

KINDS = ("imprint", "privacy", "terms", "contact", "help")


async def write(db: Database, kind: group_pages.Kind, language: str, body: str) -> None:
    async with db.transaction() as tx:
        await group_pages.write(tx, kind=kind, language=language, body=body, version=0, now=utc_now())


def foot(answer: httpx.Response) -> list[str]:
    """The addresses that the foot of the page leads to."""
    return re.findall(r'href="([^"]+)"', answer.text.partition("<footer")[2])


async def test_no_link_leads_to_a_page_that_nobody_wrote(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with site(database_url) as (_, client):
        assert not set(foot(await client.get("/en"))) & {f"/en/{kind}" for kind in KINDS}
        for kind in KINDS:
            assert (await client.get(f"/en/{kind}")).status_code == 404
        assert "/terms" not in (await client.get(await held(client, language="en"))).text


async def test_a_page_is_in_the_guests_language_or_says_in_which(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await write(db, "imprint", "de", "# Wir\n\nDas **Hotel** <script>alert(1)</script>")
    await write(db, "terms", "ar", "الشروط")
    async with site(database_url) as (_, client):
        german = await client.get("/de/imprint")
        assert german.status_code == 200
        assert "<h1>Impressum</h1>" in german.text
        assert "<h2>Wir</h2>" in german.text
        assert "<strong>Hotel</strong>" in german.text
        assert "<script>alert" not in german.text
        assert "verfügbar" not in german.text
        # What search engines and those who show links to it say of it.
        said = re.findall(r'<meta (?:name|property)="(?:og:)?description" content="([^"]*)">', german.text)
        assert said == ["Wir Das Hotel &lt;script&gt;alert(1)&lt;/script&gt;"] * 2
        english = await client.get("/en/imprint")
        assert "This page is only available in German." in english.text
        assert 'lang="de" dir="ltr"' in english.text
        assert 'lang="ar" dir="rtl"' in (await client.get("/en/terms")).text
        assert [path for path in foot(english) if path.rpartition("/")[2] in KINDS] == [
            "/en/imprint",
            "/en/terms",
        ]
        sent = await client.get("/imprint", headers={"accept-language": "de"})
        assert (sent.status_code, sent.headers["location"]) == (302, "/de/imprint")
        assert "/fr/imprint</loc>" in (await client.get("/sitemap.xml")).text
        again = await client.get("/de/imprint", headers={"if-none-match": german.headers["etag"]})
        assert again.status_code == 304


async def test_what_is_agreed_to_stands_above_the_button_and_the_button_says_that_it_costs(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    await write(db, "terms", "en", "Terms.")
    await write(db, "privacy", "en", "Privacy.")
    async with site(database_url) as (_, client):
        page = (await client.get(await held(client, language="de"))).text
    total = await one(db, "SELECT total FROM booking")
    form = page[page.index('class="form card"') :]
    before, _, after = form.partition('class="button primary large"')
    assert "Zahlungspflichtig buchen" in after[:120]
    assert 'href="/de/terms"' in before
    assert 'href="/de/privacy"' in before
    assert f"{total / 100:.2f}".replace(".", ",") in before  # the whole price, beside the button
    assert await one(db, "SELECT name FROM property") in before


async def test_the_group_writes_its_pages_in_the_panel(db: Database, database_url: str) -> None:
    await small_hotel(db)
    settings = settings_for(database_url, mfa_required=False)
    async with running(settings) as (app, guest), signed_in(app, db, (Role.OWNER, None)) as client:
        assert "Legal pages are missing" in (await client.get("/admin/properties")).text
        assert "Imprint, Privacy" in (await client.get("/admin/group-pages")).text
        form = {"language": "fr", "version": "0", "body": "Bonjour"}
        look = await client.post("/admin/group-pages/imprint", data={**form, "look": "true"})
        assert "<p>Bonjour</p>" in look.text
        assert (await guest.get("/fr/imprint")).status_code == 404
        done = await client.post("/admin/group-pages/imprint", data=form)
        assert done.status_code == 303
        assert "/fr/imprint" in foot(await guest.get("/fr"))
        assert "<p>Bonjour</p>" in (await guest.get("/fr/imprint")).text
        # Two who write at once: the second is told, and keeps the text.
        late = await client.post("/admin/group-pages/imprint", data={**form, "body": "Salut"})
        assert late.status_code == 422
        assert "changed this page in the meantime" in late.text
        assert ">Salut</textarea>" in late.text
        assert await one(db, "SELECT body FROM group_page") == "Bonjour"
        long = await client.post(
            "/admin/group-pages/imprint", data={**form, "version": "1", "body": "x" * 50_001}
        )
        assert long.status_code == 422
        assert await one(db, "SELECT body FROM group_page") == "Bonjour"
        await client.post("/admin/group-pages/imprint", data={**form, "version": "1", "body": " "})
        assert (await guest.get("/fr/imprint")).status_code == 404
        assert (await client.get("/admin/group-pages/secrets")).status_code == 404
        told = await one(db, "SELECT count(*) FROM audit_entry WHERE object_kind = 'group_page'")
        assert told == 2


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,hi)",
        "![x](https://elsewhere.example/pixel.png)",
        "[x](//elsewhere.example)",
        "<javascript:alert(1)>",
        "[a]: javascript:alert(1)\n\n[a]",
    ],
)
def test_what_somebody_writes_is_never_a_script(text: str) -> None:
    html = as_html(text)
    assert "<img" not in html
    assert "<script" not in html
    assert not re.search(r'href="(?!https://elsewhere)', html)
