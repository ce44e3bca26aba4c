"""Which of the rates that a source sends are believed. Pure.

A source can be broken, or somebody else can answer for it. What it says is used for sorting and for totals,
so a wrong rate costs no money, but a hotel at a hundredth of its price stands first. So a day's rates are
taken only where they look like one, and a currency only where it stands near what was known of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from hotel_booking.domains.exchange.errors import RatesRefused
from hotel_booking.domains.exchange.types import DailyRates, KnownRate

LOWEST, HIGHEST = Decimal("0.00001"), Decimal(10_000_000)
_FEWEST = 10  # the ECB publishes about 30
_OLDEST = timedelta(days=30)
# Against what was known: more than this is a mistake, or something that a person should look at.
_JUMP = Decimal("1.25")
_REMEMBERED = timedelta(days=30)  # what is older says nothing any more
_MOST_JUMPS = 3


def plausible(
    published: DailyRates, known: Iterable[KnownRate], *, today: date, jumps: bool = False
) -> tuple[Mapping[str, Decimal], Mapping[str, str]]:
    """The rates to use, and by currency why another one is not. `jumps`: a person has looked at them.

    Raises `RatesRefused` for a day that lies ahead, behind what is known or far back, and for rates that
    are too few or have moved too many at once.
    """
    before = {rate.currency: rate for rate in known}
    _check_day(published.as_of, before, today)
    used: dict[str, Decimal] = {}
    refused: dict[str, str] = {}
    moved: dict[str, str] = {}
    for currency, rate in sorted(published.per_euro.items()):
        if not rate.is_finite() or not LOWEST <= rate <= HIGHEST:
            refused[currency] = f"{rate} per euro cannot be"
        elif not jumps and jumped(rate, before.get(currency), published.as_of):
            moved[currency] = f"{rate} per euro, after {before[currency].per_euro}"
        elif currency != "EUR":
            used[currency] = rate
    if len(used) + len(moved) < _FEWEST:
        raise RatesRefused(
            f"only {len(used) + len(moved)} rates can be used", fix="check what the source sends"
        )
    if len(moved) > _MOST_JUMPS:
        raise RatesRefused(
            f"{len(moved)} currencies have moved by more than a quarter at once: {', '.join(moved)}",
            fix="check them elsewhere; `hotel-booking exchange-rates fetch --accept-jumps` accepts them",
        )
    return used, {**refused, **moved}


def _check_day(as_of: date, before: Mapping[str, KnownRate], today: date) -> None:
    newest = max((rate.as_of for rate in before.values() if rate.source == "ecb"), default=None)
    if as_of > today + timedelta(days=1):
        raise RatesRefused(f"the rates are of {as_of}, which is in the future")
    if newest is not None and as_of < newest:
        raise RatesRefused(f"the rates are of {as_of}, and those of {newest} are known")
    if as_of < today - _OLDEST:
        raise RatesRefused(f"the rates are of {as_of}, too long ago")


def jumped(rate: Decimal, before: KnownRate | None, as_of: date) -> bool:
    """Whether it is more than a quarter away from what was known of it lately."""
    if before is None or as_of - before.as_of > _REMEMBERED:
        return False
    return not before.per_euro / _JUMP <= rate <= before.per_euro * _JUMP
