"""What the checks of the invariants found, kept with the time: the status page shows it, and metrics."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings.invariants import CHECKS, PRICES, Difference, check

NOTHING_OVERSOLD = "nothing_oversold"


class LatestCheck(msgspec.Struct, frozen=True):
    """The last time that all invariants were checked, but for prices, which are recomputed less often:
    `differences` by each check's name, 0 too."""

    finished_at: datetime
    differences: dict[str, int]

    @property
    def oversold_nights(self) -> int:
        """Nights of a room type that more rooms are sold of than there are."""
        return self.differences.get(NOTHING_OVERSOLD, 0)


class _Result(msgspec.Struct, frozen=True):
    name: str
    checked_at: datetime
    differences: int


async def run(db: Database, *, prices: bool, now: datetime) -> LatestCheck:
    """Check everything in one snapshot and keep what was found, all together, as of `now`: when it began,
    for what happened meanwhile was not seen."""
    found: dict[str, list[Difference]] = {item.name: [] for item in CHECKS}
    if prices:
        found[PRICES] = []
    counts = dict.fromkeys(found, 0)
    async for difference in check(db, prices=prices):
        counts[difference.invariant] += 1
        if not found[difference.invariant]:
            found[difference.invariant].append(difference)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO invariant_result (name, checked_at, differences, example)"
            " SELECT r.name, $1, r.differences, r.example"
            "   FROM unnest($2::text[], $3::int[], $4::text[]) AS r(name, differences, example)"
            " ON CONFLICT DO NOTHING",
            now,
            list(found),
            [counts[name] for name in found],
            [_example(differences) for differences in found.values()],
        )
    return LatestCheck(now, counts)


async def latest(tx: Transaction) -> LatestCheck | None:
    """What was found last of each; None where nothing was ever checked."""
    rows = await tx.fetch_as(
        _Result,
        "SELECT r.name, r.checked_at, r.differences FROM unnest($1::text[]) AS n(name),"
        " LATERAL (SELECT name, checked_at, differences FROM invariant_result i WHERE i.name = n.name"
        "           ORDER BY i.checked_at DESC LIMIT 1) AS r",
        [*(item.name for item in CHECKS), PRICES],
    )
    checked = [row.checked_at for row in rows if row.name != PRICES]
    if not checked:
        return None
    return LatestCheck(min(checked), {row.name: row.differences for row in rows})


async def purge(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Forget results from before an instant; how many went."""
    return await tx.execute(
        "DELETE FROM invariant_result WHERE (name, checked_at) IN"
        " (SELECT name, checked_at FROM invariant_result WHERE checked_at < $1 ORDER BY checked_at LIMIT $2)",
        before,
        limit,
    )


def _example(differences: list[Difference]) -> str:
    return "; ".join(
        f"{difference.subject}: expected {difference.expected}, found {difference.found}"
        for difference in differences
    )[:500]
