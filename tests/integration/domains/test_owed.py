"""What is still owed is said in one place, and what lists find bookings by says the same."""

from __future__ import annotations

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.due import balance
from hotel_booking.domains.bookings.queries import booking_by_id


async def test_the_listing_owes_what_the_booking_owes(chain: Database) -> None:
    """Of every state that a hotel's bookings are in; a hold owes nothing yet."""
    async with chain.transaction() as tx:
        listed = await tx.fetch(
            "SELECT booking_id, status, owed FROM (SELECT *, row_number() OVER (PARTITION BY status, owed > 0"
            " ORDER BY booking_id) AS place FROM booking_entry) AS e WHERE place <= 30"
        )
        said = {row["booking_id"]: balance(await booking_by_id(tx, row["booking_id"])) for row in listed}
    states = {row["status"] for row in listed}
    assert {"confirmed", "checked_in", "checked_out", "cancelled"} <= states
    assert {row["booking_id"]: row["owed"] for row in listed if row["status"] != "held"} == {
        row["booking_id"]: said[row["booking_id"]] for row in listed if row["status"] != "held"
    }
    assert any(row["owed"] for row in listed)
