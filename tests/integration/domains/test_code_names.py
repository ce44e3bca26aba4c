"""Nobody is shown a code: neither staff in the panel nor guests on the site, in whatever state things are."""

from __future__ import annotations

import html
import re
from typing import get_args
from uuid import UUID

import httpx

from hotel_booking.core.code_names import NAMES
from hotel_booking.core.db import Database
from hotel_booking.domains.notifications import types as mail
from hotel_booking.domains.payments.service import attempts
from tests.factories.paying import held
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.panel.test_payments import page_of, panel, sold
from tests.integration.site.test_checkout import held as held_on_site
from tests.integration.site.test_checkout import site

UNSEEN = re.compile(r"<(script|style|code|samp|pre|template|head)\b.*?</\1>|<[^>]*>", re.DOTALL)
# A gateway's own references are no codes: they are looked up there as they stand.
CODE = re.compile(r"\b(?!(?:dp|pi|re|pm|cus|seti|sandbox|transfer)_)[^\W_]+_\w+")
LANGUAGES = ("en", "de", "fr", "es", "ar")


def codes_in(answer: httpx.Response) -> list[str]:
    """The codes that a page shows to who reads it."""
    assert answer.status_code == 200, f"{answer.request.url}: {answer.status_code}"
    return CODE.findall(html.unescape(UNSEEN.sub(" ", answer.text)))


async def in_every_state(db: Database, reference: str) -> UUID:
    """The booking's refunds, messages, log and jobs, in every state that there is. Returns a payment's id."""
    async with db.transaction() as tx:
        booking_id = await tx.fetchval("SELECT id FROM booking WHERE reference = $1", reference)
        payment_id: UUID = await tx.fetchval(
            "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, decline_code, purpose,"
            "  capture_at, created_at, updated_at)"
            " VALUES (gen_random_uuid(), $1, 500, 'EUR', 'bank_transfer', 'declined', 'insufficient_funds',"
            "  'balance', now(), now(), now() - interval '2 hours') RETURNING id",
            booking_id,
        )
        for status in ("due", "done", "failed"):
            await tx.execute(
                "INSERT INTO refund (id, payment_id, amount, reason, status, created_at, problem)"
                " VALUES (gen_random_uuid(), $1, 1, 'noise', $2, now() - interval '2 hours',"
                "         CASE $2 WHEN 'failed' THEN 'lost_or_stolen_card' END)",
                payment_id,
                status,
            )
        await tx.execute(
            "INSERT INTO dispute (gateway, reference, payment_id, amount, currency, status, reason,"
            "  respond_by, opened_at, updated_at)"
            " VALUES ('stripe', 'dp_1', $1, 500, 'EUR', 'warning_needs_response', 'product_not_received',"
            "         '2030-03-08', now(), now())",
            payment_id,
        )
        await tx.execute(
            "UPDATE booking SET source = 'walk_in';"
            "UPDATE guest SET country = 'PT';"
            'UPDATE room_type SET beds = \'[{"type": "sofa_bed", "count": 2}]\''
        )
        for status in get_args(mail.Status):
            await tx.execute(
                "INSERT INTO mail_message (id, property_id, booking_id, template, language, recipient, data,"
                "                          status, created_at, touched_at, event_key)"
                " SELECT gen_random_uuid(), property_id, booking_id, 'booking_held', language, recipient,"
                "        data, $1, now(), now(), $1 FROM mail_message LIMIT 1",
                status,
            )
        await tx.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
            " VALUES ('payments', 'payments:sweep_refunds', '{\"refund_id\": \"x\"}', 'failed'),"
            "        ('bookings', 'bookings:collect_one', '{}', 'todo')"
        )
        await tx.execute(
            "SELECT audit_write('update', 'booking', $1, NULL, $1::text::uuid, '{\"status\": \"confirmed\"}',"
            '                   \'{"status": "checked_in", "hold_expires_at": null}\')',
            str(booking_id),
        )
    return payment_id


async def test_the_panel_shows_no_code(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways, "RES")
        waiting = await held(hotel, "PRE")
        await client.post(f"{page_of(waiting)}/transfer")
        payment_id = await in_every_state(hotel, booking.reference)
        messages = re.findall(r'href="(/admin/mail/[0-9a-f-]{36})"', (await client.get("/admin/mail")).text)
        assert messages
        for where in (
            f"/admin/bookings/{booking.reference}",
            page_of(booking),
            page_of(waiting),
            "/admin/payments",
            "/admin/audit",
            "/admin/mail",
            "/admin/mail/templates",
            *messages,
            "/admin/jobs",
            "/admin/bookings",
            "/admin/today",
            "/admin/staff",
            "/admin/account",
            "/admin/properties",
            f"/admin/properties/{SLUG}/room-types",
        ):
            assert codes_in(await client.get(where)) == [], where
        for status in get_args(attempts.Status):
            async with hotel.transaction() as tx:
                await tx.execute("UPDATE payment SET status = $1 WHERE id = $2", status, payment_id)
            for where in (f"/admin/bookings/{booking.reference}", page_of(booking), "/admin/payments"):
                assert codes_in(await client.get(where)) == [], (where, status)
        told = (await client.get(page_of(booking))).text
        for words in (
            "insufficient funds",
            "bank transfer",
            "Failed",
            "Refunded",
            "Not received; inquiry, response needed",
            "the card was reported lost or stolen",
        ):
            assert words in told, words
        assert "2 sofa bed" in (await client.get(f"/admin/properties/{SLUG}/room-types")).text
        shown = (await client.get(f"/admin/bookings/{booking.reference}")).text
        assert "Booking: in house" in shown
        assert "walk-in" in shown
        assert "<dt>Country</dt><dd>Portugal</dd>" in shown


async def test_a_guest_reads_no_code_in_any_language(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    for language in LANGUAGES:
        async with site(database_url) as (_, client):
            pay = await held_on_site(client, "FLEX", language)
            where = pay.removesuffix("/pay")
            assert codes_in(await client.get(pay)) == []
            await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
            assert codes_in(await client.get(where)) == []
            for status in ("checked_in", "checked_out", "no_show"):
                async with db.transaction() as tx:
                    await tx.execute("UPDATE reservation SET status = $1", status)
                    await tx.execute("UPDATE booking SET status = $1", status)
                page = await client.get(where)
                assert codes_in(page) == [], (language, status)
                assert f'lang="{language}"' in page.text


async def test_every_column_of_the_log_has_a_name(db: Database) -> None:
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT DISTINCT a.attname FROM pg_trigger t JOIN pg_attribute a ON a.attrelid = t.tgrelid"
            " WHERE t.tgname LIKE 'audit%' AND NOT t.tgisinternal AND a.attnum > 0 AND NOT a.attisdropped"
        )
    assert len(rows) > 150
    assert {row["attname"] for row in rows} - NAMES["column"].keys() == set()
