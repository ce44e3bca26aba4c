"""Lengths of stay that contradict each other: where the shortest stay that may begin on a night is longer
than the longest, nobody can arrive on it, ever. Pure; what edits do about it is in `contradictions`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hotel_booking.core.counting import count
from hotel_booking.domains.rates.restrictions import PlanTerms, Restriction

_NO_TERMS = PlanTerms()


class NoStayFits(NamedTuple):
    """A stay that begins on the night has `least` nights at least and `most` at most, which is fewer."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"min stay {count(self.least, 'night')}, max stay {count(self.most, 'night')}"


def no_stay_fits(rule: Restriction, terms: PlanTerms = _NO_TERMS) -> NoStayFits | None:
    """Why no stay can begin on a night that all levels together restrict like this; None where one can, and
    where none shall, because it is closed, or closed to arrival."""
    if rule.closed or rule.closed_to_arrival:
        return None
    return _unfit(
        (rule.min_stay_arrival, rule.min_stay_through, terms.min_stay), (rule.max_stay, terms.max_stay)
    )


def _unfit(least: Iterable[int | None], most: Iterable[int | None]) -> NoStayFits | None:
    longest = min((number for number in most if number is not None), default=None)
    if longest is None:
        return None
    shortest = max((number for number in least if number is not None), default=1)
    return NoStayFits(shortest, longest) if shortest > longest else None
