"""Comparing amounts across currencies, by indicative rates. Nothing is ever charged by them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from hotel_booking.core.money import divide, exponent
from hotel_booking.domains.search.errors import UnknownCurrency


class Exchange:
    """Turns minor units of one currency into those of `target`, and keeps their order."""

    def __init__(self, target: str, per_euro: Mapping[str, Decimal]) -> None:
        self.target = target
        self._per_euro = per_euro
        self._factors: dict[str, Fraction] = {target: Fraction(1)}

    def convert(self, amount: int, currency: str) -> int:
        """The amount in minor units of the target, halves away from zero. Raises `UnknownCurrency`."""
        factor = self._factors.get(currency)
        if factor is None:
            digits = exponent(self.target) - exponent(currency)
            factor = self._rate(self.target) / self._rate(currency) * Fraction(10) ** digits
            self._factors[currency] = factor
        return divide(amount * factor.numerator, factor.denominator)

    def check_target(self) -> None:
        """Raise `UnknownCurrency` where the target has no rate."""
        self._rate(self.target)

    def _rate(self, currency: str) -> Fraction:
        try:
            return Fraction(self._per_euro[currency])
        except KeyError:
            raise UnknownCurrency(
                f"there is no exchange rate for {currency}",
                field="currency",
                fix=f"known are {', '.join(sorted(self._per_euro))}",
            ) from None
