"""Money: integer minor units with an ISO 4217 currency. Never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from hotel_booking.core.errors import Invalid

# ISO 4217: digits after the decimal point where it is not 2.
_EXPONENTS = {
    **dict.fromkeys(("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF").split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}


class Money(msgspec.Struct, frozen=True):
    """`amount` in minor units of `currency` (12900 EUR is 129.00 euro; 12900 JPY is 12,900 yen)."""

    amount: int
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{to_decimal(self.amount, self.currency):,} {self.currency}"


def exponent(currency: str) -> int:
    """Digits after the decimal point of a currency (2 for EUR, 0 for JPY, 3 for KWD)."""
    return _EXPONENTS.get(currency, 2)


def to_decimal(amount: int, currency: str) -> Decimal:
    """Minor units as a decimal of the major unit: 12900 EUR is 129.00."""
    return Decimal(amount).scaleb(-exponent(currency))


def divide(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero (the rounding of
    commercial invoices, DIN 1333). `denominator` must be positive."""
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def from_decimal(text: str, currency: str) -> int:
    """A decimal text of the major unit as minor units, halves away from zero.

    Raises `Invalid` where the text is no finite decimal number.
    """
    try:
        value = Decimal(text).scaleb(exponent(currency))
        if not value.is_finite():
            raise ArithmeticError
        return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except ArithmeticError:
        raise Invalid(f"{text!r} is not an amount of money") from None
