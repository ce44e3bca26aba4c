"""The rates that are known."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hotel_booking.core.db import Transaction
from hotel_booking.domains.exchange.types import KnownRate


async def exchange_rates(tx: Transaction) -> dict[str, Decimal]:
    """What one euro is worth in each currency that has a rate; the euro itself is always there."""
    rows = await tx.fetch("SELECT currency, per_euro FROM exchange_rate")
    return {"EUR": Decimal(1)} | {row["currency"]: row["per_euro"] for row in rows}


async def known_rates(tx: Transaction, *, lock: bool = False) -> list[KnownRate]:
    """Every rate with its day and source, by currency. `lock`: until the transaction ends."""
    return await tx.fetch_as(
        KnownRate,
        "SELECT currency, per_euro, as_of, source, updated_at FROM exchange_rate ORDER BY currency"
        + (" FOR UPDATE" if lock else ""),
    )


async def oldest_used(tx: Transaction, currencies: list[str]) -> date | None:
    """The day of the oldest rate among those of the currencies; None where none of them has one."""
    found: date | None = await tx.fetchval(
        "SELECT min(as_of) FROM exchange_rate WHERE currency = ANY ($1::text[])", currencies
    )
    return found
