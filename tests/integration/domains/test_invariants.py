"""`invariants check` finds what a dropped constraint, a bad restore or a bug would leave."""

from __future__ import annotations

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.invariants import CHECKS, PRICES
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
)

pytestmark = pytest.mark.postgresql

DROP_GUARDS = """
ALTER TABLE room_night DROP CONSTRAINT no_night_is_oversold;
ALTER TABLE reservation DROP CONSTRAINT a_live_reservation_has_its_nights,
                        DROP CONSTRAINT a_dead_reservation_has_none;
ALTER TABLE room_use DROP CONSTRAINT one_stay_per_room_and_night;
DROP TRIGGER append_only ON ledger_entry;
DROP TRIGGER append_only ON ledger_charge;
ALTER TABLE refund DROP CONSTRAINT refund_amount_check;
"""
DAMAGE = {
    "nights_taken": "UPDATE room_night SET taken = taken + 1 WHERE night = '2030-03-11'",
    "nothing_oversold": "UPDATE room_night SET physical = 0 WHERE night = '2030-03-11'",
    "rooms_blocked": "UPDATE room_night SET blocked = 1 WHERE night = '2030-04-01'",
    "one_stay_per_room": "INSERT INTO room_use (room_id, stay, reason)"
    " SELECT id, daterange('2030-04-10', '2030-04-12'), 'twice' FROM room, generate_series(1, 2) LIMIT 2",
    "nights_of_state": "UPDATE reservation SET taken = NULL",
    "state_of_booking": "UPDATE booking SET status = 'checked_in'",
    "ledger_of_payments": "DELETE FROM ledger_entry",
    "ledger_of_bookings": "UPDATE ledger_charge SET amount = amount + 1",
    "listed_money": "UPDATE booking_entry SET paid = paid - 1",
    "reversals_are_whole": "INSERT INTO ledger_charge"
    " (booking_id, kind, amount, currency, reverses, created_at)"
    " SELECT booking_id, 'reversal', 1 - amount, currency, id, now() FROM ledger_charge",
    "refunds_within_payments": "INSERT INTO refund (id, payment_id, amount, reason, status, created_at)"
    " SELECT gen_random_uuid(), id, amount + 1, 'x', 'due', now() FROM payment",
    "money_within_what_is_owed": "UPDATE booking SET status = 'expired';"
    " UPDATE reservation SET status = 'expired', taken = NULL; UPDATE room_night SET taken = 0",
    PRICES: "UPDATE reservation SET net = net - 1, total = total - 1; UPDATE booking SET total = total - 1",
}


async def a_paid_booking(db: Database) -> None:
    await small_hotel(db, rooms=1)
    quote = await make_quote(db, stay(10, 2), plan="NRF")
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    await service.pay(db, SandboxGateway(), booking_id=held.booking.id, token="tok_success", now=NOW)


async def test_a_sound_house_has_no_difference(db: Database) -> None:
    await a_paid_booking(db)
    assert await differences(db) == []


async def test_the_last_guests_who_leave_end_the_booking(db: Database) -> None:
    await a_paid_booking(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE booking SET status = 'checked_in'")
        await tx.execute("UPDATE reservation SET status = 'checked_out'")
    assert "state_of_booking" in {difference.invariant for difference in await differences(db)}


def test_every_invariant_is_tried_below() -> None:
    assert set(DAMAGE) == {item.name for item in CHECKS} | {PRICES}


@pytest.mark.parametrize("name", DAMAGE)
async def test_damage_is_found_and_named(db: Database, name: str) -> None:
    await a_paid_booking(db)
    async with db.transaction() as tx:
        for statement in (DROP_GUARDS + DAMAGE[name]).split(";"):
            if statement.strip():
                await tx.execute(statement)
    found = await differences(db)
    assert name in {difference.invariant for difference in found}, found
    assert all(difference.expected != difference.found for difference in found)
