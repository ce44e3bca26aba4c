"""What guests write stands under Today until somebody has answered it; and who is in the house and stays."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import notes, service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.reporting.queries import staying, today, waiting_messages
from hotel_booking.domains.reporting.types import PropertyToday, WaitingMessage
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.http.test_access import contents
from tests.integration.panel.test_desk import act, noon, sold
from tests.integration.panel.test_in_house import day, inside


async def write(db: Database, booking: Booking, text: str, number: int = 0) -> None:
    async with db.transaction() as tx:
        now = utc_now() - timedelta(hours=9 - number)
        await notes.write_to_hotel(tx, booking, text=text, now=now)


async def here(db: Database) -> tuple[PropertyToday, list[WaitingMessage]]:
    async with db.transaction() as tx:
        (found,) = (await today(tx, property_ids=None, now=noon(6))).properties
        return found, await waiting_messages(tx, found, limit=50)


async def test_messages_wait_on_today_until_they_are_answered(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    first, second = await sold(db, 5, 2), await sold(db, 8, 2)
    await write(db, first, "May we come <b>late</b>?", 0)
    await write(db, second, "Is there a cot?", 1)
    await write(db, first, "At eleven", 2)
    found, waiting = await here(db)
    assert found.messages == 3
    assert [(one.reference, one.number, one.text) for one in waiting] == [
        (first.reference, 2, "At eleven"),
        (second.reference, 1, "Is there a cot?"),
    ]
    path = f"/admin/bookings/{first.reference}"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as desk,
        signed_in(app, db, (Role.HOUSEKEEPING, SLUG)) as keeper,
        signed_in(app, db, (Role.READ_ONLY, SLUG)) as reader,
    ):
        page = (await desk.get("/admin/today")).text
        assert f'href="{path}#notes"' in page
        assert "the newest of 2" in page
        seen = (await keeper.get("/admin/today")).text
        assert "At eleven" not in seen, "who sees no bookings reads no messages"
        assert "Mark as answered" not in (await reader.get(path)).text
        before = await contents(db)
        assert (await reader.post(f"{path}/answered", data={"until": "1"})).status_code == 403
        for wrong in ("", "soon", "-1", "9" * 25):
            assert (await desk.post(f"{path}/answered", data={"until": wrong})).status_code == 422
        shown = (await desk.get(path)).text
        assert shown.count("Not answered") == 2
        assert "May we come &lt;b&gt;late&lt;/b&gt;?" in shown
        assert await contents(db) == before
        until = until_of(shown)
        await write(db, first, "Or at midnight", 3)
        done = await desk.post(f"{path}/answered", data={"until": until})
        assert done.status_code == 303
        after = (await desk.get(path)).text
        # What came in between has not been read, so it waits.
        assert after.count("Not answered") == 1
        assert after.count("The guest’s message has been answered") == 2
        assert "Ada Member" in after
        await answer(desk, path, after)
        await answer(desk, f"/admin/bookings/{second.reference}")
        assert 'id="messages"' not in (await desk.get("/admin/today")).text
    assert (await here(db))[0].messages == 0
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM booking_note WHERE booking_id = $1", first.id)  # as erasure does
        assert await tx.fetchval("SELECT count(*) FROM guest_message") == 1


def until_of(page: str) -> str:
    found = re.search(r'name="until" value="(\d+)"', page)
    assert found is not None
    return found[1]


async def answer(client: httpx.AsyncClient, path: str, page: str | None = None) -> None:
    """As the button on the booking's page does."""
    text = page or (await client.get(path)).text
    done = await client.post(f"{path}/answered", data={"until": until_of(text)})
    assert done.status_code == 303


async def test_who_is_in_the_house_and_stays_is_listed(db: Database) -> None:
    await small_hotel(db, rooms=3)
    long, leaving = await inside(db, 5, 3), await inside(db, 4, 2, "DBL-2")
    await inside(db, 6, 1, "DBL-3")
    found, _ = await here(db)
    async with db.transaction() as tx:
        both = await staying(tx, found, limit=50)
        assert len(await staying(tx, found, limit=1)) == 1
    assert {(one.room, one.departure) for one in both} == {("DBL-1", day(8)), ("DBL-3", day(7))}
    await act(db, service.check_out, booking_id=long.id, now=noon(6), override="Paid in cash")
    async with db.transaction() as tx:
        assert [one.room for one in await staying(tx, found, limit=50)] == ["DBL-3"]
    assert leaving.reference not in {one.reference for one in both}
