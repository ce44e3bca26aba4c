"""Changes of rates and availability, cell by cell: what an edit changes, and how that is written. Pure.

A cell is one value of one night: of a room type (plan id 0: rooms, overbooking, restrictions whatever the
plan) or of it on a rate plan (price and restrictions). An edit is first worked out as a list of changes with
the values before and after; the same list is shown as a preview, written through `update_ari`, and kept for
undoing it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import MAX_AMOUNT, check_charged
from hotel_booking.domains.rates.ari import REACH, RESTRICTIONS, AriUpdate
from hotel_booking.domains.rates.copying import Copy, Source
from hotel_booking.domains.rates.lengths import NoStayFits
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.rates.repricing import PriceChange

OF_THE_TYPE = 0  # the plan id of a room type's own cells
MAX_CHANGES = 250_000
MAX_NIGHTS = 732
FLAGS = ("closed", "closed_to_arrival", "closed_to_departure")
LIMITS = ("min_stay_arrival", "min_stay_through", "max_stay")
TYPE_COLUMNS = ("overbooking_limit",)

Value = int | bool | list[int] | None


class InvalidEdit(Invalid):
    """The edit is not valid as requested. Nothing was changed."""

    code = "invalid_rate_edit"


class CellKey(NamedTuple):
    """Where a cell is. Sorted, keys are in the order in which rows are locked."""

    room_type_id: int
    plan_id: int
    night: date
    column: str


class Change(NamedTuple):
    """One cell before and after."""

    key: CellKey
    before: Value
    after: Value


# What stands in the database now, by (room type id, plan id, night). A night without a row is not there.
Rows = Mapping[tuple[int, int, date], Mapping[str, Value]]


def value_at(rows: Rows, key: CellKey) -> Value:
    """What a cell holds; a row that is not there holds no price, restricts nothing and has no room."""
    row = rows.get((key.room_type_id, key.plan_id, key.night))
    return empty(key.column) if row is None else row[key.column]


def empty(column: str) -> Value:
    """What a cell holds where nothing was ever said."""
    if column in FLAGS:
        return False
    return 0 if column in TYPE_COLUMNS else None


def whole(value: Value) -> int | None:
    """A number that a cell holds."""
    return value if isinstance(value, int) else None


def check_value(key: CellKey, value: Value, catalogue: Catalogue) -> None:
    """Raise `InvalidEdit` where a cell cannot hold a value, or is not one that can be edited."""
    column = key.column
    if column not in columns_of(key.plan_id) or isinstance(value, list):
        raise InvalidEdit(f"{NAMES.get(column, 'this')} cannot be edited here", field=column)
    if column in FLAGS:
        fine = isinstance(value, bool)
    elif column in LIMITS:
        fine = value is None or 1 <= value <= 366
    elif column == "price":
        fine = value is None or 0 <= value <= MAX_AMOUNT
    else:
        fine = value is not None and 0 <= value <= 10_000
    if not fine:
        raise InvalidEdit(f"{NAMES[column]} cannot be {value}", field=column, fix=_BOUNDS.get(column, ""))
    if column == "price":
        check_charged(value or 0, catalogue.property.currency, field=column)
        check_own_price(catalogue, key.plan_id)


def check_own_price(catalogue: Catalogue, plan_id: int) -> None:
    """Raise `InvalidEdit` for a plan whose prices are derived from another's."""
    plan = next((row for row in catalogue.plans.values() if row.id == plan_id), None)
    if plan is None:
        raise InvalidEdit("there is no such rate plan", field="plans")
    if plan.parent_id is not None:
        parent = next((row.code for row in catalogue.plans.values() if row.id == plan.parent_id), "another")
        raise InvalidEdit(
            f"the prices of {plan.code} are derived from {parent}",
            field="plans",
            fix=f"set the prices of {parent}, or change how {plan.code} is derived",
        )


def columns_of(plan_id: int) -> tuple[str, ...]:
    """The columns that a row of a plan, or of the room type itself, has."""
    return (*TYPE_COLUMNS, *RESTRICTIONS) if plan_id == OF_THE_TYPE else ("price", *RESTRICTIONS)


NAMES = {
    "price": "the price",
    "overbooking_limit": "the overbooking limit",
    "closed": "closed",
    "min_stay_arrival": "the minimum stay to arrive",
    "min_stay_through": "the minimum stay through",
    "max_stay": "the maximum stay",
    "closed_to_arrival": "no arrival",
    "closed_to_departure": "no departure",
}
_BOUNDS = {
    **dict.fromkeys(LIMITS, "give 1 to 366 nights, or nothing"),
    **dict.fromkeys(TYPE_COLUMNS, "give 0 to 10,000 rooms"),
    "price": "give an amount that is not negative, or nothing",
}


# Bulk edits -------------------------------------------------------------------------------------


class BulkEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: nights from `first` to `last`, both inclusive, on `weekdays` (0 is Monday), of room
    types and plans by their codes. The plan "" is the room type itself, whatever the plan.

    `restrictions` has the columns to set; one that is not in it stays as it is, None or False takes it away.
    `copy` takes prices and restrictions over: `price` then changes what was taken over, and what is said
    here goes before.
    """

    first: date
    last: date
    weekdays: frozenset[int]
    room_types: tuple[str, ...]
    plans: tuple[str, ...] = ()
    price: PriceChange | None = None
    restrictions: Mapping[str, Value] = {}
    overbooking_limit: int | None = None
    copy: Copy | None = None

    def nights(self) -> Iterator[date]:
        """The nights it is about, oldest first."""
        for offset in range((self.last - self.first).days + 1):
            night = self.first + timedelta(days=offset)
            if night.weekday() in self.weekdays:
                yield night


class UnfitNight(NamedTuple):
    """A night for sale on which nobody can arrive: levels say lengths of stay that contradict each other."""

    room_type_id: int
    plan_id: int
    night: date
    why: NoStayFits


class Effect(msgspec.Struct, frozen=True):
    """What an edit will do: its changes in lock order, nights that it puts on sale for the first time (with
    all rooms of the type), how many prices it could not change because there is none, and the nights that it
    leaves for sale though nobody can arrive on them."""

    changes: tuple[Change, ...]
    goes_on_sale: tuple[tuple[int, date], ...] = ()
    unpriced: int = 0
    unfit: tuple[UnfitNight, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Says whether two edits do exactly the same."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]

    @property
    def free(self) -> int:
        """How many prices become nothing."""
        return sum(change.key.column == "price" and change.after == 0 for change in self.changes)

    @property
    def nights(self) -> int:
        """How many dates are touched."""
        return len({change.key.night for change in self.changes})


def targets(edit: BulkEdit, catalogue: Catalogue, today: date) -> tuple[list[int], list[int]]:
    """The ids of the edit's room types and plans. Raises `InvalidEdit` where it cannot be carried out."""
    _check_range(edit, today)
    for code in edit.room_types:
        if code not in catalogue.room_types:
            raise InvalidEdit(f"there is no room type {code!r}", field="room_types")
    for code in edit.plans:
        if code and code not in catalogue.plans:
            raise InvalidEdit(f"there is no rate plan {code!r}", field="plans")
    if not edit.room_types:
        raise InvalidEdit("no room type is chosen", field="room_types", fix="choose at least one")
    if not (edit.price or edit.restrictions or edit.copy or edit.overbooking_limit is not None):
        raise InvalidEdit("there is nothing to change", fix="give a price, a restriction or a limit")
    if (edit.price or edit.restrictions or edit.copy) and not edit.plans:
        raise InvalidEdit("no rate plan is chosen", field="plans", fix="choose at least one")
    types = [catalogue.room_types[code].id for code in edit.room_types]
    plans = [catalogue.plans[code].id if code else OF_THE_TYPE for code in edit.plans]
    _check_values(edit, plans, catalogue, today)
    return types, plans


def _check_values(edit: BulkEdit, plans: Sequence[int], catalogue: Catalogue, today: date) -> None:
    if edit.price is not None:
        priced = [plan for plan in plans if plan != OF_THE_TYPE]
        if not priced:
            raise InvalidEdit("a price belongs to a rate plan", field="plans", fix="choose a rate plan")
        for plan in priced:
            check_own_price(catalogue, plan)
        if edit.copy is not None and edit.copy.prices and edit.price.kind == "set":
            raise InvalidEdit(
                "a price is either copied or set",
                field="price_kind",
                fix="change copied prices by per cent or by an amount, or copy restrictions alone",
            )
        if edit.price.round_to < 1:
            raise InvalidEdit("prices must be rounded to a positive amount", field="round_to")
    given = dict(edit.restrictions)
    if edit.overbooking_limit is not None:
        given["overbooking_limit"] = edit.overbooking_limit
    for column, value in given.items():
        check_value(CellKey(0, OF_THE_TYPE, today, column), value, catalogue)


def _check_range(edit: BulkEdit, today: date) -> None:
    if edit.last < edit.first:
        raise InvalidEdit("the last night is before the first", field="last")
    if edit.first < today:
        raise InvalidEdit(
            "nights in the past can't be changed", field="first", fix=f"start on {today} or later"
        )
    if edit.last - today > REACH:
        raise InvalidEdit(f"{edit.last} is more than {REACH.days} days from today", field="last")
    if (edit.last - edit.first).days >= MAX_NIGHTS:
        raise InvalidEdit(
            f"one edit covers at most {MAX_NIGHTS} nights", field="last", fix="make several edits"
        )
    if not edit.weekdays or not any(True for _ in edit.nights()):
        raise InvalidEdit("none of these weekdays falls between the dates", field="weekdays")


def work_out(
    edit: BulkEdit,
    types: Sequence[int],
    plans: Sequence[int],
    rows: Rows,
    source: Source | None = None,
) -> Effect:
    """What the edit changes, given what there is now, and in `source` what it copies. `types` and `plans`
    come from `targets`. Raises `InvalidEdit`."""
    changes: list[Change] = []
    unpriced = 0
    nights = list(edit.nights())
    for kind in sorted(set(types)):
        for plan in sorted({*plans, OF_THE_TYPE}):
            given = dict(edit.restrictions) if plan in plans else {}
            if plan == OF_THE_TYPE and edit.overbooking_limit is not None:
                given["overbooking_limit"] = edit.overbooking_limit
            copied = source if source is not None and plan in plans else None
            taken = copied if copied is not None and copied.takes_price(plan) else None
            priced = edit.price if plan != OF_THE_TYPE else None
            for night in nights:
                now = rows.get((kind, plan, night))
                if priced is not None or taken is not None:
                    before = None if now is None else whole(now["price"])
                    after = before if taken is None else taken.price(kind, plan, night)
                    after = after if priced is None else priced.apply(after)
                    if after is None:  # no price to change, or to copy: it stays as it is
                        unpriced += 1
                    elif after != before:
                        changes.append(Change(CellKey(kind, plan, night, "price"), before, after))
                said = given if copied is None else copied.others(kind, plan, night) | given
                for column, value in said.items():
                    held = empty(column) if now is None else now[column]
                    if held != value:
                        changes.append(Change(CellKey(kind, plan, night, column), held, value))
        if len(changes) > MAX_CHANGES:
            raise InvalidEdit(f"one edit changes at most {MAX_CHANGES:,} values", field="last")
    if any(c.key.column == "price" and (whole(c.after) or 0) > MAX_AMOUNT for c in changes):
        raise InvalidEdit("a price would be too large", field="price_value")
    return effect_of(changes, rows, unpriced)


def effect_of(changes: Iterable[Change], rows: Rows, unpriced: int = 0) -> Effect:
    """The changes in lock order, and the nights that they put on sale."""
    ordered = sorted(changes, key=lambda change: change.key)
    nights = sorted({(change.key.room_type_id, change.key.night) for change in ordered})
    created = tuple(key for key in nights if (key[0], OF_THE_TYPE, key[1]) not in rows)
    return Effect(tuple(ordered), created, unpriced)


def seen_as(keys: Iterable[CellKey]) -> int:
    """How many values people see in these cells: the restrictions of a night are one."""
    return len({(*key[:3], "" if key.column in RESTRICTIONS else key.column) for key in keys})


# Writing them -----------------------------------------------------------------------------------


def lines(changes: Iterable[Change], catalogue: Catalogue) -> list[AriUpdate]:
    """The changes as lines of `update_ari`: one for every run of nights that are set alike."""
    types = {row.id: row.code for row in catalogue.room_types.values()}
    plans: dict[int, str | None] = {row.id: row.code for row in catalogue.plans.values()}
    plans[OF_THE_TYPE] = None
    found: list[AriUpdate] = []
    last: tuple[int, int, dict[str, Value]] | None = None
    by_row = groupby(sorted(changes, key=lambda change: change.key), key=lambda change: change.key[:3])
    for (kind, plan, night), group in by_row:
        given = {change.key.column: change.after for change in group}
        if last == (kind, plan, given) and found[-1].last + timedelta(days=1) == night:
            found[-1] = msgspec.structs.replace(found[-1], last=night)
        else:
            values: dict[str, Any] = given
            found.append(AriUpdate(types[kind], night, night, plans[plan], **values))
        last = (kind, plan, given)
    return found


class Run(msgspec.Struct, frozen=True):
    """Nights after each other of one row and column that changed alike: how changes are kept."""

    room_type_id: int
    plan_id: int
    column: str
    first: date
    nights: int
    before: Value
    after: Value


def runs(changes: Iterable[Change]) -> list[Run]:
    """The changes as runs."""
    found: list[Run] = []
    for key, before, after in sorted(changes, key=lambda c: (*c.key[:2], c.key.column, c.key.night)):
        if found:
            run = found[-1]
            alike = (run.room_type_id, run.plan_id, run.column) == (
                key.room_type_id,
                key.plan_id,
                key.column,
            )
            follows = run.first + timedelta(days=run.nights) == key.night
            if alike and follows and _same(run.before, before) and _same(run.after, after):
                found[-1] = msgspec.structs.replace(run, nights=run.nights + 1)
                continue
        found.append(Run(key.room_type_id, key.plan_id, key.column, key.night, 1, before, after))
    return found


def unrolled(kept: Iterable[Run]) -> list[Change]:
    """The changes that runs stand for, in lock order."""
    changes = [
        Change(
            CellKey(run.room_type_id, run.plan_id, run.first + timedelta(days=offset), run.column),
            run.before,
            run.after,
        )
        for run in kept
        for offset in range(run.nights)
    ]
    return sorted(changes, key=lambda change: change.key)


def _same(one: Value, other: Value) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
