"""A guest's bookings in their account, the copy of their data, and being forgotten."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import erasure, recovery, service
from hotel_booking.domains.bookings.guest_bookings import bookings_of, may_open, remember
from hotel_booking.domains.bookings.search import BookingFilter, find_bookings
from hotel_booking.domains.bookings.types import HeldBooking
from hotel_booking.domains.guests.errors import EmailNotTheSame, NotToBeErasedYet
from hotel_booking.domains.guests.types import Account, GuestDetails
from hotel_booking.domains.notifications import erasure as forgetting
from hotel_booking.domains.notifications import service as mail
from tests.clients.command_line import command
from tests.factories.guest_accounts import EMAIL, account_of, opened
from tests.factories.small_hotel import (
    NOW,
    make_quote,
    small_hotel,
    stay,
)

WORDS = (EMAIL, "Ana", "Example", "Roomy", "quiet", "garlic", "351 21")
LATER = NOW + timedelta(days=40)


async def booked(db: Database, email: str = EMAIL, *, first: int = 5, confirmed: bool = True) -> HeldBooking:
    quote = await make_quote(db, stay(first, 2))
    async with db.transaction() as tx:
        held = await service.hold(
            tx,
            quote_id=quote.id,
            guest=GuestDetails("Ana", "Example", email, "+351 21 000 0000", "PT"),
            now=NOW,
            guest_names=["Roomy Mate"],
            requests="a quiet room",
        )
        if confirmed:
            await service.confirm(tx, booking_id=held.booking.id, now=NOW)
    return held


async def leave(db: Database, booking_id: UUID, first: int = 5) -> None:
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=booking_id, now=NOW + timedelta(days=first), override="no room")
        await service.check_out(
            tx, booking_id=booking_id, now=NOW + timedelta(days=first + 2), override="paid in cash"
        )


async def listed(db: Database, account: Account) -> list[str]:
    async with db.transaction() as tx:
        return [one.reference for one in await bookings_of(tx, account)]


async def everything(db: Database, *tables: str) -> str:
    async with db.transaction() as tx:
        texts = [await tx.fetchval(f"SELECT string_agg(t::text, '|') FROM {table} t") for table in tables]
    return " ".join(str(text) for text in texts)


async def test_an_account_lists_its_own_bookings_alone(db: Database) -> None:
    await small_hotel(db, rooms=9)
    account = (await opened(db)).account
    by_address = await booked(db, "ANA@example.com")
    signed_in = await booked(db, "other@example.com")
    foreign = [
        await booked(db, email) for email in ("bo@example.com", "ana@example.com.de", "äna@example.com")
    ]
    lapsed = await booked(db, confirmed=False)
    async with db.transaction() as tx:
        await remember(tx, account_id=account.id, booking_id=signed_in.booking.id)
        await service.lapse(tx, booking_id=lapsed.booking.id, now=NOW + timedelta(hours=1))
    assert set(await listed(db, account)) == {by_address.booking.reference, signed_in.booking.reference}
    async with db.transaction() as tx:
        assert await may_open(tx, account, by_address.booking.id)
        assert await may_open(tx, account, signed_in.booking.id)
        assert not [one for one in foreign if await may_open(tx, account, one.booking.id)]
        # Whoever claims a booking that another account has, gets nothing.
        eve = (await opened(db, "eve@example.com")).account
        await remember(tx, account_id=eve.id, booking_id=signed_in.booking.id)
        assert not await may_open(tx, eve, signed_in.booking.id)


async def test_the_copy_holds_all_that_is_the_guests_and_no_secret(db: Database) -> None:
    await small_hotel(db, rooms=2)
    account = (await opened(db)).account
    held, foreign = await booked(db), await booked(db, "bo@example.com")
    async with db.transaction() as tx:
        await mail.queue(
            tx,
            event_key="test",
            template="before_arrival",
            language="en",
            recipient=EMAIL,
            data={"name": "Ana Example"},
            now=NOW,
        )
        text = (await erasure.export(tx, account, now=utc_now())).decode()
        hashes = await tx.fetchval("SELECT password_hash FROM guest_account")
    copy: dict[str, Any] = msgspec.json.decode(text)
    assert copy["account"]["email"] == EMAIL
    assert [one["reference"] for one in copy["bookings"]] == [held.booking.reference]
    assert copy["bookings"][0]["requests"] == "a quiet room"
    assert copy["bookings"][0]["rooms"][0]["guest_name"] == "Roomy Mate"
    assert copy["messages"]
    assert copy["sessions"]
    for secret in (hashes, held.access_token, "argon2", foreign.booking.reference, "bo@example.com"):
        assert secret not in text


async def test_nothing_is_erased_while_a_stay_is_to_come_or_money_is_open(db: Database) -> None:
    await small_hotel(db, rooms=5)
    account = (await opened(db)).account
    coming, held, late = await booked(db), await booked(db, confirmed=False), await booked(db, first=0)
    async with db.transaction() as tx:
        # The fee of a late cancellation was never paid.
        await service.cancel(tx, booking_id=late.booking.id, now=NOW)
        with pytest.raises(EmailNotTheSame):
            await erasure.erase(tx, account_id=account.id, typed_email="bo@example.com", now=NOW)
    with pytest.raises(NotToBeErasedYet) as refused:
        async with db.transaction() as tx:
            await erasure.erase(tx, account_id=account.id, typed_email=EMAIL, now=NOW)
    assert set(refused.value.extra["stays"]) == {coming.booking.reference, held.booking.reference}
    assert refused.value.extra["money"] == [late.booking.reference]
    assert await account_of(db) is not None
    assert "Roomy" in await everything(db, "reservation")


async def test_who_is_erased_is_found_nowhere_and_the_figures_stay(db: Database) -> None:
    await small_hotel(db, rooms=3)
    account = (await opened(db)).account
    past = await booked(db)
    other = await booked(db, "bo@example.com")
    await leave(db, past.booking.id)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO staff (email, name, created_at) VALUES ('staff@example.com', 'Staff', $1)", NOW
        )
        await tx.execute(
            "INSERT INTO booking_note (booking_id, staff_id, text, created_at)"
            " VALUES ($1, 1, 'no garlic', $2)",
            past.booking.id,
            NOW,
        )
        for status in ("waiting", "sent", "sending", "failed"):
            await mail.queue(
                tx,
                event_key=f"test:{status}",
                template="before_arrival",
                language="en",
                recipient="Ana@Example.com",
                data={"name": "Ana Example"},
                booking_id=past.booking.id,
                now=NOW,
            )
            await tx.execute(
                "UPDATE mail_message SET status = $2, subject = 'Ana', last_error = $3 WHERE event_key = $1",
                f"test:{status}",
                status,
                f"550 <{EMAIL}> is unknown",
            )
        await tx.execute(
            "INSERT INTO mail_attempt (message_id, at, outcome, reply)"
            " SELECT id, $1, 'failed', '550 <ana@example.com>' FROM mail_message"
            " WHERE event_key = 'test:sent'",
            NOW,
        )
        figures = await tx.fetch("SELECT total, net, tax, arrival, departure, night_prices FROM reservation")
        assert await erasure.erase(tx, account_id=account.id, typed_email=" ANA@example.com", now=LATER) == 1
    async with db.transaction() as tx:
        after = await tx.fetch("SELECT total, net, tax, arrival, departure, night_prices FROM reservation")
        assert sorted(map(str, after)) == sorted(map(str, figures))
        assert (await find_bookings(tx, BookingFilter(text="Example"))).items[0].email == "bo@example.com"
        assert (await find_bookings(tx, BookingFilter(text=EMAIL))).items == []
        assert (await find_bookings(tx, BookingFilter(text="Erased"))).items[0].id == past.booking.id
        # The other guest is as before.
        assert (
            await tx.fetchval(
                "SELECT g.email FROM guest g JOIN booking b ON b.guest_id = g.id WHERE b.id = $1",
                other.booking.id,
            )
            == "bo@example.com"
        )
        await tx.execute("DELETE FROM booking_words WHERE booking_id = $1", other.booking.id)
        tables = await tx.fetch(
            "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname = 'public'"
        )
        farewell = await tx.fetchrow("SELECT * FROM mail_message WHERE template = 'guest_erased'")
        assert farewell is not None
        assert farewell["recipient"] == EMAIL
        await tx.execute("UPDATE mail_message SET status = 'sent' WHERE template = 'guest_erased'")
        await forgetting.forget_farewells(tx, now=LATER)
        # What is left of the other guest would be found too: away with it.
        await tx.execute(
            "UPDATE guest SET given_name = '', family_name = '', phone = NULL WHERE email = 'bo@example.com'"
        )
        await tx.execute("UPDATE reservation SET guest_name = NULL")
        await tx.execute("UPDATE booking SET requests = NULL")
    kept = await everything(db, *(row["name"] for row in tables))
    for word in WORDS:
        assert word not in kept, word
    assert "ana@" not in kept.lower()
    assert await account_of(db) is None
    async with db.transaction() as tx:
        for table in (
            "guest_session",
            "guest_passkey",
            "guest_token",
            "guest_account_booking",
            "booking_note",
        ):
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_the_address_is_free_again(db: Database) -> None:
    account = (await opened(db)).account
    async with db.transaction() as tx:
        await erasure.erase(tx, account_id=account.id, typed_email=EMAIL, now=utc_now())
    again = (await opened(db)).account
    assert again.id != account.id


async def test_who_has_no_account_is_erased_by_their_address_at_the_command_line(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await small_hotel(db, rooms=3)
    past = await booked(db)
    await booked(db, "bo@example.com")
    environ = {"DATABASE_URL": database_url, "HOTEL_OPS_DIR": str(tmp_path), "HOTEL_SPOOL_DIR": str(tmp_path)}

    async def erased(email: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            lambda: command("guest", "erase", "--email", email, seconds=60, **environ)
        )

    early = await erased(EMAIL)
    assert early.returncode == 1
    assert f"  stays: {past.booking.reference}" in early.stderr
    assert "Roomy" in await everything(db, "reservation")
    await leave(db, past.booking.id)
    began = utc_now()
    done = await erased(" ANA@example.com")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "1 booking: it is not known any more who that was.",
    ), done.stderr
    async with db.transaction() as tx:
        names = await tx.fetch("SELECT given_name, email FROM guest ORDER BY email")
        assert [row["given_name"] for row in names if row["email"] == "bo@example.com"] == ["Ana"]
        # A restore to before it brings them back: whoever reads the database before is told so.
        again = await recovery.lost_bookings(tx, until=began)
    assert [(each.kind, each.reference, each.guest) for each in again if each.kind == "erased guest"] == [
        ("erased guest", past.booking.reference, None)
    ]
    kept = await everything(db, "guest", "mail_message", "audit_entry", "booking_words")
    assert EMAIL not in kept
    for nobody in ("ana@example.com", "nobody@example.com"):
        gone = await erased(nobody)
        assert (gone.returncode, "nobody has an account with this address" in gone.stderr) == (2, True)


async def test_an_account_is_erased_at_the_command_line_too(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await opened(db)
    environ = {"DATABASE_URL": database_url, "HOTEL_OPS_DIR": str(tmp_path), "HOTEL_SPOOL_DIR": str(tmp_path)}
    done = await asyncio.to_thread(lambda: command("guest", "erase", "--email", EMAIL, seconds=60, **environ))
    assert done.stdout.startswith("An account and 0 bookings: it is not known any more who that was."), (
        done.stderr
    )
    assert await account_of(db) is None
