"""The platform closed to guests while it is maintained: `hotel-booking ops maintenance on|off`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import REGISTRY

from hotel_booking.cli import ops_maintenance
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.pulse import Pulse
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import StayNotSold
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.incidents import closure, maintenance
from hotel_booking.domains.incidents.errors import InvalidWindow
from hotel_booking.http import access_log
from hotel_booking.http.closure import look_whether_closed
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.clients.waiting import until
from tests.factories.paying import held, one, paying_hotel
from tests.factories.small_hotel import GUEST, NOW, make_quote, small_hotel, status_of, stay, taken

MINUTE = timedelta(minutes=1)


async def end_of(db: Database, booking_id: UUID) -> datetime:
    found: datetime = await one(db, "SELECT hold_expires_at FROM booking WHERE id = $1", booking_id)
    return found


async def hold(db: Database, first: int, now: datetime) -> UUID:
    quote = await make_quote(db, stay(first, 2), now=now)
    async with db.transaction() as tx:
        return (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=now)).booking.id


async def closed(db: Database, *, minutes: int, now: datetime) -> closure.Closure:
    async with db.transaction() as tx:
        return await closure.close(tx, until=now + minutes * MINUTE, now=now)


async def test_rooms_that_are_held_stay_held_for_as_long_as_they_were(db: Database) -> None:
    ids = await small_hotel(db)
    booking = await hold(db, 20, NOW)
    was = await end_of(db, booking)
    shut = await closed(db, minutes=30, now=NOW + 5 * MINUTE)
    for _ in range(2):  # a command that was ended is called again
        async with db.transaction() as tx:
            await service.put_off(tx, closed_at=shut.closed_at)
    # Two hours later its own end is long over: nothing lets it lapse, and nobody gets its room.
    late = NOW + 120 * MINUTE
    async with db.transaction() as tx:
        await service.lapse(tx, booking_id=booking, now=late)
    assert await status_of(db, booking) == "held"
    with pytest.raises(StayNotSold):
        await hold(db, 20, late)
    by_staff = await hold(db, 30, late)  # made meanwhile: it has its own time
    before = await end_of(db, by_staff)
    async with db.transaction() as tx:
        assert await closure.reopen(tx, now=late + MINUTE) == shut
        assert await service.take_up(tx, closed_at=shut.closed_at, now=late + MINUTE) == 1
        assert await service.take_up(tx, closed_at=shut.closed_at, now=late + 2 * MINUTE) == 0
    assert await end_of(db, booking) == was + 116 * MINUTE  # five minutes of it had passed
    assert await end_of(db, by_staff) == before
    async with db.transaction() as tx:
        await service.lapse(tx, booking_id=booking, now=was + 117 * MINUTE)
    assert await status_of(db, booking) == "expired"
    assert await taken(db, ids["DBL"], stay(20, 2)) == [0, 0]


async def test_it_is_shown_as_maintenance_for_as_long_as_it_lasts(db: Database) -> None:
    now = utc_now()
    shut = await closed(db, minutes=30, now=now)
    again = await closed(db, minutes=90, now=now + MINUTE)  # it takes longer
    assert (again.id, again.closed_at, again.until) == (shut.id, shut.closed_at, now + 91 * MINUTE)
    async with db.transaction() as tx:
        shown = await maintenance.shown(tx, now=now + MINUTE, since=now)
        assert [(w.id, w.starts_at, w.ends_at, w.announced_at) for w in shown] == [
            (shut.window_id, now, now + 91 * MINUTE, now)
        ]
        with pytest.raises(InvalidWindow, match="24 hours"):
            await closure.close(tx, until=now + timedelta(days=2), now=now)
        await closure.reopen(tx, now=now + 40 * MINUTE)
        assert await maintenance.lasting(tx, now=now + 41 * MINUTE) is None
        assert await closure.reopen(tx, now=now + 41 * MINUTE) is None
        assert await closure.current(tx) is None


async def test_who_has_closed_it_by_hand_opens_it_and_the_gateway_only_what_it_closed(db: Database) -> None:
    async def run(step: Callable[[Any], Awaitable[Any]]) -> Any:
        async with db.transaction() as tx:
            return await step(tx)

    await small_hotel(db)
    booking = await hold(db, 20, utc_now())
    was = await end_of(db, booking)
    by_hand = await closed(db, minutes=30, now=utc_now())
    shut, held = await ops_maintenance.close(run, until=utc_now() + 90 * MINUTE, by_gateway=True)
    assert (shut.id, shut.by_gateway, held) == (by_hand.id, False, 1)
    assert await ops_maintenance.reopen(run, by_gateway=True) == (None, 0)
    assert (await ops_maintenance.reopen(run))[1] == 1
    # And by the gateway: holds stay, and go on when it opens.
    shut, held = await ops_maintenance.close(run, until=utc_now() + 60 * MINUTE, by_gateway=True)
    assert (shut.by_gateway, held) == (True, 1)
    assert await end_of(db, booking) > was + timedelta(days=99)
    assert await run(closure.current) == shut
    assert (await ops_maintenance.reopen(run, by_gateway=True))[1] == 1
    assert was < await end_of(db, booking) < was + MINUTE
    assert await ops_maintenance.reopen(run, by_gateway=True) == (None, 0)


async def test_within_a_window_that_lasts_no_second_one_is_shown(db: Database) -> None:
    now = utc_now()
    async with db.transaction() as tx:
        window = await maintenance.schedule(
            tx, starts_at=now, ends_at=now + 240 * MINUTE, title="Monthly", body="As ever.", now=now
        )
        shut = await closure.close(tx, until=now + 30 * MINUTE, now=now + MINUTE)
        assert shut.window_id == window
        await closure.reopen(tx, now=now + 2 * MINUTE)
        with pytest.raises(InvalidWindow, match="past"):
            await closure.close(tx, until=now, now=now + 3 * MINUTE)


async def asked(client: httpx.AsyncClient, *addresses: str) -> list[int]:
    return [(await client.get(address)).status_code for address in addresses]


def counted(status: str) -> float:
    """Requests that ended so, of all routes."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        if family.name == "hotel_booking_http_requests"
        for sample in family.samples
        if sample.labels.get("status") == status and sample.name.endswith("_total")
    )


async def test_the_command_closes_and_opens_for_guests_alone(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await paying_hotel(db)
    folder = str(tmp_path)

    async def said(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(
            lambda: command(
                "ops",
                "maintenance",
                *words,
                DATABASE_URL=database_url,
                HOTEL_OPS_DIR=folder,
                HOTEL_SPOOL_DIR=folder,
            )
        )
        return done.returncode, done.stdout + done.stderr

    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, client),
        signed_in(app, db, (Role.OWNER, None)) as desk,
    ):
        booking = (await held(db, "FLEX")).id
        before = await end_of(db, booking)
        assert await said("show") == (0, "Open.\n")
        assert (await said("on", "--dry-run"))[0] == 0
        code, text = await said("on", "--minutes", "30")
        assert (code, "1 more hold waits" in text) == (0, True), text
        await until(lambda: app.state.closed_until is not None)
        assert (await said("show"))[0] == 3
        closed_before, failed_before = counted("closed"), counted("5xx")
        for language, headline in (
            ("en", "We’ll be back soon"),
            ("de", "Wir sind bald wieder da"),
            ("fr", "Nous revenons bientôt"),
            ("es", "Volvemos enseguida"),
            ("ar", "سنعود قريبًا"),
        ):
            page = await client.get(f"/{language}/hotels/seaview")
            assert (page.status_code, headline in page.text) == (503, True)
            assert 1700 < int(page.headers["retry-after"]) <= 1800
            assert f"/status/{language}" in page.text
            assert page.headers["x-closed"] == "maintenance"  # what looks from outside does not call it down
        access_log.settle()
        assert (counted("closed") - closed_before, counted("5xx")) == (5, failed_before)
        refused = await client.post("/api/v1/quotes", json={})
        assert (refused.status_code, refused.json()["code"]) == (503, "closed_for_maintenance")
        assert await asked(client, "/", "/en", "/api/v1/places?q=lis") == [503, 503, 503]
        assert await asked(client, "/health/live", "/status/en", "/api/docs", "/admin/sign-in") == [200] * 4
        assert (await client.get("/health/ready")).json()["mode"] == "maintenance"
        assert (await client.post("/webhooks/sandbox", content=b"{}")).status_code not in (503, 500)
        assert await asked(desk, "/admin/bookings") == [200]
        assert await end_of(db, booking) > before + timedelta(days=99)
        code, text = await said("off")
        assert (code, "1 hold goes on" in text) == (0, True), text
        await until(lambda: app.state.closed_until is None)
        assert await asked(client, "/en", "/api/v1/places?q=lis") == [200, 200]
        assert before < await end_of(db, booking) < before + 5 * MINUTE
        assert await said("off") == (0, "It was open.\n")
    acts = await one(db, "SELECT count(*) FROM audit_entry WHERE object_kind = 'site_closure'")
    assert acts == 2


async def test_after_the_database_was_away_nobody_books_before_it_is_known_whether_it_is_closed(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored database is closed for sale, and web processes that lived on come back to it at once."""
    await small_hotel(db)
    monkeypatch.setattr("hotel_booking.http.closure._LOOKED_EVERY", 3600)  # the next look is far away
    room = {"room_type": "DBL", "rate_plan": "FLEX", "adults": 2, "children": []}
    asked = {"property": "seaview", "arrival": "2030-03-21", "departure": "2030-03-23", "rooms": [room]}
    async with running(settings_for(database_url)) as (app, client):
        assert (await client.post("/api/v1/quotes", json=asked)).status_code == 201
        async with Pulse.kept("postgresql://nobody@127.0.0.1:9/none") as away:
            await look_whether_closed(away, app.state)
        await closed(db, minutes=30, now=utc_now())
        refused = await client.post("/api/v1/quotes", json=asked)
        assert refused.status_code == 503
        assert (await client.get("/en")).status_code == 503, "who only reads knows it from then on"


async def test_who_interrupts_the_closing_is_told_that_it_is_closed(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    environ = {"DATABASE_URL": database_url, "HOTEL_OPS_DIR": str(tmp_path), "HOTEL_SPOOL_DIR": str(tmp_path)}
    child = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("hotel-booking"), "ops", "maintenance", "on"),
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )

    async def is_closed() -> bool:
        async with db.transaction() as tx:
            return await closure.current(tx) is not None

    await until(is_closed)
    child.send_signal(signal.SIGINT)
    _, said = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == 130
    assert b"maintenance was interrupted, and the site and the API are closed already" in said
    assert b"  hotel-booking ops maintenance off" in said
    again = await asyncio.to_thread(lambda: command("ops", "maintenance", "on", seconds=60, **environ))
    assert again.returncode == 0, again.stderr
    assert "more holds have to wait" in again.stdout
