"""Availability, rates and inventory as they come in: lines of an update, spread over their nights. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import check_charged
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.properties.types import Amount
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.queries import Catalogue

MAX_LINES = 5_000
MAX_CELLS = 250_000  # nights to write in one call: 100 room types for nearly seven years
# Nights of all lines of one call, those of several lines once for each: others wait while they are laid over
# each other, a second for as many.
MAX_LAID = 250_000
REACH = timedelta(days=1_100)  # how far from today a night may lie

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Rooms = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Nights = Annotated[int, msgspec.Meta(ge=1, le=366)]


class AriUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: what to set for a room type, or for it on one rate plan, on the nights from `from` to `to`,
    both inclusive. `weekdays` picks some of them.

    What is left out stays as it is; null takes a restriction or a price away. `capacity` and
    `overbooking_limit` are of the room type, whatever plan the line names. `capacity` is gross: the rooms
    that are offered for the night, from which those that are taken already are subtracted; at most as many as
    the type has, and null offers all of them. Amounts are minor units; `children` has one amount per child
    band of the property. Later lines win over earlier ones. One call that gives a night a minimum stay above
    its maximum stay is refused: nobody could arrive. Nights before the property's today are over: they stay
    as they are.
    """

    room_type: str
    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    rate_plan: str | None = None
    weekdays: Annotated[list[Weekday], msgspec.Meta(min_length=1, max_length=7)] | None = None
    capacity: Rooms | UnsetType | None = UNSET
    overbooking_limit: Rooms | UnsetType = UNSET
    price: Amount | UnsetType | None = UNSET
    extra_adult: Amount | UnsetType | None = UNSET
    children: Annotated[list[Amount], msgspec.Meta(max_length=10)] | UnsetType | None = UNSET
    closed: bool | UnsetType = UNSET
    min_stay_arrival: Nights | UnsetType | None = UNSET
    min_stay_through: Nights | UnsetType | None = UNSET
    max_stay: Nights | UnsetType | None = UNSET
    closed_to_arrival: bool | UnsetType = UNSET
    closed_to_departure: bool | UnsetType = UNSET


ROOM_COLUMNS = ("capacity", "overbooking_limit")
RATE_COLUMNS = ("price", "extra_adult", "children")
RESTRICTIONS = (
    "closed",
    "min_stay_arrival",
    "min_stay_through",
    "max_stay",
    "closed_to_arrival",
    "closed_to_departure",
)
_LENGTHS = ("max_stay", "min_stay_arrival", "min_stay_through")


class AriError(Invalid):
    """A line of the update is not valid; `field` names it by its index. Nothing was changed."""

    code = "invalid_ari"


class Cells(msgspec.Struct):
    """What to set, night by night: values by column, and the line that said so last."""

    # (room type id, night) and (room type id, rate plan id, night)
    rooms: dict[tuple[int, date], dict[str, object]]
    rates: dict[tuple[int, int, date], dict[str, object]]
    lines: dict[tuple[int, date], int]
    past: int = 0  # nights of the lines that are over, counted line by line


def spread(
    updates: Sequence[AriUpdate], catalogue: Catalogue, today: date, *, since: date = date.min
) -> Cells:
    """The lines laid over their nights, later ones over earlier; those before `since` are counted and left
    out. Raises `AriError` naming the line."""
    if not updates:
        raise AriError("there is nothing to update", field="updates", fix="send at least one line")
    if len(updates) > MAX_LINES:
        raise AriError(f"one call takes {MAX_LINES} lines", field="updates", fix="send several calls")
    cells = Cells({}, {}, {})
    laid = 0
    for index, line in enumerate(updates):
        where = f"updates[{index}]"
        kind, plan = _checked(line, catalogue, today, where)
        nights = list(_nights(line))
        laid += len(nights)
        if laid > MAX_LAID:
            raise AriError(
                f"the lines of one call have at most {MAX_LAID} nights, counted line by line",
                field=where,
                fix="leave out what later lines set anew, or send several calls",
            )
        cells.past += sum(night < since for night in nights)
        given = _given(line)
        own = {name: value for name, value in given.items() if name in ROOM_COLUMNS}
        rest = {name: value for name, value in given.items() if name not in ROOM_COLUMNS}
        for night in (night for night in nights if night >= since):
            key = (kind.id, night)
            room = cells.rooms.setdefault(key, {})
            if own:
                room |= own
                cells.lines[key] = index
            if plan is None:
                room |= rest
            elif rest:
                cells.rates.setdefault((kind.id, plan.id, night), {}).update(rest)
        if len(cells.rooms) + len(cells.rates) > MAX_CELLS:
            raise AriError(f"one call sets at most {MAX_CELLS} nights", field=where, fix="send several calls")
    return cells


def check_lengths(cells: Cells, updates: Sequence[AriUpdate], catalogue: Catalogue) -> None:
    """Raise `AriError` where one call says of a night that stays are longer at least than at most, and does
    not close it. What stands there already is another call's, whose sender may be about to change that too.
    """
    for (kind_id, night), row in cells.rooms.items():
        if row.get("max_stay") is not None:
            _check_stay((kind_id, None, night), row, updates, catalogue)
    for (kind_id, plan_id, night), row in cells.rates.items():
        if row.get("max_stay") is not None:
            _check_stay((kind_id, plan_id, night), row, updates, catalogue)


def _check_stay(
    key: tuple[int, int | None, date],
    row: Mapping[str, object],
    updates: Sequence[AriUpdate],
    catalogue: Catalogue,
) -> None:
    lengths: dict[str, Any] = {name: row.get(name) or 1 for name in _LENGTHS}
    most = lengths.pop("max_stay")
    least = max(lengths.values())
    if least <= most or row.get("closed") or row.get("closed_to_arrival"):
        return
    for index, line in reversed(list(enumerate(updates))):
        plan = catalogue.plans[line.rate_plan].id if line.rate_plan is not None else None
        same = (catalogue.room_types[line.room_type].id, plan) == key[:2]
        column = next((name for name in _LENGTHS if getattr(line, name) is not UNSET), None)
        if same and column is not None and key[2] in _nights(line):
            raise AriError(
                f"on {key[2]} a stay would have at least {least} and at most {most} nights",
                field=f"updates[{index}].{column}",
                fix="raise the maximum stay, or send closed_to_arrival",
            )


def _given(line: AriUpdate) -> Mapping[str, object]:
    names = (*ROOM_COLUMNS, *RATE_COLUMNS, *RESTRICTIONS)
    return {name: value for name in names if (value := getattr(line, name)) is not UNSET}


def _checked(
    line: AriUpdate, catalogue: Catalogue, today: date, where: str
) -> tuple[RoomType, RatePlan | None]:
    kind = catalogue.room_types.get(line.room_type)
    if kind is None:
        raise AriError(
            f"there is no room type {line.room_type!r}",
            field=f"{where}.room_type",
            fix=f"the property has {', '.join(catalogue.room_types) or 'none yet'}",
        )
    plan = catalogue.plans.get(line.rate_plan) if line.rate_plan is not None else None
    if line.rate_plan is not None and plan is None:
        raise AriError(
            f"there is no rate plan {line.rate_plan!r}",
            field=f"{where}.rate_plan",
            fix=f"the property has {', '.join(catalogue.plans) or 'none yet'}",
        )
    if line.last < line.first:
        raise AriError("`to` is before `from`", field=f"{where}.to", fix="both ends are nights, inclusive")
    for name, night in (("from", line.first), ("to", line.last)):
        if abs(night - today) > REACH:
            raise AriError(
                f"{night} is more than {REACH.days} days from today",
                field=f"{where}.{name}",
                fix="choose " + ("an earlier night" if night > today else "a later night"),
            )
    if not _given(line):
        raise AriError("the line sets nothing", field=where, fix="give a capacity, a price or a restriction")
    _check_prices(line, catalogue, plan, where)
    return kind, plan


def _check_prices(line: AriUpdate, catalogue: Catalogue, plan: RatePlan | None, where: str) -> None:
    priced = next((name for name in RATE_COLUMNS if getattr(line, name) is not UNSET), None)
    if priced is None:
        return
    if plan is None:
        raise AriError(
            f"{priced} belongs to a rate plan",
            field=f"{where}.rate_plan",
            fix="name the rate plan in the line",
        )
    if plan.parent_id is not None:
        parent = next(
            (code for code, row in catalogue.plans.items() if row.id == plan.parent_id), "its parent"
        )
        raise AriError(
            f"the prices of {plan.code} are derived from {parent}",
            field=f"{where}.{priced}",
            fix=f"set the prices of {parent}, or change how {plan.code} is derived",
        )
    for name in RATE_COLUMNS:
        given = getattr(line, name)
        for amount in given if isinstance(given, list) else [given] if isinstance(given, int) else []:
            check_charged(amount, catalogue.property.currency, field=f"{where}.{name}")
    bands = len(catalogue.property.child_bands)
    if isinstance(line.children, list) and len(line.children) != bands:
        raise AriError(
            f"the property has {bands} child bands, the line {len(line.children)} amounts",
            field=f"{where}.children",
        )


def _nights(line: AriUpdate) -> Iterator[date]:
    wanted = None
    if line.weekdays is not None:
        wanted = {_WEEKDAYS.index(day) for day in line.weekdays}
    for offset in range((line.last - line.first).days + 1):
        night = line.first + timedelta(days=offset)
        if wanted is None or night.weekday() in wanted:
            yield night
