"""Rates as they come in, and as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

import msgspec


class DailyRates(msgspec.Struct, frozen=True):
    """What one euro is worth on a day, by ISO 4217 code; as a source says it, unchecked."""

    as_of: date
    per_euro: Mapping[str, Decimal]


class KnownRate(msgspec.Struct, frozen=True):
    """A rate that is used: what one euro is worth, of which day, and who said so."""

    currency: str
    per_euro: Decimal
    as_of: date
    source: Literal["ecb", "hand"]
    updated_at: datetime


class RatesIntake(msgspec.Struct, frozen=True):
    """What became of a day's rates: how many are used now, and which were not believed, with the reason."""

    as_of: date
    used: int
    refused: Mapping[str, str]


@runtime_checkable
class RateSource(Protocol):
    """Somebody who publishes rates every day."""

    async def daily(self) -> DailyRates:
        """The latest rates. Raises `RatesUnavailable` where there is no answer, `RatesRefused` where it is
        none that can be believed. Calls the network: no transaction may be open."""
