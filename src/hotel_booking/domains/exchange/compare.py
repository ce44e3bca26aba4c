"""Comparing amounts across currencies, by indicative rates. Nothing is ever charged by them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from hotel_booking.core.money import divide, exponent

_SAME = Fraction(1)


class Exchange:
    """Turns minor units of one currency into those of `target`, and keeps their order. A currency without a
    rate cannot be turned into another: whoever asks says what becomes of such amounts."""

    def __init__(self, target: str, per_euro: Mapping[str, Decimal]) -> None:
        self.target = target
        self._per_euro = per_euro
        self._factors: dict[str, Fraction | None] = {target: _SAME}

    def convert(self, amount: int, currency: str) -> int | None:
        """The amount in minor units of the target, halves away from zero; None where there is no rate."""
        factor = self.factor(currency)
        return None if factor is None else divide(amount * factor.numerator, factor.denominator)

    def compares(self, currency: str) -> bool:
        """Whether amounts of the currency can be turned into the target."""
        return self.factor(currency) is not None

    def factor(self, currency: str) -> Fraction | None:
        """What an amount in minor units of the currency is multiplied by; None where there is no rate."""
        if currency not in self._factors:
            ours, theirs = self._per_euro.get(self.target), self._per_euro.get(currency)
            digits = exponent(self.target) - exponent(currency)
            self._factors[currency] = _factor(ours, theirs, digits) if ours and theirs else None
        return self._factors[currency]


@lru_cache(maxsize=1024)
def _factor(ours: Decimal, theirs: Decimal, digits: int) -> Fraction:
    """By two rates and the difference of the currencies' digits; every search asks for the same few."""
    return Fraction(ours) / Fraction(theirs) * Fraction(10) ** digits
