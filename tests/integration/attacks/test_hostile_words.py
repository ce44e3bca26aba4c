"""What a guest writes is text wherever it is shown: on the site, in the panel, in mails, in the calendar's
file, in what search engines read, in the copy of their data, and in the logs."""

from __future__ import annotations

import html
import json
import logging
import re

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.notifications.rendering import render
from tests.clients.http_client import running, settings_for
from tests.clients.outbox import sent
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.factories.guest_accounts import EMAIL, opened
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_account import entered
from tests.integration.site.test_checkout import GUEST, chosen, one, refused_page

# Each holds a tag or a line that stands nowhere else, so that it is found where it was not made text.
WORDS = {
    "a tag": "<zzx onload=zz()>",
    "out of an attribute": "\"'><zzx onload=zz()>",
    "out of a script": "</script><zzx></script><script>zz()</script>",
    "out of JSON": '"}]}</script><zzx>',
    "out of a title and a comment": "</title></textarea>--><zzx>",
    "a template": "{{ 7919 * 7907 }}{% zzx %}${7919*7907}#{7919*7907}%(zzx)s{0.__class__}",
    "a formula": '=HYPERLINK("http://zzx.example";"x")',
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "SQL": "'; DROP TABLE booking; -- zzx",
    "a line more": "x\r\nATTENDEE:mailto:zzx@example.com\r\nBEGIN:VEVENT",
    "a header more": "x\r\nBcc: zzx@example.com",
    "turned around": "\u202egpj.zzx\u202c\u2066<zzx>",
    "a script's address": "javascript:zz()//<zzx>",
    "encoded already": "&lt;zzx&gt;&#60;zzx&#62;%3Czzx%3E",
}
# One of each language that a guest's words are put into.
_EACH_PUSH = ("a tag", "out of an attribute", "out of a script", "a template", "a formula", "a header more")
_PAGES = ("", "/amend", "/cancel", "/contact", "/message", "/pay", "/payment", "/calendar.ics")
_PANEL = (
    "/admin/today",
    "/admin/bookings",
    "/admin/bookings/{reference}",
    "/admin/bookings/{reference}/amend",
    "/admin/bookings/{reference}/guest",
    "/admin/bookings/{reference}/cancel",
    "/admin/bookings/{reference}/payments",
    "/admin/audit",
    "/admin/mail",
    "/admin/payments",
)


def is_text(answer: httpx.Response, where: str) -> None:
    """Nothing of a word is anything but text there."""
    assert answer.status_code < 500, where
    body = answer.text
    kind = answer.headers.get("content-type", "")
    if "html" in kind or "svg" in kind:
        assert "<zzx" not in body.lower(), where
        assert "<script>zz" not in body, where
        assert not re.search(r"""(?:href|src|action)\s*=\s*["']?\s*javascript:""", body, re.IGNORECASE), where
        for block in re.findall(r"<script[^>]*application/ld\+json[^>]*>(.*?)</script>", body, re.DOTALL):
            json.loads(html.unescape(block))
    if "calendar" in kind:
        lines = body.replace("\r\n ", "").split("\r\n")
        assert not [line for line in lines if line.startswith(("ATTENDEE", "Bcc"))], where
        assert lines.count("BEGIN:VEVENT") == 1, where
    assert "62615533" not in body.replace(",", ""), where  # 7919 * 7907
    for name, value in answer.headers.items():
        assert "zzx" not in value or name == "location", (where, name)


@pytest.mark.parametrize(
    "what",
    [what if what in _EACH_PUSH else pytest.param(what, marks=pytest.mark.nightly) for what in WORDS],
)
async def test_hostile_words_of_a_guest_are_text_wherever_they_are_shown(
    db: Database, database_url: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    await small_hotel(db, rooms=4)
    await opened(db)
    word = WORDS[what]
    caplog.set_level(logging.DEBUG)
    settings = settings_for(database_url, secret_key="k" * 40, mfa_required=False)
    async with running(settings) as (app, client):
        client.headers.update(SAME_ORIGIN)
        await entered(client)
        booking = await _booked(client, word)
        await client.post(f"{booking}/message", data={"message": word})
        details = {"given_name": word, "family_name": word, "wishes": word}
        is_text(await client.post("/en/account/details", data=details), "an account's details")
        form = {"method": "card", "expected": "18000", "card": "tok_success"}
        assert (await client.post(f"{booking}/pay", data=form)).status_code == 303
        for page in _PAGES:
            is_text(await client.get(booking + page), page)
        for page in ("", "/details", "/preferences", "/data/export"):
            is_text(await client.get(f"/en/account{page}"), page)
        await _typed(client, word)
        async with signed_in(app, db, (Role.OWNER, None)) as staff:
            for page in _PANEL:
                answer = await staff.get(page.format(reference=booking.rpartition("/")[2]))
                assert answer.status_code == 200, page
                is_text(answer, page)
            is_text(await staff.get("/admin/bookings", params={"text": word}), "what staff look for")
            async with db.transaction() as tx:
                messages = await tx.fetch("SELECT id FROM mail_message")
            for row in messages:
                for part in ("", "/body"):
                    is_text(await staff.get(f"/admin/mail/{row['id']}{part}"), f"a mail{part}")
    assert await one(db, "SELECT count(*) FROM booking") == 1
    await _mails_are_text(db)
    for record in caplog.records:
        # Statements and their values are told by a library's own debugging alone.
        if record.name.startswith("hotel_booking"):
            assert "zzx" not in record.getMessage().lower(), record.name


async def _booked(client: httpx.AsyncClient, word: str) -> str:
    """A booking with the word in every field that takes it: what cannot be a name is refused, as text."""
    where = await chosen(client, language="en")
    taken = dict(GUEST)
    for field in ("given_name", "family_name", "phone", "requests", "guest-1"):
        answer = await client.post(where, data={**taken, field: word, "email": "not an address"})
        answer = await refused_page(client, answer)
        is_text(answer, f"{field} in the form")
        if f'id="{field}-below"' not in answer.text:
            taken[field] = word
    for guest in (taken, {**GUEST, "requests": word}, GUEST):
        answer = await client.post(where, data=guest)
        if answer.headers["location"].endswith("/pay"):
            return str(answer.headers["location"]).removesuffix("/pay")
        answer = await refused_page(client, answer)
        is_text(answer, "what is refused")
    raise AssertionError(answer.text)


async def _typed(client: httpx.AsyncClient, word: str) -> None:
    """What is typed and comes back at once."""
    for page, field in (
        ("/en/search", "q"),
        ("/en/search", "place"),
        ("/en/booking", "reference"),
        ("/en", "q"),
    ):
        is_text(await client.get(page, params={field: word}), page)
    is_text(await client.post("/en/booking", data={"reference": word, "email": word}), "/en/booking")
    is_text(await client.post("/en/account/sign-in", data={"email": word, "password": word}), "sign-in")


async def _mails_are_text(db: Database) -> None:
    mails = await sent(db)
    assert mails
    for mail in mails:
        assert "\n" not in mail.recipient
        if mail.recipient in (EMAIL, GUEST["email"]):
            found = render(
                mail.template, "en", {**mail.data, "link": "https://hotel.example"}, sender="Hotel"
            )
            assert "<zzx" not in found.html.lower(), mail.template
            assert "62615533" not in found.html, mail.template
            assert not re.search(r"[\r\n]", found.subject), mail.template
