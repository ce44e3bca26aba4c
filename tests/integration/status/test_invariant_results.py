"""What checks of the invariants found is kept with its time: sound, damaged, checked again."""

from __future__ import annotations

from datetime import timedelta

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import invariant_results
from hotel_booking.domains.bookings.invariants import CHECKS, PRICES
from tests.factories.small_hotel import NOW, small_hotel


async def test_the_last_result_of_each_check_counts(db: Database) -> None:
    await small_hotel(db, rooms=1)
    async with db.reading() as tx:
        assert await invariant_results.latest(tx) is None
    await invariant_results.run(db, prices=True, now=NOW)
    async with db.transaction() as tx:
        await tx.execute("ALTER TABLE room_night DROP CONSTRAINT no_night_is_oversold")
        await tx.execute("UPDATE room_night SET physical = 0, taken = 1 WHERE night = '2030-03-11'")
    later = NOW + timedelta(hours=1)
    await invariant_results.run(db, prices=False, now=later)
    async with db.reading() as tx:
        found = await invariant_results.latest(tx)
    assert found is not None
    assert found.finished_at == later
    assert found.oversold_nights == 1
    # Prices were not recomputed this time: their last result stands, and makes the others no older.
    assert set(found.differences) == {item.name for item in CHECKS} | {PRICES}
    assert found.differences[PRICES] == 0
    async with db.transaction() as tx:
        example = await tx.fetchval(
            "SELECT example FROM invariant_result WHERE name = 'nothing_oversold' AND checked_at = $1", later
        )
        assert "2030-03-11" in example
        assert await invariant_results.purge(tx, before=later, limit=1000) == len(CHECKS) + 1
        again = await invariant_results.latest(tx)
    assert again is not None
    assert PRICES not in again.differences
