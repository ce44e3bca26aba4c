"""Taking rates: from a source, or from a person. A currency's last good rate stays until a better one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from hotel_booking.core.db import Transaction
from hotel_booking.domains.exchange.errors import InvalidRate
from hotel_booking.domains.exchange.plausibility import HIGHEST, LOWEST, jumped, plausible
from hotel_booking.domains.exchange.queries import known_rates
from hotel_booking.domains.exchange.types import DailyRates, RatesIntake

_PUT = """
INSERT INTO exchange_rate AS r (currency, per_euro, as_of, source, updated_at)
SELECT c.currency, c.per_euro, $3, $4, $5 FROM unnest($1::text[], $2::numeric[]) AS c(currency, per_euro)
 ORDER BY c.currency
    ON CONFLICT (currency) DO UPDATE
   SET per_euro = excluded.per_euro, as_of = excluded.as_of, source = excluded.source,
       updated_at = excluded.updated_at
 WHERE (r.per_euro, r.as_of, r.source) IS DISTINCT FROM (excluded.per_euro, excluded.as_of, excluded.source)
"""


async def take(tx: Transaction, *, published: DailyRates, now: datetime, jumps: bool = False) -> RatesIntake:
    """Use a day's rates as far as they are plausible. Raises `RatesRefused`: nothing changed."""
    known = await known_rates(tx, lock=True)
    used, refused = plausible(published, known, today=now.date(), jumps=jumps)
    await _put(tx, used, published.as_of, "ecb", now)
    return RatesIntake(published.as_of, len(used), refused)


async def enter(
    tx: Transaction,
    *,
    currency: str,
    per_euro: Decimal,
    as_of: date,
    known: frozenset[str],
    now: datetime,
    jumps: bool = False,
) -> None:
    """Use a rate that a person gives, for a currency of `known`. `jumps`: they have looked at it twice.
    Raises `InvalidRate`."""
    if currency not in known or currency == "EUR":
        raise InvalidRate(
            f"{currency!r} is not a currency with a rate to the euro", field="currency", fix="such as RSD"
        )
    if not per_euro.is_finite() or not LOWEST <= per_euro <= HIGHEST:
        raise InvalidRate(
            f"one euro is not {per_euro} {currency}",
            field="per_euro",
            fix=f"give what one euro is worth, from {LOWEST:f} to {HIGHEST}",
        )
    if as_of > now.date():
        raise InvalidRate(f"{as_of} is in the future", field="as_of", fix="give the date of the rate")
    before = next((rate for rate in await known_rates(tx, lock=True) if rate.currency == currency), None)
    if before is not None and as_of < before.as_of:
        raise InvalidRate(
            f"the rate of {before.as_of} is known, which is newer: {before.per_euro:f} {currency}",
            field="as_of",
            fix="give the date of the rate",
        )
    if before is not None and not jumps and jumped(per_euro, before, as_of):
        raise InvalidRate(
            f"{per_euro} {currency} is more than a quarter off the {before.per_euro:f} of {before.as_of}",
            field="per_euro",
            fix="look at the point; where it is right, say so with --accept-jump",
        )
    await _put(tx, {currency: per_euro}, as_of, "hand", now)


async def _put(
    tx: Transaction,
    rates: Mapping[str, Decimal],
    as_of: date,
    source: Literal["ecb", "hand"],
    now: datetime,
) -> None:
    await tx.execute(_PUT, list(rates), list(rates.values()), as_of, source, now)
