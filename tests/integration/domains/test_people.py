"""Names, telephone numbers, ages and addresses of people at every door: taken as they are typed, kept in one
form, found in any."""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

from typing import Any

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.core.names import FULL_NAME, full_name
from hotel_booking.domains.bookings import guest_bookings, notes, service
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.guests.service import details
from hotel_booking.domains.guests.service.details import Details
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.errors import InvalidStaff, StaffExists
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.service import staff
from hotel_booking.domains.notifications import queries as mail_queries
from tests.clients.http_client import running, settings_for
from tests.factories.guest_accounts import account_of, opened
from tests.factories.small_hotel import (
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    stay,
)
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    one,
    refused_page,
    site,
)

PERSIAN = "علی\u200cرضا"


async def api_booking(client: Any, quote: str, **more: Any) -> Any:
    guest = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com", **more.pop("guest", {})}
    return await client.post("/api/v1/bookings", json={"quote": quote, "guest": guest, **more})


async def test_a_guest_types_a_name_and_a_number_as_they_have_them(db: Database, database_url: str) -> None:
    await small_hotel(db)
    typed = {
        "given_name": f"\u200f{PERSIAN}\u200f",
        "family_name": "رضایی\u00a0\u3000نژاد",
        "email": " Ali.Reza@B\u00fccher.example\u200e",
        "phone": "\u202a+۴۹ (0)۳۰\u2011۱۲۳۴۵۶\u202c",
        "country": "IR",
        "guest-1": "ක්\u200dෂණ",
        "requests": "سلام\r\nline two",
    }
    async with site(database_url) as (_, client):
        where = await chosen(client, language="ar")
        answer = await client.post(where, data=typed)
        assert answer.status_code == 303, answer.text
    async with db.transaction() as tx:
        row = await tx.fetchrow("SELECT given_name, family_name, email, phone FROM guest")
        room = await tx.fetchrow("SELECT r.guest_name, b.requests FROM reservation r, booking b")
    assert tuple(row or ()) == (PERSIAN, "رضایی نژاد", "Ali.Reza@bücher.example", "+4930123456")
    assert tuple(room or ()) == ("ක්\u200dෂණ", "سلام\nline two")


async def test_an_optional_field_stops_no_booking_and_says_what_became_of_it(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with site(database_url) as (_, client):
        where = await chosen(client, language="en")
        answer = await client.post(where, data={**GUEST, "phone": "12 34", "country": "Narnia"})
        assert answer.status_code == 303, answer.text
        page = await client.get(answer.headers["location"], follow_redirects=True)
        assert "saved it as you typed it: \u206812 34\u2069" in page.text
    assert await one(db, "SELECT phone FROM guest") == "12 34"
    assert await one(db, "SELECT country FROM guest") is None


async def test_a_national_number_is_one_of_the_hotels_country(db: Database) -> None:
    await small_hotel(db, rooms=5)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET country = 'FR'")
    for typed, country, kept in (
        ("01 23 45 67 89", None, "+33123456789"),
        ("030 123456", "DE", "+4930123456"),
        ("+351 21 000 0000", None, "+351210000000"),
    ):
        quote = await make_quote(db, stay(10, 2))
        async with db.transaction() as tx:
            guest = GuestDetails("A", "B", "a@example.com", typed, country)
            made = await service.hold(tx, quote_id=quote.id, guest=guest, now=NOW)
        assert made.booking.phone == kept
    assert GuestDetails("A", "B", "a@example.com", "030 123456", "DE").phone == "+4930123456"


async def test_statements_write_both_names_as_everything_else_does(db: Database) -> None:
    people = [
        ("Ana", "Silva"),
        ("太郎", "山田"),
        ("さくら", "佐々木"),
        ("민준", "김"),
        ("ジョン", "スミス"),
        ("美", "𠮷野"),
    ]
    async with db.transaction() as tx:
        rows = await tx.fetch(
            f"SELECT {FULL_NAME} AS both FROM unnest($1::text[], $2::text[]) AS g(given_name, family_name)",
            *map(list, zip(*people, strict=True)),
        )
    assert [row["both"] for row in rows] == [full_name(*names) for names in people]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"room_guests": ["a\nb"]}, "room_guests[0]"),
        ({"room_guests": ["Ana\u0085evil"]}, "room_guests[0]"),
        ({"guest": {"given_name": "a\u001bb"}}, "guest.given_name"),
        ({"guest": {"phone": "call me 📞 after six"}}, "guest.phone"),
        ({"guest": {"family_name": "a\r\nBcc: b"}}, "guest.family_name"),
        ({"guest": {"family_name": "\u200d"}}, "guest.family_name"),
        ({"guest": {"email": "ana,silva@example.com"}}, "guest.email"),
        ({"requests": "a\x1bb"}, "requests"),
    ],
)
async def test_one_rule_for_every_name_and_nothing_is_held_where_it_is_broken(
    db: Database, database_url: str, more: dict[str, Any], field: str
) -> None:
    await small_hotel(db)
    quote = await make_quote(db, stay(20, 2), now=utc_now())
    async with running(settings_for(database_url)) as (_, client):
        answer = await api_booking(client, str(quote.id), **more)
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == field
        assert await one(db, "SELECT count(*) FROM booking") == 0
        taken = await api_booking(
            client,
            str(quote.id),
            guest={"given_name": f"\u202e{PERSIAN}", "phone": "٠٣٠ ١٢٣٤٥٦", "country": "DE"},
            room_guests=["山田\u3000\u2067太郎"],
        )
        assert taken.status_code == 201, taken.text
        assert taken.json()["guest"]["given_name"] == PERSIAN
        assert taken.json()["guest"]["phone"] == "+4930123456"
        assert taken.json()["reservations"][0]["guest_name"] == "山田 太郎"


async def test_a_form_says_everything_that_is_wrong_at_once(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        where = await chosen(client, rooms=2, language="en")
        wrong = {
            "given_name": "a\u001bb",
            "family_name": "",
            "email": "ana,silva@example.com",
            "phone": "ring my wife",
            "guest-1": "a\nb",
        }
        answer = await refused_page(client, await client.post(where, data=wrong))
        for name in wrong:
            assert f'class="error" id="{name}-below"' in answer.text, name
    assert await one(db, "SELECT count(*) FROM booking") == 0


async def test_ages_are_typed_in_the_pages_own_digits(db: Database, database_url: str) -> None:
    await small_hotel(db)
    when = stay(20, 2)
    asked: dict[str, Any] = {
        "arrival": when.arrival,
        "departure": when.departure,
        "adults": "٢",
        "rooms": "١",
    }
    async with site(database_url) as (_, client):
        page = await client.get(f"/ar/hotels/{SLUG}", params={**asked, "children": "٤، ٩"})
        assert 'id="children-error"' not in page.text
        plain = await client.get(
            f"/ar/hotels/{SLUG}", params={**asked, "adults": "2", "rooms": "1", "children": "4,9"}
        )
        assert page.status_code == plain.status_code == 200


# addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "José@Bücher.example",
        "JOSÉ@XN--BCHER-KVA.example",
        "jose\u0301@bu\u0308cher.example",
        " josé@bücher.example\u200f",
    ],
)
async def test_your_booking_finds_it_by_its_address_in_any_form(
    db: Database, database_url: str, typed: str
) -> None:
    await small_hotel(db)
    async with site(database_url) as (_, client):
        where = await chosen(client, language="en")
        made = await client.post(where, data={**GUEST, "email": "José@bücher.example"})
        reference = made.headers["location"].split("/")[-2]
        client.cookies.clear()
        other = {"reference": reference, "email": "jose@bücher.example"}
        assert (await client.post("/en/booking", data=other)).status_code == 422
        found = await client.post("/en/booking", data={"reference": reference, "email": typed})
        assert found.status_code == 303
        assert found.headers["location"].endswith(reference)


async def test_an_account_is_one_whatever_form_its_address_is_typed_in(db: Database) -> None:
    account = (await opened(db, "josé@bücher.example")).account
    for typed in ("JOSÉ@Bücher.example", "jose\u0301@xn--bcher-kva.example"):
        found = await account_of(db, typed)
        assert found is not None
        assert found.id == account.id
    assert await account_of(db, "jose@bücher.example") is None
    # Addresses of the time before were kept as they were typed.
    await small_hotel(db, rooms=5)
    ids = []
    for kept in (
        "JOSÉ@bücher.example",
        "josé@xn--bcher-kva.example",
        "jose\u0301@bücher.example",
        "jose@bücher.example",
    ):
        quote = await make_quote(db, stay(10, 1))
        guest = GuestDetails("A", "B", "x@example.com")
        async with db.transaction() as tx:
            made = (await service.hold(tx, quote_id=quote.id, guest=guest, now=NOW)).booking
            await tx.execute(
                "UPDATE guest SET email = $2 WHERE id = (SELECT guest_id FROM booking WHERE id = $1)",
                made.id,
                kept,
            )
            await tx.execute("SELECT booking_lapse($1, $2)", made.id, utc_now())
        ids.append(made.id)
    async with db.transaction() as tx:
        assert set(await guest_bookings.ids_of(tx, account)) == set(ids[:3])
        assert await guest_bookings.may_open(tx, account, ids[1])
        assert not await guest_bookings.may_open(tx, account, ids[3])


async def test_staff_have_one_account_in_every_form_and_are_found_by_any_spelling(db: Database) -> None:
    grants = [Grant(Role.OWNER)]
    async with db.transaction() as tx:
        await staff.invite(
            tx, email="Jörg@Straße.example", name="Jörg\u00a0Müller", grants=grants, by=None, now=NOW
        )
    async with db.transaction() as tx:
        member = await accounts.staff_by_email(tx, "JÖRG@xn--strae-oqa.example")
        assert member is not None
        assert (member.email, member.name) == ("jörg@straße.example", "Jörg Müller")
        assert await accounts.staff_by_email(tx, "jörg@strasse.example") is None
        for typed in ("mueller", "MULLER", "jorg", "müller", "jörg@"):
            assert [found.id for found in await accounts.list_staff(tx, search=typed)] == [member.id], typed
        assert await accounts.list_staff(tx, search="moeller") == []
    for wrong in ({"email": "a,b@example.com"}, {"name": "a\nb"}, {"name": "a\u001bb"}):
        given: dict[str, Any] = {"email": "x@example.com", "name": "X", **wrong}
        with pytest.raises(InvalidStaff):
            async with db.transaction() as tx:
                await staff.invite(tx, grants=grants, by=None, now=NOW, **given)
    with pytest.raises(StaffExists):
        async with db.transaction() as tx:
            await staff.invite(
                tx, email="jörg@XN--STRAE-OQA.example", name="Other", grants=grants, by=None, now=NOW
            )
    assert await one(db, "SELECT count(*) FROM staff") == 1


async def test_messages_are_found_by_their_recipient_in_any_form(db: Database, database_url: str) -> None:
    await small_hotel(db)
    quote = await make_quote(db, stay(10, 1))
    async with db.transaction() as tx:
        guest = GuestDetails("A", "B", "JOSÉ@Bücher.example")
        await service.hold(tx, quote_id=quote.id, guest=guest, now=NOW, source="desk")
        for typed in ("josé@xn--bcher-kva.example", "JOSE\u0301@bücher.example"):
            found = await mail_queries.list_messages(tx, within=None, recipient=typed)
            assert [message.recipient for message in found] == ["JOSÉ@bücher.example"]


async def test_details_and_notes_follow_the_same_rules(db: Database) -> None:
    account = (await opened(db)).account
    async with db.transaction() as tx:
        await details.save_details(
            tx,
            account_id=account.id,
            details=Details(f"{PERSIAN}\u200f", "\u00a0Silva", "030 123456", "DE", "a\r\nb"),
        )
    kept = await account_of(db)
    assert kept is not None
    assert (kept.given_name, kept.family_name, kept.phone, kept.wishes) == (
        PERSIAN,
        "Silva",
        "+4930123456",
        "a\nb",
    )
    await small_hotel(db)
    quote = await make_quote(db, stay(10, 1))
    async with db.transaction() as tx:
        made = await service.hold(
            tx, quote_id=quote.id, guest=GuestDetails("A", "B", "a@example.com"), now=NOW
        )
        booking = await booking_by_id(tx, made.booking.id)
        for text in ("a\x00", "a\x85b", "\u200f\x1b"):
            with pytest.raises(Invalid):
                await notes.write_to_hotel(tx, booking, text=text, now=NOW)
    assert await one(db, "SELECT count(*) FROM booking_note") == 0


async def test_browsers_let_every_address_through(db: Database, database_url: str) -> None:
    """Fields of the type email refuse letters beyond ASCII before the @, before the site ever sees them."""
    await small_hotel(db)
    async with site(database_url) as (_, client):
        where = await chosen(client, language="en")
        for path in (where, "/en/booking", "/en/account/sign-in", "/en/account/register"):
            page = (await client.get(path, follow_redirects=True)).text
            assert 'type="email"' not in page, path
            assert 'inputmode="email"' in page, path
