"""The audit log in the panel: searched, read, and only by those who may."""

from __future__ import annotations

import re
from datetime import timedelta

from hotel_booking.core.db import Database, Origin
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import FIRST, NIGHTS, NOW, small_hotel
from tests.integration.panel.test_catalogue import said
from tests.integration.panel.test_desk import act, noon, sold


async def test_entries_are_found_and_shown_as_text(db: Database, database_url: str) -> None:
    await small_hotel(db)
    who = Origin("staff", id="77", name="<b>Sample</b>", address="203.0.113.9", request_id="req-12345678")
    async with db.acting(who).transaction() as tx:
        await tx.execute("UPDATE property SET name = '<script>alert(1)</script>'")
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.OWNER, None)) as client:
            for query in (
                "",
                "?actor=staff&actor_id=77",
                "?kind=property",
                "?request_id=req-12345678",
                "?since=2020-01-01&until=2099-01-01",
            ):
                text = (await client.get(f"/admin/audit{query}")).text
                assert "&lt;script&gt;alert(1)" in text, query
                assert "<script>alert(1)" not in text
            for query in (
                "?actor=job",
                "?kind=tax&object_id=0",
                "?until=2020-01-01",
                "?actor_id=%01x&kind=x",
            ):
                answer = await client.get(f"/admin/audit{query}")
                assert answer.status_code == 200
                assert "&lt;script&gt;alert(1)" not in answer.text, query
            assert (await client.get("/admin/audit?cursor=nonsense")).status_code == 400
            # Who looks for a day that is none is not shown all days.
            for query in ("since=soon", "since=2030-01-02&until=2030-01-01", f"object_id={'x' * 300}"):
                refused = await client.get(f"/admin/audit?{query}")
                assert refused.status_code == 422, query
                assert 'class="error"' in refused.text
                assert "&lt;script&gt;alert(1)" not in refused.text, query
        async with signed_in(app, db, (Role.FRONT_DESK, None)) as client:
            assert (await client.get("/admin/audit")).status_code == 403


async def test_pages_hold_every_entry_once(db: Database, database_url: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "SELECT audit_write('x', 'x', n::text, NULL, NULL, NULL, NULL) FROM generate_series(1, 120) n"
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        path, seen = "/admin/audit?kind=x", 0
        while path:
            text = (await client.get(path)).text
            seen += text.count("203.0.113") + text.count('data-label="IP address"')
            following = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
            path = following.replace("&amp;", "&") if 'rel="next"' in text else ""
    assert seen == 120


async def test_what_concerns_other_houses_is_not_shown(chain: Database, chain_url: str) -> None:
    async with chain.transaction() as tx:
        rows = await tx.fetch("SELECT slug FROM property ORDER BY id LIMIT 2")
        await tx.execute("UPDATE property SET phone = slug || '-called'")
    own, foreign = rows[0]["slug"], rows[1]["slug"]
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.MANAGER, own)) as client,
    ):
        text = (await client.get("/admin/audit")).text
        assert f"{own}-called" in text
        assert f"{foreign}-called" not in text


async def test_amounts_rooms_and_times_are_shown_as_the_hotel_knows_them(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    booking = await sold(db, 5, 2, "DBL")
    await act(db, service.check_in, booking_id=booking.id, now=noon(5), rooms={1: "DBL-1"})
    async with db.transaction() as tx:
        await tx.execute("UPDATE booking SET total = 12345 WHERE id = $1", booking.id)
        await tx.execute("UPDATE booking SET confirmed_at = '2030-07-01T12:00:00Z' WHERE id = $1", booking.id)
        await tx.execute("UPDATE room_type SET extra_adult = 2500, child_amounts = '{0,1550}'")
        room = await tx.fetchval("SELECT id FROM room WHERE number = 'DBL-1'")
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        history = (await client.get(f"/admin/bookings/{booking.reference}")).text.partition('id="story"')[2]
        log = (await client.get("/admin/audit")).text
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_night SET price = 7777")
        rates = (await client.get("/admin/audit?kind=rates")).text
    assert "€77.77" in rates
    first, last = f"{FIRST.day} {FIRST:%b %Y}", FIRST + timedelta(days=NIGHTS - 1)
    assert f">{first}<" in rates
    assert f">{last.day} {last:%b %Y}<" in rates
    assert not re.search(r">\d{4}-\d\d-\d\d<", rates)
    assert "7777" not in rates
    for shown in (history, log):
        assert "€123.45" in shown
        assert "12345" not in shown
        assert ">1 Jul 2030, 13:00 (Lisbon time)<" in shown
        assert re.search(r"room</span>\s*DBL-1", shown)
        assert not re.search(rf"room</span>\s*{room}\b", shown)
        assert re.search(r"\d to \d+ \w+ 2030", shown)
    assert "€25.00" in log
    assert "€15.50" in log


async def test_values_of_taxes_and_plans_are_said_as_what_they_count(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        at = await tx.fetchval("SELECT id FROM property")
        tax = await tx.fetchval(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " VALUES ($1, 'VAT2', 'VAT', 'percent', 60000, 19, true) RETURNING id",
            at,
        )
        for statement in (
            "UPDATE tax SET value = 105000 WHERE id = $1",  # says no kind
            "UPDATE tax SET kind = 'fixed', value = 250 WHERE id = $1",
            "UPDATE tax SET value = 1250 WHERE id = $1",
            "DELETE FROM tax WHERE id = $1",
        ):
            await tx.execute(statement, tax)
        flex = await tx.fetchval("SELECT id FROM rate_plan WHERE parent_id IS NULL ORDER BY id LIMIT 1")
        for statement in (
            "UPDATE rate_plan SET deposit_kind = 'percent', deposit_value = 300000 WHERE id = $1",
            "UPDATE rate_plan SET deposit_value = 77500 WHERE id = $1",
            "UPDATE rate_plan SET deposit_kind = 'nights', deposit_value = 2 WHERE id = $1",
            "UPDATE rate_plan SET deposit_kind = 'full', deposit_value = 0 WHERE id = $1",
        ):
            await tx.execute(statement, flex)
        derived = await tx.fetchval(
            "INSERT INTO rate_plan (property_id, code, name, policy_id, parent_id, adjust_kind, adjust_value)"
            " SELECT property_id, 'LESS', 'Less', policy_id, id, 'percent', -123000 FROM rate_plan"
            "  WHERE id = $1 RETURNING id",
            flex,
        )
        await tx.execute("UPDATE room_type SET amenities = '{3, 7}'")
        await tx.execute("UPDATE rate_plan SET adjust_value = -145000 WHERE id = $1", derived)
        await tx.execute(
            "UPDATE rate_plan SET adjust_kind = 'amount', adjust_value = -1700 WHERE id = $1", derived
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        texts = {
            kind: said((await client.get(f"/admin/audit?kind={kind}")).text)
            for kind in ("tax", "rate_plan", "room_type")
        }
    # What they are about is called by its name; as it was called, where it is gone.
    assert f"Rate plan changed Less ({derived}), Sea View" in texts["rate_plan"]
    assert f"Tax removed VAT ({tax}), Sea View" in texts["tax"]
    assert "how it is charged for each night" in texts["tax"]
    assert "meal Room only" in texts["rate_plan"]
    assert "Alarm clock, Balcony/Lanai/Terrace" in texts["room_type"]
    for kind, changes in {
        "tax": ("value 6%", "value 6% 10.5%", "value 10.5% €2.50", "value €2.50 €12.50", "value €12.50"),
        "rate_plan": (
            "deposit — 30%",
            "deposit 30% 7.75%",
            "deposit 7.75% 2 nights",
            "deposit 2 nights —",
            "difference -12.3% -14.5%",
            "difference -14.5% -€17.00",
        ),
    }.items():
        plainly = re.sub(r"\s+became\s+", " ", texts[kind])
        for change in changes:
            assert change in plainly, (change, plainly)
        assert not re.search(r"\b(60000|105000|1250|300000|77500|123000|145000|1700)\b", texts[kind])


async def test_rooms_bookings_and_payments_are_said_by_what_staff_call_them(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2, room_types=("DBL", "TWN"))
    several, one = await sold(db, 5, 2, "DBL", "TWN"), await sold(db, 9, 2, "TWN")
    for booking, rooms in ((several, {1: "DBL-1", 2: "TWN-1"}), (one, {1: "TWN-1"})):
        await act(db, service.give_rooms, booking_id=booking.id, now=NOW, rooms=rooms)
    for booking, rooms in ((several, {2: "TWN-2"}), (one, {1: "TWN-2"})):
        await act(db, service.give_rooms, booking_id=booking.id, now=NOW, rooms=rooms)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_type SET name = CASE code WHEN 'DBL' THEN 'Double' ELSE 'Twin' END")
        payment = await tx.fetchval(
            "INSERT INTO payment (id, booking_id, gateway, amount, currency, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), id, 'sandbox', 4200, currency, 'captured', now(), now()"
            "   FROM booking WHERE id = $1 RETURNING id",
            one.id,
        )
        await tx.execute(
            "INSERT INTO refund (id, payment_id, amount, reason, status, created_at)"
            " VALUES (gen_random_uuid(), $1, 1700, 'x', 'due', now())",
            payment,
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        pages = [
            (await client.get(f"/admin/bookings/{booking.reference}")).text for booking in (several, one)
        ]
        log = (await client.get("/admin/audit?kind=room_use")).text
        refunds = (await client.get("/admin/audit?kind=refund")).text
        opened = await client.get(f"/admin/bookings/{one.reference}")
    histories = [said(text.partition('id="story"')[2]) for text in pages]
    assert "room of the booking room 1, Double" in histories[0]
    assert "room of the booking room 2, Twin" in histories[0]
    assert "Room use of room 2 changed" in histories[0]
    assert "Room use of room 1 made" in histories[0]
    assert "Room use changed" in histories[1]
    assert "room of the booking Twin" in histories[1]
    for reservation in (*several.reservations, *one.reservations):
        assert not any(str(reservation.id) in text for text in histories)
        assert f"room of the booking {reservation.id}" not in said(log)
    for booking in (several, one):
        assert f'href="/admin/bookings/{booking.reference}">Booking {booking.reference}</a>' in log
    assert opened.status_code == 200
    assert "payment €42.00" in said(refunds)
    assert str(payment) not in refunds
