"""Where a form was refused, the page says so at once: in its title, above the form with a way to each field,
and beside the fields; and nothing that is not so. What was taken otherwise than typed is said too."""

from __future__ import annotations

import logging
import re

import httpx
import pytest
from prometheus_client import REGISTRY

from hotel_booking.core.db import Database
from hotel_booking.core.names import clean_text, has_unshown
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.http import access_log
from tests.clients.http_client import client_of, running, settings_for
from tests.clients.outbox import sent
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.guest_accounts import EMAIL, PASSWORD, opened
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    held,
    offer,
    one,
    refused_page,
    site,
)
from tests.integration.site.test_manage import booked, change, looked_at

MARKED = "Please check the fields marked below."
GENERAL = ("isn’t possible right now", "That didn’t work")
UNSHOWN = "Ana\u0007aila"


def refused(answer: httpx.Response, *fields: str, title: str = "Error: ") -> str:
    """The page's alert, which has the focus and leads to every field that is marked, and to no others."""
    assert (answer.request.method, answer.status_code) == ("GET", 200), "its page, which was sent back to"
    page = answer.text
    assert f"<title>{title}" in page
    assert page.count(" autofocus") == 1
    alert = re.search(
        r'<div class="alert danger" role="alert" tabindex="-1" autofocus>(.*?)</div>', page, re.DOTALL
    )
    assert alert is not None
    assert re.findall(r'href="#([^"]+)"', alert[1]) == list(fields)
    for field in fields:
        assert f' id="{field}"' in page
        assert f' id="{field}-below"' in page
    assert page.count('aria-invalid="true"') == len(fields)
    return alert[1]


async def sent_to(client: httpx.AsyncClient, path: str, form: dict[str, str]) -> httpx.Response:
    """The page of a form that is refused."""
    return await refused_page(client, await client.post(path, data=form))


async def test_the_details_say_which_fields_are_wrong_in_the_pages_order(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        where = await chosen(client, rooms=2, language="en")
        assert "autofocus" not in (await client.get(where)).text
        wrong = {
            "given_name": "",
            "family_name": "x",
            "email": "nobody",
            "guest-2": "a\nb",
            "requests": "x" * 3000,
        }
        page = await refused_page(client, await client.post(where, data=wrong))
        alert = refused(page, "given_name", "email", "guest-2", "requests")
        assert "x" * 3000 in page.text
        assert MARKED in alert
        assert not any(words in alert for words in GENERAL)
        assert await one(db, "SELECT count(*) FROM booking") == 0
        pay = (await client.post(where, data=GUEST)).headers["location"]
        wrong |= {"requests": ""}
        page = await refused_page(client, await client.post(pay.replace("/pay", "/contact"), data=wrong))
        alert = refused(page, "given_name", "email")
        assert MARKED in alert


async def test_the_title_begins_with_the_word_in_the_language(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        for language, word in (
            ("de", "Fehler: "),
            ("fr", "Erreur\u00a0: "),
            ("es", "Error: "),
            ("ar", "خطأ: "),
        ):
            where = await chosen(client, language=language)
            page = await refused_page(client, await client.post(where, data=GUEST | {"email": "x"}))
            refused(page, "email", title=word)


async def test_a_change_and_a_message_and_a_reference_that_are_refused(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        wrong = change(adults="0") | {"arrival": "soon"}
        assert MARKED in refused(await looked_at(client, booking, wrong), "arrival", "adults-1")
        # What the hotel does not sell, no field is to blame for.
        assert "This change isn’t possible:" in refused(
            await looked_at(client, booking, change(nights=3, first=58))
        )
        assert MARKED in refused(await sent_to(client, f"{booking}/message", {"text": " "}), "text")
        refused(await sent_to(client, "/en/booking", {"reference": "x", "email": ""}))
        assert MARKED in refused(await sent_to(client, "/en/booking/lost", {"email": ""}), "lost-email")


async def test_the_accounts_forms_say_nothing_general_above_marked_fields(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    await opened(db)
    async with site(database_url) as (_, client):
        await client.get("/en/account/sign-in")  # which gives the browser a name
        empty = {"email": "", "password": ""}
        for path, fields in (
            ("sign-in", ("email", "password")),
            ("register", ("email",)),
            ("forgotten-password", ("email",)),
        ):
            alert = refused(await sent_to(client, f"/en/account/{path}", empty), *fields)
            assert MARKED in alert
            assert not any(words in alert for words in GENERAL)
        wrong = await sent_to(client, "/en/account/sign-in", {"email": EMAIL, "password": "no"})
        assert "isn’t correct" in refused(wrong)
        await client.post("/en/account/sign-in", data={"email": EMAIL, "password": PASSWORD})
        page = await sent_to(client, "/en/account/details", {"given_name": UNSHOWN})
        assert "contains a character that can’t be shown" in page.text
        refused(page, "given_name")
        assert MARKED in refused(await sent_to(client, "/en/account/security/email", {"email": ""}), "email")
        for language, told in (
            ("en", "We couldn’t recognise this telephone number, so we’ve saved it as you typed it"),
            ("de", "Telefonnummer"),
        ):
            saved = await client.post(f"/{language}/account/details", data={"phone": "12 34"})
            page = await client.get(saved.headers["location"])
            assert told in page.text.partition("<form")[0]
            assert "12 34" in page.text.partition("<form")[0]
            assert 'class="flash warning"' in page.text
        for language, told in (
            ("en", "Please enter a telephone number, such as"),
            ("de", "Bitte geben Sie eine Telefonnummer ein"),
            ("ar", "يُرجى كتابة رقم هاتف"),
        ):
            title = "خطأ: " if language == "ar" else "Fehler: " if language == "de" else "Error: "
            form = {"phone": "call me 📞 after six"}
            page = await sent_to(client, f"/{language}/account/details", form)
            refused(page, "phone", title=title)
            assert told in page.text
            assert "call me 📞 after six" in page.text
        saved = await client.post("/en/account/details", data={"phone": ""})
        assert 'class="flash"' in (await client.get(saved.headers["location"])).text
        await client.post("/en/account/details", data={"given_name": "Ana"})
        await held(client, "FLEX", "en")
        listed = (await client.get("/en/booking")).text
        assert re.findall(r"<h(\d)", listed)[:2] == ["1", "2"]
        listed = (await client.get("/en/account")).text
        assert re.findall(r"<h(\d)", listed)[:3] == ["1", "2", "3"]


async def test_a_character_that_cannot_be_shown_is_named_in_every_field(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    words = "This contains a character that can’t be shown. Please type it again."
    async with site(database_url) as (_, client):
        where = await chosen(client, rooms=2, language="en")
        wrong = {"given_name": UNSHOWN, "family_name": UNSHOWN, "email": "a\u0007@example.com"}
        wrong |= {"guest-1": UNSHOWN, "requests": UNSHOWN}
        answer = await refused_page(client, await client.post(where, data=wrong))
        refused(answer, "given_name", "family_name", "email", "guest-1", "requests")
        assert answer.text.count(words) == 5
        long = await refused_page(client, await client.post(where, data=GUEST | {"given_name": "x" * 101}))
        assert words not in long.text
        assert "up to 100 characters" in long.text
        booking = await booked(client)
        message = await sent_to(client, f"{booking}/message", {"text": UNSHOWN})
        refused(message, "text")
        assert message.text.count(words) == 1
        assert await one(db, "SELECT count(*) FROM booking_note") == 0


def test_what_is_refused_for_what_cannot_be_shown_is_known_as_that() -> None:
    for letter in "\x00\x07\ufffe":
        assert has_unshown(f"a{letter}b")
    assert not has_unshown("a\u202eb")  # it is taken without
    assert not has_unshown("a\u200db")
    assert not has_unshown("a\nb")
    assert clean_text("a\u2067b\u2069", field="text", longest=9)
    assert not has_unshown("a\u2067b\u2069")


@pytest.mark.parametrize(
    ("typed", "country", "shown", "said"),
    [
        ("210 000 000", "", "+351 21 000 0000", "as one in the hotel’s country: "),
        ("030 901820", "DE", "+49 30 901820", None),  # theirs
        ("+49 30 901820", "", "+49 30 901820", None),  # says itself
        ("210 000 000", "PT", "+351 21 000 0000", None),
        ("01 70 18 99 00", "", "01 70 18 99 00", "saved it as you typed it: "),
    ],
)
async def test_a_number_read_by_the_hotels_country_is_said_and_can_be_corrected(
    db: Database, database_url: str, typed: str, country: str, shown: str, said: str | None
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", language="en")
        sent = await client.post(where, data=GUEST | {"phone": typed, "country": country})
        page = await client.get(sent.headers["location"])
        plain = re.sub("[\u2066-\u2069]", "", page.text)
        notice = re.search(r'<div class="flash warning".*?</div>', plain, re.DOTALL)
        assert (notice is None) == (said is None)
        if notice is not None:
            assert f"{said}{shown}" in notice[0]
        assert f"Telephone: {shown}" in plain  # beside the address, with the way to correct both
        contact = sent.headers["location"].replace("/pay", "/contact")
        assert f'href="{contact}"' in page.text
        again = await client.post(contact, data=GUEST | {"phone": typed, "country": country})
        page = await client.get(again.headers["location"])
        assert (f"{said}{shown}" in re.sub("[\u2066-\u2069]", "", page.text)) == (said is not None)
        kept = await client.post(contact, data=GUEST | {"phone": shown, "country": country})
        page = await client.get(kept.headers["location"])
        assert "as one in the hotel’s country" not in page.text


async def test_a_long_notice_arrives_whole(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", language="ar")
        sent = await client.post(where, data=GUEST | {"phone": "210 000 000"})
        page = await client.get(sent.headers["location"])
        notice = re.search(r'<div class="flash warning".*?</div>', page.text, re.DOTALL)
        assert notice is not None
        assert "+351 21 000 0000" in notice[0]
        assert "فيُرجى تصحيح بياناتكم.</p>" in notice[0]


async def test_who_comes_into_which_room_is_said_before_paying(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        party = {"adults": ["2", "1"], "children": ["", "7"]}
        where = (await client.post("/en/book", data=offer("FLEX", 2) | party)).headers["location"]
        details = (await client.get(where)).text
        summary = details.partition('<aside class="summary')[2]
        assert re.findall(r"</strong><br>([^<]+)<br>", summary) == ["2 adults", "1 adult, 1 child (age 7)"]
        assert re.findall(r'<label for="guest-\d">([^<]+?) <', details) == [
            "Room 1 · 2 adults",
            "Room 2 · 1 adult, 1 child (age 7)",
        ]
        pay = (await client.post(where, data=GUEST)).headers["location"]
        page = (await client.get(pay)).text
        order, _, summary = page.partition('<aside class="summary')
        assert re.findall(r'<br><span class="hint">([^<]+)</span></dt>', order) == [
            "2 adults",
            "1 adult, 1 child (age 7)",
        ]
        assert re.findall(r"</strong><br>([^<]+)<br>", summary) == ["2 adults", "1 adult, 1 child (age 7)"]


async def test_the_confirmation_counts_rooms_and_says_who_sleeps_in_them(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        party = {"adults": ["2", "1"], "children": ["", "7"]}
        where = (await client.post("/en/book", data=offer("FLEX", 2) | party)).headers["location"]
        pay = (await client.post(where, data=GUEST)).headers["location"]
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        (mail,) = await sent(db)
    assert mail.data["rooms"] == ["2 × DBL"]  # noqa: RUF001 - the sign of times, no x
    text = render(mail.template, "en", mail.data | {"link": "x"}, sender="x").text
    assert "DBL: Adults: 2; Room only\n" in text
    assert "DBL: Adults: 1, children’s ages: 7; Room only\n" in text


async def test_a_hold_that_is_over_has_no_balance_due(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        booking = (await held(client, language="en")).removesuffix("/pay")
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        page = await client.get(booking)
        assert "Your hold has expired" in page.text
        assert "Balance due" not in page.text
        open_one = await booked(client)
        assert "Balance due" in (await client.get(open_one)).text


async def test_a_payment_that_never_reached_the_gateway_was_declined_by_nobody(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        sent = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_timeout"})
        done = await client.post(sent.headers["location"])
        done = await refused_page(client, done)
        assert "Your payment couldn’t be completed, and nothing has been charged." in done.text
        assert "declined the card" not in done.text
        assert await one(db, "SELECT count(*) FROM ledger_entry") == 0
        no = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_decline"})
        no = await refused_page(client, no)
        assert "Your bank declined the card" in no.text


async def test_a_payment_that_was_not_confirmed_at_the_bank_was_not_declined_by_it(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        form = {"method": "card", "expected": "18000"}
        sent = await client.post(pay, data=form | {"card": "tok_challenge"})
        asked = (await client.get(sent.headers["location"])).text
        no = re.findall(r'name="card" value="(tok_[^"]+)"', asked)[1]
        denied = await client.post(pay, data=form | {"card": no})
        text = (await refused_page(client, denied)).text
        assert "wasn’t confirmed with your bank" in text
        assert "Please try again, or use another card: we’re still holding your room." in text
        assert "declined the card" not in text
        # A balance is paid for rooms that are nobody else's any more.
        balance = await booked(client) + "/pay"
        form["expected"] = re.findall(r'name="expected" value="(\d+)"', (await client.get(balance)).text)[0]
        for card, said in (("tok_decline", "try another card.<"), (no, "use another card.<")):
            denied = await client.post(balance, data=form | {"card": card, "balance": "true"})
            text = (await refused_page(client, denied)).text
            assert said in text
            assert "still holding" not in text


async def test_the_page_of_a_refused_form_tells_no_more_than_is_so(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client), site(database_url) as (_, bare):
        where = await chosen(client, "FLEX", language="en")
        # A browser that takes no cookies is answered at once: nothing could be kept for it.
        answer = await bare.post(where, data=GUEST | {"email": "x"})
        assert answer.status_code == 422
        assert "autofocus" not in (await client.get(where)).text
        page = await client.get(f"{where}?refused=no_such_reason")
        assert any(words in page.text for words in GENERAL)
        pay = (await client.post(where, data=GUEST)).headers["location"]
        contact = pay.replace("/pay", "/contact")
        await client.post(contact, data=GUEST | {"given_name": "", "requests": "Quiet"})
        assert "Quiet" not in (await client.get(contact)).text  # what stands there, not what was refused
        await client.post(contact, data=GUEST)
        assert "Quiet" not in (await client.get(await chosen(client, language="en"))).text
        declined = f"{pay}?refused=payment_declined"
        assert "we’re still holding your room" in (await client.get(declined)).text
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        assert "still holding" not in (await client.get(declined)).text


async def test_a_card_that_is_declined_is_told_while_a_transfer_is_waited_for(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    settings = settings_for(database_url, secret_key="k" * 40, bank_account="Hotel Lima\nDE02 1203 0000")
    async with running(settings) as (_, client):
        client.headers.update(SAME_ORIGIN)
        pay = await held(client, language="en")
        sent_to = await client.post(pay, data={"method": "bank_transfer", "expected": "18000"})
        assert sent_to.headers["location"].endswith("/payment")
        assert (await client.get(pay)).status_code == 303
        form = {"method": "card", "expected": "18000", "card": "tok_decline"}
        no = await refused_page(client, await client.post(pay, data=form))
        assert "Your bank declined the card" in no.text


async def test_every_refused_form_leads_back_to_its_page_in_any_language(
    db: Database, database_url: str
) -> None:
    """What was typed and why it was refused stand there, as often as the page is loaded; never a password."""
    await small_hotel(db, rooms=5)
    await opened(db)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        own = {"email": EMAIL, "password": PASSWORD}
        for path, form, shown, said, german in (
            (
                "/en/account/sign-in",
                {"email": "who@x.example", "password": "mistyped it"},
                "who@x.example",
                "isn’t correct",
                "ist nicht richtig",
            ),
            ("/en/account/sign-in/link", {"email": "who"}, "who", "such as name@", "zum Beispiel name@"),
            ("/en/account/register", {"email": "who"}, "who", "such as name@", "zum Beispiel name@"),
            (
                "/en/account/forgotten-password",
                {"email": "who"},
                "who",
                "such as name@",
                "zum Beispiel name@",
            ),
            (
                "/en/booking",
                {"reference": "ZZ", "email": "me@x.example"},
                "me@x.example",
                "We can’t find",
                "kein",
            ),
            ("/en/booking/lost", {"email": "who"}, "who", "such as name@", "zum Beispiel name@"),
            (f"{booking}/message", {"text": f"Hello{UNSHOWN}"}, "Hello", "can’t be shown", "höchstens"),
            (f"{booking}/cancel", {"fee": "1"}, "", "The amount has changed.", "hat sich geändert"),
            ("/en/account/sign-in", own, "", "", ""),
            (
                "/en/account/details",
                {"phone": "call me"},
                "call me",
                "Please enter a telephone",
                "Telefonnummer",
            ),
            ("/en/account/preferences", {"currency": "XXX"}, "", "Please choose", "Bitte wählen"),
            ("/en/account/security/email", {"email": "new"}, "new", "such as name@", "zum Beispiel name@"),
            ("/en/account/security/password", {"password": "short"}, "", "at least", "zu leicht"),
            ("/en/account/security/passkeys", {"name": "Key 7"}, "", "We don’t recognise", "Passkey"),
            (
                "/en/account/data/erase",
                {"email": EMAIL},
                "",
                "nothing has been deleted",
                "bevorstehenden Aufenthalt",
            ),
        ):
            if "/booking/" not in path:
                await client.get("/en/account/sign-in")
            answer = await client.post(path, data=form)
            if not said:
                assert answer.headers["location"] == "/en/account"
                continue
            page = await refused_page(client, answer)
            assert said in page.text, path
            assert shown in page.text, path
            assert "retry-after" not in answer.headers
            where = answer.headers["location"]
            assert all(text not in where for text in form.values() if len(text) > 1), path
            other = await client.get(where.replace("/en/", "/de/"))
            assert german in other.text.partition("<main")[2], path
            assert shown in other.text, path
            for text in (page.text, other.text):
                assert "mistyped it" not in text
                assert text.count(' role="alert" tabindex="-1" autofocus') == 1, path
            assert 'role="alert" tabindex' not in (await client.get(where.partition("?")[0])).text
        async with db.transaction() as tx:
            assert not await tx.fetchval(
                "SELECT count(*) FROM checkout_draft WHERE details::text ~ 'mistyped|short'"
            )


async def test_another_browser_and_a_later_hour_see_nothing_of_it(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as other:
        await client.get("/en/account/register")
        await other.get("/en/account/register")
        form = {"email": "me@nowhere", "cls": "1", "": "2", "ü": "3", "password": "a secret"}
        answer = await client.post("/en/account/register", data=form)
        where = answer.headers["location"]
        assert "me@nowhere" in (await client.get(where)).text
        assert "me@nowhere" not in (await other.get(where)).text
        assert "me@nowhere" not in (await client.get("/en/account/register")).text
        async with db.transaction() as tx:
            await tx.execute("UPDATE checkout_draft SET kept_at = kept_at - interval '31 minutes'")
        assert "me@nowhere" not in (await client.get(where)).text


async def test_how_long_is_to_be_waited_counts_down(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (_, client):
        await client.get("/en/account/sign-in")
        for _ in range(7):
            answer = await client.post("/en/account/sign-in", data={"email": EMAIL, "password": "guessed"})
        assert int(answer.headers["retry-after"]) > 0
        where = answer.headers["location"]
        first = await client.get(where)
        assert "Too many attempts. Please wait" in first.text
        assert f'value="{EMAIL}"' in first.text
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE checkout_draft"
                " SET details = jsonb_set(details, '{until}', to_jsonb(now() - interval '1 s'))"
            )
        later = await client.get(where)
        assert "Too many attempts" not in later.text
        assert f'value="{EMAIL}"' in later.text


async def test_who_confirms_their_identity_wrongly_still_confirms_it(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await opened(db)
    async with site(database_url) as (_, client):
        await client.post("/en/account/sign-in", data={"email": EMAIL, "password": PASSWORD})
        async with db.transaction() as tx:
            await tx.execute("UPDATE guest_session SET confirmed_at = confirmed_at - interval '2 days'")
        asked = await client.get("/en/account/data/export")
        await client.get(asked.headers["location"])
        form = {"email": EMAIL, "password": "wrong", "next": "/en/account/data/export"}
        page = await sent_to(client, "/en/account/sign-in", form)
        assert "Please confirm it’s you" in page.text
        assert 'name="next" value="/en/account/data/export"' in page.text
        done = await client.post("/en/account/sign-in", data=form | {"password": PASSWORD})
        assert done.headers["location"] == "/en/account/data/export"


async def test_a_change_is_made_only_for_what_was_shown(db: Database, database_url: str) -> None:
    """Enter in a field presses the form's first button, which makes the change: for other days at the same
    price nobody has been shown anything."""
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        shown = await looked_at(client, booking, change(nights=3))
        hidden = dict(re.findall(r'<input type="hidden" name="(agreed|seen)" value="([^"]*)"', shown.text))
        assert set(hidden) == {"agreed", "seen"}
        other = change(nights=3, first=21, act="confirm") | hidden
        page = await looked_at(client, booking, other)
        assert "What it would cost" in page.text
        assert await one(db, "SELECT departure - arrival FROM reservation") == 2
        done = await client.post(f"{booking}/amend", data=change(nights=3, act="confirm") | hidden)
        assert done.headers["location"] == booking
        assert await one(db, "SELECT departure - arrival FROM reservation") == 3


async def test_what_is_far_too_long_in_the_longest_letters_is_kept_as_far_as_there_is_space(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        form = GUEST | {"given_name": "😀" * 400, "requests": "😀" * 9000}
        page = await sent_to(client, await chosen(client, language="en"), form)
        assert "😀" * 3000 in page.text
        booking = await booked(client)
        page = await sent_to(client, f"{booking}/message", {"text": "😀" * 9000})
        assert "😀" * 4001 in page.text
        odd = {"text": "😀" * 4900, "wishes": "😀" * 4900, "n" * 5_000: "x"} | {
            f"f{n}": "x" for n in range(99)
        }
        await sent_to(client, f"{booking}/message", odd)


async def test_a_refused_sign_in_is_counted_and_logged_as_one_wherever_its_sender_is_sent(
    db: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Stolen passwords that are tried in a browser are noticed as those of a program are."""
    await small_hotel(db)
    await opened(db)
    labels = {"method": "POST", "route": "/{language}/account/sign-in"}

    def counted(status: str) -> float:
        access_log.settle()
        return (
            REGISTRY.get_sample_value("hotel_booking_http_requests_total", labels | {"status": status}) or 0
        )

    before = counted("4xx"), counted("3xx")
    with caplog.at_level(logging.INFO, logger="hotel_booking.access"):
        async with site(database_url) as (_, client):
            await client.get("/en/account/sign-in")
            await sent_to(client, "/en/account/sign-in", {"email": EMAIL, "password": "no"})
            await client.post("/en/account/sign-in", data={"email": EMAIL, "password": PASSWORD})
        assert (counted("4xx") - before[0], counted("3xx") - before[1]) == (1, 1)
    told = [vars(one) for one in caplog.records if one.name == "hotel_booking.access"]
    assert [(one["status"], one["code"]) for one in told if one["method"] == "POST"] == [
        (303, "wrong_credentials"),
        (303, None),
    ]
