"""Restrictions by number: each different one stands once, and a night has its number."""

from __future__ import annotations

import numpy as np

from hotel_booking.domains.search.index.layout import MAX_RULES, RULES, Array, Arrays

_LIMIT = 0x7FFF  # 15 bits, as a smallint has them


class Rules:
    """The restrictions of one file, for its writer. Packed as `reading` gives them: three flags, and three
    limits of 15 bits each (0: none)."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        columns = (arrays[name][: int(arrays["header"][RULES])].tolist() for name in _COLUMNS)
        self._numbers = {
            flags | arrival << 3 | through << 18 | most << 33: number
            for number, (flags, arrival, through, most) in enumerate(zip(*columns, strict=True))
        }

    def numbers(self, packed: Array) -> tuple[Array, Array]:
        """The number of each, new ones entered; and where there is none, because there are too many."""
        refused = np.zeros(len(packed), bool)
        if not packed.any():
            return np.zeros(len(packed), "u2"), refused
        different, places = np.unique(packed, return_inverse=True)
        found = [self._number(rule) for rule in different.tolist()]
        numbers: Array = np.array([number or 0 for number in found], "u2")[places]
        if None in found:
            refused = np.array([number is None for number in found])[places]
        return numbers, refused

    def _number(self, rule: int) -> int | None:
        number = self._numbers.get(rule)
        if number is None:
            number = int(self._arrays["header"][RULES])
            if number >= MAX_RULES:
                return None
            values = rule & 7, rule >> 3 & _LIMIT, rule >> 18 & _LIMIT, rule >> 33 & _LIMIT
            for name, value in zip(_COLUMNS, values, strict=True):
                self._arrays[name][number] = value
            self._arrays["header"][RULES] = number + 1
            self._numbers[rule] = number
        return number


_COLUMNS = ("rule_flags", "rule_min_arrival", "rule_min_through", "rule_max")
