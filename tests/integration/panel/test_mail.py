"""Mail in the panel: found, read, sent again, by those who may; and the demo's mail, in the demo alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service as bookings
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.notifications import service
from hotel_booking.domains.notifications.samples import SAMPLES
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
)


async def a_message(db: Database, status: str = "failed") -> tuple[UUID, str]:
    """A message about a booking of the small hotel, in a state; and the booking's reference."""
    await small_hotel(db)
    quote = await make_quote(db, stay(5, 2))
    async with db.transaction() as tx:
        held = await bookings.hold(tx, quote_id=quote.id, guest=GUEST, source="desk", now=NOW)
        message_id: UUID = await tx.fetchval("UPDATE mail_message SET status = $1 RETURNING id", status)
    return message_id, held.booking.reference


async def slug_of(db: Database) -> str:
    async with db.transaction() as tx:
        return str(await tx.fetchval("SELECT slug FROM property"))


@asynccontextmanager
async def front_desk(db: Database, database_url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the hotel's front desk."""
    async with (
        running(settings_for(database_url, **settings)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, await slug_of(db))) as client,
    ):
        yield client


async def test_a_message_is_found_by_recipient_reference_and_state(db: Database, database_url: str) -> None:
    message_id, reference = await a_message(db)
    async with front_desk(db, database_url) as client:
        for query in ("", f"?q={GUEST.email.upper()}", f"?q={reference.lower()}", "?status=trouble"):
            assert str(message_id) in (await client.get(f"/admin/mail{query}")).text, query
        for query in ("?q=nobody@example.com", "?q=XXXX", "?status=sent", "?q=%27"):
            answer = await client.get(f"/admin/mail{query}")
            assert answer.status_code == 200
            assert str(message_id) not in answer.text, query
        long = await client.get(f"/admin/mail?q={'x' * 300}")
        assert (long.status_code, "Is longer than 254 characters" in long.text) == (422, True)


async def test_what_failed_is_sent_again_and_what_was_sent_is_not(db: Database, database_url: str) -> None:
    message_id, _ = await a_message(db)
    async with front_desk(db, database_url) as client:
        answer = await client.post(f"/admin/mail/{message_id}/send-again")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/mail/{message_id}")
        assert (await client.post(f"/admin/mail/{message_id}/send-again")).status_code == 409
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT status FROM mail_message") == "waiting"
        noted = await tx.fetch(
            "SELECT actor_name, before, booking_id FROM audit_entry WHERE object_kind = 'mail'"
        )
    assert [(row["actor_name"], row["before"]) for row in noted] == [("Ada Member", {"status": "failed"})]
    assert noted[0]["booking_id"] is not None


async def test_a_message_shows_no_link_that_opens_something(db: Database, database_url: str) -> None:
    message_id, reference = await a_message(db)
    async with db.transaction() as tx:
        await service.queue(
            tx,
            event_key="reset",
            template="password_reset",
            language="en",
            recipient="owner@example.com",
            data=SAMPLES["password_reset"],
            now=utc_now() + timedelta(days=1),
        )
        reset = await tx.fetchval("SELECT id FROM mail_message WHERE event_key = 'reset'")
    async with running(settings_for(database_url, secret_key="k" * 40, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.OWNER, None)) as client:
            for path in (f"/admin/mail/{reset}", f"/admin/mail/{reset}/body"):
                answer = await client.get(path)
                assert answer.status_code == 200
                assert SAMPLES["password_reset"]["link"] not in answer.text
            body = await client.get(f"/admin/mail/{message_id}/body")
            assert reference in body.text
            assert "token=" not in body.text
            assert "sandbox" in body.headers["content-security-policy"]
            assert "unsafe-inline" not in body.headers["content-security-policy"]
        async with signed_in(app, db, (Role.FRONT_DESK, await slug_of(db))) as client:
            assert (await client.get(f"/admin/mail/{reset}")).status_code == 404
            assert (await client.post(f"/admin/mail/{reset}/send-again")).status_code == 404


async def test_every_template_can_be_looked_at(db: Database, database_url: str) -> None:
    async with (
        running(settings_for(database_url)) as (app, _),
        signed_in(app, db, (Role.FINANCE, None)) as client,
    ):
        for template in SAMPLES:
            for language in ("en", "ar"):
                path = f"/admin/mail/templates?template={template}&language={language}"
                assert (await client.get(path)).status_code == 200
                framed = await client.get(f"/admin/mail/templates/{template}/{language}/preview")
                assert f'lang="{language}"' in framed.text
        for query in ("template=nothing", "language=xx", "template=../../etc"):
            assert (await client.get(f"/admin/mail/templates?{query}")).status_code == 404


async def test_the_demo_shows_its_mail_and_nobody_else_does(db: Database, database_url: str) -> None:
    message_id, _ = await a_message(db)
    async with running(settings_for(database_url, environment="demo", secret_key="k" * 40)) as (_, client):
        assert str(message_id) in (await client.get("/demo/mail")).text
        assert "token=" in (await client.get(f"/demo/mail/{message_id}")).text
        async with db.transaction() as tx:
            await tx.execute("UPDATE mail_message SET template = 'of_a_newer_release'")
        assert (await client.get(f"/demo/mail/{message_id}")).status_code == 404
    for environment in ("test", "production"):
        async with running(settings_for(database_url, environment=environment)) as (_, client):
            for path in ("/demo/mail", f"/demo/mail/{message_id}"):
                assert (await client.get(path)).status_code == 404
