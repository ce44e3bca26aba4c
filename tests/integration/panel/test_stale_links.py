"""Addresses of a moment ago: what somebody has open, a colleague has just changed; and what forms are sent to
is opened by itself. All of them lead to the booking, and say why."""

from __future__ import annotations

from datetime import timedelta

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from tests.factories.paying import hotel as hotel  # a fixture
from tests.integration.panel.test_desk_payments import page_of, panel
from tests.integration.panel.test_rates_grid import shown
from tests.integration.payments.test_desk_payments import ARRIVAL, owing


async def test_what_only_takes_forms_leads_back_to_the_booking(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    here = page_of(booking)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        for sent_to in ("check-in", "desk-payments", "check-in/again"):
            opened = await client.get(f"{here}/{sent_to}")
            assert opened.status_code in (404, 405)
            assert "OPTIONS" not in opened.text
            if opened.status_code == 405:
                assert f'href="{here}">Open what it is about' in opened.text
        assert "Open what it is about" not in (await client.get("/admin/sign-out")).text


async def test_what_a_colleague_has_just_done_is_said_on_the_booking(
    hotel: Database, database_url: str
) -> None:
    booking = await owing(hotel)
    here = page_of(booking)
    stay = {"arrival": "2030-03-21", "departure": "2030-03-22", "adults-1": "2"}
    async with panel(database_url, hotel, Role.MANAGER) as client:
        async with hotel.transaction() as tx:
            await service.check_in(tx, booking_id=booking.id, now=ARRIVAL, rooms={1: "DBL-1"})
        for answer in (
            await client.get(f"{here}/cancel"),
            await client.post(f"{here}/cancel", data={"fee": "0"}),
        ):
            assert answer.status_code == 422
            assert "cannot be cancelled: undo the check-in first, or check the guests out" in shown(answer)
            assert f"{here}/check-out" in answer.text
        async with hotel.transaction() as tx:
            await service.undo_check_in(tx, booking_id=booking.id, now=ARRIVAL + timedelta(hours=1))
            await service.cancel(tx, booking_id=booking.id, now=ARRIVAL - timedelta(days=9))
        for answer in (
            await client.get(f"{here}/cancel"),
            await client.post(f"{here}/cancel", data={"fee": "0"}),
            await client.get(f"{here}/amend"),
            await client.post(f"{here}/amend", data=stay),
        ):
            assert answer.status_code == 422
            assert "The booking is " in shown(answer)
            assert "sk the hotel" not in shown(answer)
            assert 'name="departure"' not in answer.text
            assert f'{here}/payments"' in answer.text
        for link in ("check-out", "departure"):
            moved = await client.get(f"{here}/{link}")
            there = await client.get(moved.headers["location"])
            assert "Its guests are not in the house." in there.text
