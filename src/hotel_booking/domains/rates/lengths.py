"""Lengths of stay that contradict each other: where the shortest stay that may begin on a night is longer
than the longest, nobody can arrive on it, ever. Pure.

What one row says (a room type, or it on a plan, on one night) is refused when it is said. What two rows say,
or a row and the plan itself, is the strictest of them: each is right alone, so it is shown and not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from hotel_booking.domains.rates.ari import RESTRICTIONS
from hotel_booking.domains.rates.changes import LIMITS, Change, InvalidEdit, Rows, Value, empty
from hotel_booking.domains.rates.restrictions import PlanTerms, Restriction
from hotel_booking.domains.rates.wording import count, day

_NO_TERMS = PlanTerms()


class NoStayFits(NamedTuple):
    """A stay that begins on the night has `least` nights at least and `most` at most, which is fewer."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"min stay {count(self.least, 'night')}, max stay {count(self.most, 'night')}"


class ContradictoryStay(InvalidEdit):
    """The minimum stay would be longer than the maximum stay, so nobody could arrive. Nothing was changed.

    `rows` are the room types, plans and nights where it is so."""

    code = "contradictory_stay"

    def __init__(self, rows: Mapping[tuple[int, int, date], NoStayFits], *, field: str | None = None) -> None:
        (_, _, night), problem = next(iter(rows.items()))
        more = f", and in {count(len(rows) - 1, 'more case')}" if len(rows) > 1 else ""
        super().__init__(
            f"with a min stay of {count(problem.least, 'night')} and a max stay of"
            f" {count(problem.most, 'night')} nobody could arrive on {day(night)}{more}",
            field=field,
            fix="change the other limit too, or choose no arrival",
        )
        self.rows = rows


def no_stay_fits(rule: Restriction, terms: PlanTerms = _NO_TERMS) -> NoStayFits | None:
    """Why no stay can begin on a night that all levels together restrict like this; None where one can, and
    where none shall, because it is closed, or closed to arrival."""
    if rule.closed or rule.closed_to_arrival:
        return None
    return _unfit(
        (rule.min_stay_arrival, rule.min_stay_through, terms.min_stay), (rule.max_stay, terms.max_stay)
    )


def _row_fits(row: Mapping[str, object]) -> NoStayFits | None:
    """The same for what one row says, by its columns."""
    if row["closed"] or row["closed_to_arrival"]:
        return None
    return _unfit(
        (_number(row["min_stay_arrival"]), _number(row["min_stay_through"])), (_number(row["max_stay"]),)
    )


def check_lengths(changes: Iterable[Change], rows: Rows) -> None:
    """Raise `ContradictoryStay` where changes of `rows` leave a row that contradicts itself. Rows whose
    lengths do not change are left in peace."""
    after: dict[tuple[int, int, date], dict[str, Value]] = {}
    touched: set[tuple[int, int, date]] = set()
    for key, _, value in changes:
        if key.column not in RESTRICTIONS:
            continue
        where = (key.room_type_id, key.plan_id, key.night)
        if where not in after:
            now = rows.get(where)
            after[where] = {column: empty(column) if now is None else now[column] for column in RESTRICTIONS}
        after[where][key.column] = value
        if key.column in LIMITS:
            touched.add(where)
    found = {where: problem for where in touched if (problem := _row_fits(after[where])) is not None}
    if found:
        raise ContradictoryStay(dict(sorted(found.items())))


def _unfit(least: Iterable[int | None], most: Iterable[int | None]) -> NoStayFits | None:
    longest = min((number for number in most if number is not None), default=None)
    if longest is None:
        return None
    shortest = max((number for number in least if number is not None), default=1)
    return NoStayFits(shortest, longest) if shortest > longest else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
