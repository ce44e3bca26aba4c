"""The account's pages by plain requests: who may see what, and what a stranger learns (nothing)."""

from __future__ import annotations

import re

import httpx
import pytest

from hotel_booking.core.db import Database
from tests.clients.http_client import client_of
from tests.clients.jobs import mail_links
from tests.clients.outbox import sent
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.guest_accounts import EMAIL, PASSWORD, opened
from tests.factories.small_hotel import small_hotel
from tests.integration.panel.test_staff_accounts import tables
from tests.integration.site.test_checkout import held, one, site

PAGES = ("", "/details", "/preferences", "/security", "/data", "/data/export")
ACTS = (
    "/details",
    "/preferences",
    "/security/password",
    "/security/password/remove",
    "/security/passkeys",
    "/security/passkeys/1/remove",
    "/security/sessions/1/end",
    "/security/sessions/end-others",
    "/security/sessions/end-all",
    "/security/email",
    "/data/erase",
)


async def entered(client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    """Signed in by the form."""
    return await client.post("/en/account/sign-in", data={"email": email, "password": password})


async def test_every_page_asks_who_it_is_and_comes_back(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (_, client):
        for page in PAGES:
            answer = await client.get(f"/en/account{page}")
            assert answer.status_code == 303, page
            assert answer.headers["location"].startswith("/en/account/sign-in?next=")
        for act in ACTS:
            answer = await client.post(f"/en/account{act}", data={"email": EMAIL, "password": "x"})
            assert answer.status_code == 303, act
        assert await one(db, "SELECT count(*) FROM guest_account") == 1
        assert (await entered(client)).headers["location"] == "/en/account"
        for page in PAGES:
            answer = await client.get(f"/en/account{page}")
            assert answer.status_code == 200, page
            assert answer.headers["cache-control"] == "no-store"


async def test_prices_can_be_shown_in_the_currencies_that_have_a_rate(
    db: Database, database_url: str
) -> None:
    await opened(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO exchange_rate (currency, per_euro, as_of) VALUES ('KWD', 0.3, '2030-01-01')"
        )
    async with site(database_url) as (_, client):
        await entered(client)
        where, form = "/en/account/preferences", {"language": "en", "currency": "KWD"}
        assert re.findall(r'value="([A-Z]{3})"', (await client.get(where)).text) == ["EUR", "KWD"]
        assert "refused" not in (await client.post(where, data=form)).headers["location"]
        assert await one(db, "SELECT currency FROM guest_account") == "KWD"
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM exchange_rate")
        assert 'value="KWD" selected' in (await client.get(where)).text, "what was chosen stays chosen"


@pytest.mark.parametrize("door", ["/en/account/sign-in", "/admin/sign-in"])
async def test_an_address_that_cannot_be_stored_is_an_unknown_one(
    db: Database, database_url: str, door: str
) -> None:
    async with site(database_url) as (_, client):
        said = []
        for email in ("ana@example.com", "ana\0@example.com"):
            answer = await client.post(door, data={"email": email, "password": "wrong"})
            assert 'name="password"' in answer.text
            said.append((answer.status_code, re.findall(r'<div class="alert[^>]*>(.*?)</div>', answer.text)))
        assert said[0] == said[1]


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/admin",
        "javascript:alert(1)",
        "/en/../admin",
    ],
)
async def test_signing_in_leads_to_our_pages_alone(db: Database, database_url: str, onward: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (_, client):
        answer = await client.post(
            "/en/account/sign-in", data={"email": EMAIL, "password": PASSWORD, "next": onward}
        )
        assert answer.headers["location"] == "/en/account"


async def test_a_foreign_site_cannot_act_for_a_guest(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (_, client):
        await entered(client)
        foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
        for act in ACTS:
            answer = await client.post(f"/en/account{act}", data={"email": EMAIL}, headers=foreign)
            assert answer.status_code == 403, act
        assert await one(db, "SELECT count(*) FROM guest_account") == 1


async def test_one_guest_never_opens_anothers_booking(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    await opened(db)
    await opened(db, "eve@example.com", password="umber ferry cobalt moss")
    async with site(database_url) as (_, ana), site(database_url) as (_, eve):
        await entered(ana)
        pay = await held(ana, language="en")
        booking = pay.removesuffix("/pay")
        assert (await ana.get(pay)).status_code == 200
        ana.cookies.delete("hotel_bookings")
        assert (await ana.get(pay)).status_code == 200  # by the account alone
        assert (await entered(eve, "eve@example.com", "umber ferry cobalt moss")).status_code == 303
        for path in (pay, booking, booking + "/calendar.ics", booking + "/payment"):
            assert (await eve.get(path)).status_code == 404, path
        assert booking.rpartition("/")[2] not in (await eve.get("/en/account")).text


async def test_guessing_is_slowed_down_and_tells_nothing(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (_, client):
        codes = [(await entered(client, password="guess guess guess")).status_code for _ in range(7)]
        assert codes[:5] == [422] * 5
        assert codes[-1] == 429
        unknown = [(await entered(client, "who@example.com", "guess guess")).status_code for _ in range(7)]
        assert unknown == codes
        late = await entered(client)
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) > 0


async def test_forms_keep_what_was_typed_but_never_the_password(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with site(database_url) as (_, client):
        answer = await entered(client, "ana@example.com", "a secret that is wrong")
        assert answer.status_code == 422
        assert 'value="ana@example.com"' in answer.text
        assert "a secret that is wrong" not in answer.text
        bad = await client.post("/de/account/register", data={"email": "<b>nobody"})
        assert bad.status_code == 422
        assert "<b>nobody" not in bad.text
        assert re.search(r'id="email-below">Bitte geben Sie eine E-Mail-Adresse ein', bad.text)


async def test_links_are_the_same_work_whoever_asks(db: Database, database_url: str) -> None:
    """The tables that a request writes to do not tell who has an account; the mails are a job's."""
    await small_hotel(db)
    await opened(db)
    seen: list[tuple[str, str, tuple[int, ...]]] = []
    async with site(database_url) as (app, _):
        for path in ("/en/account/sign-in/link", "/en/account/forgotten-password", "/en/account/register"):
            for email in (EMAIL, "who@example.com"):
                before = await tables(db)
                address = f"198.51.100.{len(seen)}"
                async with client_of(app, address=address, **SAME_ORIGIN) as client:
                    answer = await client.post(path, data={"email": email})
                change = tuple(now - then for now, then in zip(await tables(db), before, strict=True))
                seen.append((path, answer.headers["location"], change))
    assert seen[::2] == seen[1::2]
    assert await one(db, "SELECT count(*) FROM mail_message") == 0
    await mail_links(db, database_url)
    told = [(mail.template, mail.recipient) for mail in await sent(db)]
    assert sorted(told) == [
        ("guest_sign_in", EMAIL),
        ("guest_sign_in", EMAIL),
        ("guest_sign_in", EMAIL),
        ("guest_verify", "who@example.com"),
    ]


async def test_a_links_button_pressed_twice_ends_where_the_first_press_did(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as stranger:
        await client.post("/en/account/sign-in/link", data={"email": EMAIL, "next": "/en/account/bookings"})
        await mail_links(db, database_url)
        path = (await sent(db))[-1].data["link"].removeprefix("http://localhost:8000").partition("?")[0]
        form = {"next": "/en/account/bookings"}
        ends = [(await client.post(path, data=form)).headers.get("location") for _ in range(2)]
        assert ends == ["/en/account/bookings"] * 2
        assert (await client.get(path)).status_code == 404, "it opens nothing again"
        other = await stranger.post(path, data=form)
        assert (other.headers["location"], "hotel_guest" in other.cookies) == (path, False)
        async with db.transaction() as tx:
            await tx.execute("UPDATE guest_session SET confirmed_at = confirmed_at - interval '31 s'")
        assert (await client.post(path, data=form)).headers["location"] == path
        assert await one(db, "SELECT count(*) FROM guest_session") == 2, "opened's, and one of the link"


async def test_a_stranger_who_fails_does_not_keep_a_guest_out(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (app, ana):
        assert (await entered(ana)).status_code == 303
        async with client_of(app, address="198.51.100.9", **SAME_ORIGIN) as stranger:
            for _ in range(6):
                last = await entered(stranger, password="guess guess guess")
            assert last.status_code == 429
        assert (await entered(ana)).status_code == 303
        async with client_of(app, address="198.51.100.10", **SAME_ORIGIN) as elsewhere:
            assert (await entered(elsewhere)).status_code == 303


async def test_a_stranger_who_guesses_does_not_close_a_booking_to_its_guest(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with site(database_url) as (app, ana):
        reference = (await held(ana, language="en")).split("/")[3]
        await ana.get("/en")
        async with client_of(app, address="198.51.100.9", **SAME_ORIGIN) as stranger:
            for number in range(6):
                form = {"reference": reference, "email": f"guess{number}@example.com"}
                last = await stranger.post("/en/booking", data=form)
            assert last.status_code == 429
            assert int(last.headers["retry-after"]) > 0
        async with client_of(app, address="198.51.100.10", **SAME_ORIGIN) as elsewhere:
            email = await one(db, "SELECT email FROM guest")
            found = await elsewhere.post("/en/booking", data={"reference": reference, "email": email})
            assert found.status_code == 303
