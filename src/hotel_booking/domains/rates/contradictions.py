"""What an edit of rates does to the lengths of stay: contradictions that it would leave. Pure.

What one row says (a room type, or it on a plan, on one night) is refused when it is said. What two rows say,
or a row and the plan itself, is the strictest of them: each is right alone, so it is foretold and shown, and
not refused.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.ari import RESTRICTIONS
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.changes import (
    FLAGS,
    LIMITS,
    OF_THE_TYPE,
    Change,
    Effect,
    InvalidEdit,
    Rows,
    UnfitNight,
    Value,
    empty,
)
from hotel_booking.domains.rates.lengths import NoStayFits, no_stay_fits
from hotel_booking.domains.rates.restrictions import OPEN, PlanTerms, Restriction, combine
from hotel_booking.domains.rates.wording import day


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
    found = {
        where: problem for where in touched if (problem := no_stay_fits(_rule(after[where]))) is not None
    }
    if found:
        raise ContradictoryStay(dict(sorted(found.items())))


# A row that is not there yet.
_NEW: Mapping[str, Value] = {"price": None, **{column: empty(column) for column in RESTRICTIONS}}


def may_contradict(effect: Effect) -> bool:
    """Whether an edit could leave a night that nobody can arrive on: it sets lengths, opens nights or
    arrivals, or gives a price or rooms to nights that had none. Other edits need not be looked at."""
    return bool(effect.goes_on_sale) or any(map(_lets_in, effect.changes))


def _lets_in(change: Change) -> bool:
    column = change.key.column
    if column == "price":
        return change.before is None
    return column in LIMITS or (column in FLAGS and not change.after)


def foretell(effect: Effect, rows: Rows, kinds: Iterable[RoomType], plans: Sequence[RatePlan]) -> Effect:
    """The effect with the nights that it leaves for sale with no stay that can begin on them, where they are
    not so already. `rows` are those of the room types `kinds` and of all `plans` and their parents."""
    changed: dict[tuple[int, int, date], dict[str, Value]] = {}
    for key, _, value in effect.changes:
        where = key[:3]
        if where not in changed:
            changed[where] = dict(rows.get(where, _NEW))
        changed[where][key.column] = value
    after: Rows = ChainMap[tuple[int, int, date], Mapping[str, Value]](
        dict(changed), {(kind, OF_THE_TYPE, night): _NEW for kind, night in effect.goes_on_sale}, dict(rows)
    )
    sold = {kind.id for kind in kinds if kind.active}
    nights = sorted({(kind, night) for kind, _, night, _ in (c.key for c in effect.changes) if kind in sold})
    found = [
        UnfitNight(kind, sells.id, night, problem)
        for kind, night in nights
        for sells in plans
        if sells.active
        and (problem := unfit_on(after, kind, sells, night)) is not None
        and problem != unfit_on(rows, kind, sells, night)
    ]
    return msgspec.structs.replace(effect, unfit=tuple(found)) if found else effect


def unfit_on(rows: Rows, kind: int, plan: RatePlan, night: date) -> NoStayFits | None:
    """Why nobody can arrive on a night that is for sale, all levels together; None where somebody can."""
    of_type = rows.get((kind, OF_THE_TYPE, night))
    priced = rows.get((kind, plan.price_plan_id, night))
    if of_type is None or priced is None or priced["price"] is None:
        return None
    own = rows.get((kind, plan.id, night))
    levels = [row for row in (of_type, priced, own) if row is not None]
    if plan.max_stay is None and not any(row["max_stay"] for row in levels):
        return None  # most nights
    return no_stay_fits(
        combine(*map(_rule, levels)), PlanTerms(min_stay=plan.min_stay, max_stay=plan.max_stay)
    )


def _rule(row: Mapping[str, Value]) -> Restriction:
    """What one row says of its night."""
    said = {column: row[column] for column in RESTRICTIONS}
    return msgspec.convert(said, Restriction) if any(said.values()) else OPEN
