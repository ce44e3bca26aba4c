"""What the rates grid shows: its rows with a text, a mark and a value for each cell; and cells in forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from hotel_booking.admin.rate_words import marks, tokens, unfit_lines
from hotel_booking.core.counting import count
from hotel_booking.core.formats import for_field, tight
from hotel_booking.domains.rates.changes import FLAGS, OF_THE_TYPE, CellKey, InvalidEdit, Value, columns_of
from hotel_booking.domains.rates.edits import Cell
from hotel_booking.domains.rates.grid import Grid, PlanGrid, RateNight, RoomNight, TypeGrid
from hotel_booking.domains.rates.lengths import NoStayFits
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.http.ui.forms import Form


class GridCell(NamedTuple):
    """One cell as it is shown. `value` is what a script edits; None: it cannot be edited here."""

    text: str | Markup
    css: str = ""
    label: str = ""
    value: str | None = None


class GridRow(NamedTuple):
    """A row of the grid. `column` is price, rules, overbooking_limit or "" for what is only read."""

    label: str
    note: str
    column: str
    plan: str
    css: str
    cells: Sequence[GridCell]


class GridGroup(NamedTuple):
    """A room type's rows."""

    code: str
    name: str
    rows: Sequence[GridRow]


_NOT_ON_SALE = GridCell("", "off", "not on sale")


def groups(grid: Grid, currency: str, *, today: date, may_edit: bool) -> list[GridGroup]:
    """The rows of every room type. Nights in the past, and everything for those who may not edit, are only
    shown."""
    editable = [may_edit and night >= today for night in grid.nights]
    return [_group(kind, currency, editable) for kind in grid.types]


def width_of(kinds: Sequence[GridGroup]) -> int:
    """How many characters the columns have to take: 4, 6, 8, 10 or 12."""
    longest = max(
        (
            len(cell.text)
            for kind in kinds
            for row in kind.rows
            if row.column == "price"
            for cell in row.cells
        ),
        default=0,
    )
    return next((width for width in (4, 6, 8, 10) if longest <= width), 12)


def _group(kind: TypeGrid, currency: str, editable: Sequence[bool]) -> GridGroup:
    rows = [
        GridRow("Left to sell", "", "", "", "left", [_left(night) for night in kind.nights]),
        GridRow(
            "Overbooking",
            "rooms that may be overbooked",
            "overbooking_limit",
            "",
            "over",
            [_overbooking(night, edit) for night, edit in zip(kind.nights, editable, strict=True)],
        ),
        GridRow(
            "All plans",
            "restrictions on every plan",
            "rules",
            "",
            "rules",
            [
                _rules(night.rule if night else Restriction(), None, edit)
                for night, edit in zip(kind.nights, editable, strict=True)
            ],
        ),
    ]
    for plan in kind.plans:
        rows += _plan_rows(plan, currency, editable, shown={other.plan.code for other in kind.plans})
    return GridGroup(kind.kind.code, kind.kind.name, rows)


def _plan_rows(grid: PlanGrid, currency: str, editable: Sequence[bool], *, shown: set[str]) -> list[GridRow]:
    above = grid.parent.code if grid.parent and grid.parent.code in shown else ""
    plan, derived = grid.plan, grid.plan.parent_id is not None
    notes = [f"from {grid.parent.code if grid.parent else 'another plan'}"] if derived else []
    notes += [f"min {count(plan.min_stay, 'night')}"] if plan.min_stay else []
    notes += [f"max {count(plan.max_stay, 'night')}"] if plan.max_stay else []
    notes += [f"{plan.min_advance_days} days ahead"] if plan.min_advance_days else []
    prices = [
        _price(night, currency, edit and not derived, derived=derived)
        for night, edit in zip(grid.nights, editable, strict=True)
    ]
    rules = [
        _rules(night.own, night.inherited, edit, above, night.unfit)
        for night, edit in zip(grid.nights, editable, strict=True)
    ]
    return [
        GridRow(
            plan.name, ", ".join(notes), "price", plan.code, "price derived" if derived else "price", prices
        ),
        GridRow("restrictions", "", "rules", plan.code, "rules", rules),
    ]


def _left(night: RoomNight | None) -> GridCell:
    if night is None:
        return _NOT_ON_SALE
    there = night.rooms - night.blocked
    label = f"{night.left} left; {night.sold} of {night.rooms} rooms sold"
    if night.blocked:
        label += f", {night.blocked} blocked"
    if night.overbooking:
        label += f", {night.overbooking} may be overbooked"
    if night.rule.closed:
        label += ", closed"
    tone = "full" if night.left == 0 else "few" if night.left * 5 <= there else ""
    blocked = Markup(' <i class="blocked">-{}</i>').format(night.blocked) if night.blocked else ""
    text = Markup("<b>{}</b><small>{}/{}{}</small>").format(night.left, night.sold, night.rooms, blocked)
    return GridCell(text, f"{tone} shut".strip() if night.rule.closed else tone, label)


def _overbooking(night: RoomNight | None, edit: bool) -> GridCell:
    number = night.overbooking if night else 0
    return GridCell(str(number), "" if number else "zero", "", str(number) if edit else None)


def _price(night: RateNight, currency: str, edit: bool, *, derived: bool) -> GridCell:
    css, note = ("shut", ", closed") if night.closed else ("", "")
    if night.sells_at == 0 and not night.closed:
        css, note = "free", ", free of charge"
    if night.sells_at is None:
        return GridCell("—", f"none {css}".strip(), f"no price{note}", "" if edit else None)
    if derived:
        return GridCell(tight(night.sells_at, currency), css, f"derived{note}")
    # The base price is what can be edited; for the persons it is for, it is also what is sold.
    price = night.price if night.price is not None else night.sells_at
    return GridCell(tight(price, currency), css, note[2:], for_field(price, currency) if edit else None)


def _rules(
    own: Restriction,
    inherited: Restriction | None,
    edit: bool,
    above: str = "",
    unfit: NoStayFits | None = None,
) -> GridCell:
    """The plan's own restrictions; those that its parent adds stand beside them, paler. Where the parent is
    one of the rows `above`, its name stands for them: they can be read there. `unfit` marks a night on which
    nobody can arrive."""
    mine = marks(own)
    others = [] if inherited is None else [mark for mark in marks(inherited) if mark not in mine]
    pale = [("as", above, "")] if others and above else others
    text = Markup("").join(
        Markup('<i class="mark {}{}">{}</i>').format(kind, " inherited" if place >= len(mine) else "", shown)
        for place, (kind, shown, _) in enumerate([*mine, *pale])
    )
    words = [does for _, _, does in mine] + [f"{does} (from its parent)" for _, _, does in others]
    words += [f"nobody can arrive ({unfit})"] if unfit else []
    css = "unfit" if unfit else ""
    return GridCell(text, css, ", ".join(words) or "no restriction", tokens(own) if edit else None)


def unfit_nights(grid: Grid) -> list[str]:
    """Where nobody can arrive because levels contradict each other, in words: a line for each plan of a room
    type."""
    return unfit_lines(
        (f"{kind.kind.name} on {plan.plan.name}", when, night.unfit)
        for kind in grid.types
        for plan in kind.plans
        for when, night in zip(grid.nights, plan.nights, strict=True)
        if night.unfit
    )


# Cells in forms ---------------------------------------------------------------------------------
# v|DBL|FLEX|2030-03-01|price is the value wanted, w|… the one it was loaded with, k|… says whose stays.


def field_name(key: CellKey, catalogue: Catalogue) -> str:
    """A cell's name in a form, without its letter: DBL|FLEX|2030-03-01|price."""
    kind = next(row.code for row in catalogue.room_types.values() if row.id == key.room_type_id)
    plan = next((row.code for row in catalogue.plans.values() if row.id == key.plan_id), "")
    return f"{kind}|{plan}|{key.night.isoformat()}|{key.column}"


def read_cells(form: Form, catalogue: Catalogue) -> list[Cell]:
    """The cells that a form sets; what is wrong is noted beside its field. Raises `InvalidEdit` for a cell
    that this property has not got."""
    found = []
    for name in form.names():
        if not name.startswith("v|") or form.value(f"k{name[1:]}") == "theirs":
            continue
        key = _key(name[2:], catalogue)
        currency = catalogue.property.currency
        found.append(Cell(key, _read(form, f"w{name[1:]}", key, currency), _read(form, name, key, currency)))
    return found


def _key(name: str, catalogue: Catalogue) -> CellKey:
    try:
        kind, plan, night, column = name.split("|")
        plan_id = catalogue.plans[plan].id if plan else OF_THE_TYPE
        if column not in columns_of(plan_id):
            raise KeyError(column)
        return CellKey(catalogue.room_types[kind].id, plan_id, date.fromisoformat(night), column)
    except (ValueError, KeyError):
        raise InvalidEdit("there is no such night, room type or rate plan here") from None


def _read(form: Form, name: str, key: CellKey, currency: str) -> Value:
    if key.column in FLAGS:
        return "1" in form.many(name)
    if key.column == "price":
        return form.money(name, currency)
    number = form.whole(name, 0 if key.column == "overbooking_limit" else 1, 10_000)
    return 0 if number is None and key.column == "overbooking_limit" else number
