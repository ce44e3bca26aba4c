"""Money: integer minor units with an ISO 4217 currency. Never a float. How it is written: `core.formats`; how
what people type is read: `core.amounts`."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from hotel_booking.core.errors import Invalid

# ISO 4217: digits after the decimal point where it is not 2.
_EXPONENTS = {
    **dict.fromkeys(("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF").split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
# The smallest amount that can be charged, in minor units, where it is not 1. Card networks take amounts of
# three decimals only where the last is 0 (Stripe: "round to the nearest ten"). The ariary and the ouguiya
# divide into five: Stripe charges whole ariary, and a fifth of an ouguiya is 0.20.
_STEPS = {
    **dict.fromkeys((code for code, digits in _EXPONENTS.items() if digits == 3), 10),
    "MGA": 100,
    "MRU": 20,
}
# The highest amount that anybody enters, in minor units: what a stay comes to keeps within 64 bits.
MAX_AMOUNT = 10**12


class Money(msgspec.Struct, frozen=True, gc=False):
    """`amount` in minor units of `currency` (12900 EUR is 129.00 euro; 12900 JPY is 12,900 yen)."""

    amount: int
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)


class NotCharged(Invalid):
    """The currency is not charged in amounts as small as this one's last part. Nothing changed."""

    code = "amount_not_charged"


def exponent(currency: str) -> int:
    """Digits after the decimal point of a currency by ISO 4217 (2 for EUR, 0 for JPY, 3 for KWD)."""
    return _EXPONENTS.get(currency, 2)


def step(currency: str) -> int:
    """The smallest amount that can be charged, in minor units: 1, but 10 for KWD, 100 for MGA. Prices are
    made in multiples of it, so that what is shown, owed and charged is one amount."""
    return _STEPS.get(currency, 1)


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


def share(amount: int, numerator: int, denominator: int, currency: str) -> int:
    """`amount * numerator / denominator` as it can be charged: the nearest multiple of the currency's step,
    halves away from zero."""
    least = step(currency)
    return divide(amount * numerator, denominator * least) * least


def per_night(total: int, *, nights: int, rooms: int = 1) -> int:
    """What a room costs a night on average, minor units: the total over rooms and nights, rounded once to the
    nearest minor unit, halves away from zero. It is for comparing; what is charged is the total."""
    return divide(total, nights * rooms)


def check_charged(amount: int, currency: str, *, field: str) -> None:
    """Raise `NotCharged`, naming the field, for an amount that is no multiple of the currency's step."""
    least = step(currency)
    if amount % least:
        below = amount // least * least
        raise NotCharged(
            f"{currency} is charged in steps of {to_decimal(least, currency)}",
            field=field,
            fix=f"give {below} or {below + least} minor units",
        )
