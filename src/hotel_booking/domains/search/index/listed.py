"""The lists of `Lists`, which columns name places in, while they are written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, get_args

from hotel_booking.domains.search.index.layout import Lists

_MOST = 2**16  # a column has 16 bits

Of = Literal["clocks", "taxes", "bands", "policies", "deposits"]


class Listed:
    """What is listed; values are only added, so that places stay what they are."""

    def __init__(self, lists: Lists) -> None:
        self._values: dict[str, dict[Any, int]] = {
            of: {value: place for place, value in enumerate(getattr(lists, of))} for of in get_args(Of)
        }

    def place(self, of: Of, value: Any) -> int | None:
        """The place of a value in a list, to which it is added; None where the list has no room left."""
        values = self._values[of]
        place = values.setdefault(value, len(values))
        if place < _MOST:
            return place
        values.pop(value)
        return None

    def lists(self, per_euro: dict[str, Decimal]) -> Lists:
        """All of them, with these exchange rates."""
        return Lists(**{of: tuple(values) for of, values in self._values.items()}, per_euro=per_euro)
