"""How a bulk edit changes prices. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from hotel_booking.core.money import divide
from hotel_booking.domains.rates.types import MILLION


class PriceChange(msgspec.Struct, frozen=True):
    """How prices change. `value` is minor units (set, amount) or parts per million (percent); the outcome is
    rounded to a multiple of `round_to` minor units, halves up, and is never below nothing."""

    kind: Literal["set", "percent", "amount"]
    value: int
    round_to: int = 1

    def apply(self, price: int | None) -> int | None:
        """The price after the change; None where there was none to change."""
        if self.kind == "set":
            return self.value
        if price is None:
            return None
        changed = price + (divide(price * self.value, MILLION) if self.kind == "percent" else self.value)
        return max(divide(changed, self.round_to) * self.round_to, 0)
