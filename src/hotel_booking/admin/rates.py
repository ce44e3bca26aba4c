"""Rates and availability in the panel: the grid, its cells saved at once, and a page for editing by hand.

/admin/rates                                   picks a property
/admin/properties/{slug}/rates                 the grid; POST saves cells
/admin/properties/{slug}/rates/edit            a room type on a plan, night by night, without a script
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.rate_cells import field_name, groups, read_cells, unfit_nights, width_of
from hotel_booking.admin.rate_lists import nobody_arrives
from hotel_booking.admin.rate_words import LABELS, shown, typed
from hotel_booking.core.amounts import words
from hotel_booking.core.counting import count
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError, NotFound
from hotel_booking.core.folding import fold_spelled, fold_words
from hotel_booking.core.money import exponent, step
from hotel_booking.domains.bookings.availability import nights_of_types
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import Choice, properties_within
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.ari import REACH, RESTRICTIONS
from hotel_booking.domains.rates.changes import (
    LIMITS,
    OF_THE_TYPE,
    TYPE_COLUMNS,
    CellKey,
    Value,
    seen_as,
    value_at,
)
from hotel_booking.domains.rates.contradictions import ContradictoryStay
from hotel_booking.domains.rates.edit_errors import CellsChanged, Clash, FreeOfCharge
from hotel_booking.domains.rates.edit_queries import current_rows, last_edits
from hotel_booking.domains.rates.edits import Cell
from hotel_booking.domains.rates.grid import load_grid
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, query, see_other

_VIEW = staff(Permission.RATES_VIEW)
_EDIT = staff(Permission.RATES_EDIT)
DAYS = (7, 14, 28)
_SHOWN = 200  # cells that are listed one by one when a form comes back


class NothingToSee(NotFound):
    """The property has no room type or plan of this code."""

    code = "no_such_rates"


class View(NamedTuple):
    """What part of the grid somebody looks at."""

    first: date
    days: int
    room_type: str
    plans: list[str]

    def address(self, slug: str, first: date | None = None) -> str:
        """Where the grid shows this, or as many nights from another one."""
        return query(
            f"/admin/properties/{slug}/rates",
            **{"from": (first or self.first).isoformat()},
            days=self.days,
            type=self.room_type,
            plans=self.plans,
        )


@get("/rates", opt=_VIEW)
async def pick_property(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, q: str = ""
) -> Response[Any]:
    """The properties whose rates the caller may see; straight on where there is one."""
    found = await properties_within(tx, caller.properties_for(Permission.RATES_VIEW))
    if len(found) == 1:
        return see_other(request, f"/admin/properties/{found[0].slug}/rates")
    words = fold_words(q[:200])
    chosen = [row for row in found if all(word in _looked_through(row) for word in words)]
    return page(request, "rates/pick.html", properties=chosen, total=len(found), q=q[:200])


@get("/properties/{slug:str}/rates", opt=_VIEW)
async def show_grid(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, slug: str
) -> Response[str]:
    """Nights by room types and plans. Four statements, whatever the size: the catalogue, the nights, the
    prices and the last edits."""
    catalogue = await load_catalogue(tx, slug, off_sale=True)
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    view = view_of(asked_for(request), catalogue, today)
    may_edit = caller.may(Permission.RATES_EDIT, catalogue.property.id)
    currency = catalogue.property.currency
    codes = [view.room_type] if view.room_type else list(catalogue.room_types)
    rooms = await nights_of_types(
        tx,
        [catalogue.room_types[code].id for code in codes],
        view.first,
        view.first + timedelta(days=view.days - 1),
        now=now,
    )
    grid = await load_grid(
        tx,
        catalogue,
        first=view.first,
        days=view.days,
        room_types=codes,
        plans=view.plans or list(catalogue.plans),
        rooms=rooms,
    )
    kinds = groups(grid, currency, today=today, may_edit=may_edit)
    return page(
        request,
        "rates/grid.html",
        catalogue=catalogue,
        hotel=catalogue.property,
        view=view,
        days=DAYS,
        today=today,
        earlier=view.address(slug, max(view.first - timedelta(days=view.days), today - REACH)),
        later=view.address(slug, min(view.first + timedelta(days=view.days), today + REACH)),
        nights=grid.nights,
        months=_months(grid.nights),
        kinds=kinds,
        width=width_of(kinds),
        may_edit=may_edit,
        unfit=unfit_nights(grid),
        money={
            "currency": currency,
            "digits": exponent(currency),
            "step": step(currency),
            "words": words(currency),
        },
        edits=await last_edits(tx, catalogue.property.id),
    )


@post("/properties/{slug:str}/rates", opt=_EDIT)
async def save_cells(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, slug: str
) -> Response[Any]:
    """Save cells, all or nothing. Those that somebody changed meanwhile are shown with both values; what is
    wrong is shown beside its field."""
    catalogue = await load_catalogue(tx, slug, off_sale=True)
    form = await read(request)
    view = view_of(
        form, catalogue, business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    )
    cells: list[Cell] = []
    try:
        cells = read_cells(form, catalogue)
        form.check()
        if not cells and any(name.startswith("k|") for name in form.names()):
            return see_other(
                request, view.address(slug), notice="Their values were kept. Nothing was changed."
            )
        saved = await edits.save_cells(
            tx, catalogue=catalogue, cells=cells, by=caller, now=now, free=form.flag("free")
        )
    except CellsChanged as error:
        return _review(request, catalogue, view, form, cells, 409, error)
    except DomainError as error:
        _beside_cells(form, catalogue, cells, error)
        free = isinstance(error, FreeOfCharge)
        return _review(request, catalogue, view, form.failed(error), cells, 422, free=free)
    number = seen_as(cell.key for cell in cells if cell.was != cell.to)
    notice = "1 value saved." if number == 1 else f"{number:,} values saved."
    # The plans concerned need not be among those that the grid shows.
    if unfit := nobody_arrives(saved.effect.unfit, catalogue):
        more = f", and {count(len(unfit) - 1, 'more plan')}" if len(unfit) > 1 else ""
        notice = f"{notice} Nobody can arrive any more: {unfit[0]}{more}."
    return see_other(request, view.address(slug), notice=notice)


@get("/properties/{slug:str}/rates/edit", opt=_EDIT)
async def edit_nights(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """A room type, or it on a plan, night by night: a plain form for those who have no script or no mouse."""
    catalogue = await load_catalogue(tx, slug, off_sale=True)
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    view = view_of(asked_for(request), catalogue, today)
    if not view.room_type:
        raise NothingToSee("there is no such room type here")
    kind = catalogue.room_types[view.room_type]
    code = request.query_params.get("plan", "")
    if code and code not in catalogue.plans:
        raise NothingToSee("there is no such rate plan here")
    plan = catalogue.plans[code] if code else None
    first = max(view.first, today)
    last = first + timedelta(days=view.days - 1)
    plan_id = plan.id if plan else OF_THE_TYPE
    rows = await current_rows(tx, [kind.id], [plan_id], first, last)
    columns: Sequence[str] = (
        [*TYPE_COLUMNS, *RESTRICTIONS]
        if plan is None
        else [*([] if plan.parent_id else ["price"]), *RESTRICTIONS]
    )
    currency = catalogue.property.currency
    nights = []
    for offset in range(view.days):
        night = first + timedelta(days=offset)
        fields = []
        for column in columns:
            key = CellKey(kind.id, plan_id, night, column)
            fields.append((column, field_name(key, catalogue), typed(column, value_at(rows, key), currency)))
        nights.append((night, fields))
    return page(
        request,
        "rates/nights.html",
        catalogue=catalogue,
        hotel=catalogue.property,
        view=view._replace(first=first),
        kind=kind,
        plan=plan,
        columns=[(column, LABELS[column]) for column in columns],
        nights=nights,
        days=DAYS,
    )


def asked_for(request: Request[Any, Any, State]) -> Form:
    """The query of an address, as a form."""
    return Form({name: request.query_params.getall(name) for name in request.query_params})


def view_of(given: Form, catalogue: Catalogue, today: date) -> View:
    """What somebody asks to see; what cannot be read falls back to what everybody sees first."""
    try:
        first = date.fromisoformat(given.value("from"))
    except ValueError:
        first = today
    first = min(max(first, today - REACH), today + REACH)
    days, kind = given.value("days"), given.value("type")
    plans = [code for code in catalogue.plans if code in given.many("plans")]
    return View(
        first=first,
        days=int(days) if days in {str(number) for number in DAYS} else 14,
        room_type=kind if kind in catalogue.room_types else "",
        plans=plans if len(plans) < len(catalogue.plans) else [],
    )


def _beside_cells(form: Form, catalogue: Catalogue, cells: Sequence[Cell], error: DomainError) -> None:
    """What is wrong, beside each cell that it is about."""
    for key, was, to in cells:
        name = f"v|{field_name(key, catalogue)}"
        if isinstance(error, FreeOfCharge) and key.column == "price" and was != to == 0:
            form.wrong(name, "free of charge")
        elif isinstance(error, ContradictoryStay) and key.column in LIMITS and was != to:
            problem = error.rows.get(key[:3])
            if problem is not None:
                form.wrong(name, f"nobody could arrive: {problem}")


class ReviewCell(NamedTuple):
    """A cell on the page that asks again: whose value stays, or what is wrong with it."""

    name: str
    night: date
    where: str
    column: str
    was: str
    typed: str
    mine: str
    theirs: str | None
    theirs_typed: str
    who: str
    at: datetime | None
    error: str


def _review(
    request: Request[Any, Any, State],
    catalogue: Catalogue,
    view: View,
    form: Form,
    cells: Sequence[Cell],
    status: int,
    error: CellsChanged | None = None,
    *,
    free: bool = False,
) -> Response[str]:
    clashes = {clash.key: clash for clash in error.clashes} if error else {}
    asked = [_asked(form, catalogue, cell, clashes.get(cell.key)) for cell in cells]
    first = [cell for cell in asked if cell.theirs is not None or cell.error]
    others = [cell for cell in asked if cell.theirs is None and not cell.error]
    return page(
        request,
        "rates/review.html",
        status=status,
        labels=LABELS,
        hotel=catalogue.property,
        view=view,
        form=form,
        error=error,
        free=free,
        asked=[*first, *others][: max(_SHOWN, len(first))],
        quiet=[*first, *others][max(_SHOWN, len(first)) :],
    )


def _asked(form: Form, catalogue: Catalogue, cell: Cell, clash: Clash | None) -> ReviewCell:
    currency, column = catalogue.property.currency, cell.key.column
    name = field_name(cell.key, catalogue)
    kind, plan, _, _ = name.split("|")
    theirs: Value = clash.theirs if clash else None
    return ReviewCell(
        name=name,
        night=cell.key.night,
        where=f"{kind}{f' on {plan}' if plan else ''}",
        column=column,
        was=form.value(f"w|{name}"),
        typed="1" if "1" in form.many(f"v|{name}") else form.value(f"v|{name}"),
        mine=shown(column, cell.to, currency),
        theirs=None if clash is None else shown(column, theirs, currency),
        theirs_typed=typed(column, theirs, currency),
        who=clash.editor.name if clash and clash.editor else "",
        at=clash.editor.at if clash and clash.editor else None,
        error=form.errors.get(f"v|{name}", ""),
    )


def _months(nights: Sequence[date]) -> list[tuple[date, int]]:
    """The months of the nights, with how many nights each has."""
    found: list[tuple[date, int]] = []
    for night in nights:
        if found and (found[-1][0].year, found[-1][0].month) == (night.year, night.month):
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((night, 1))
    return found


def _looked_through(row: Choice) -> str:
    text = f"{row.name} {row.city}"
    return " ".join((*fold_words(text), fold_spelled(text)))


handlers = [pick_property, show_grid, save_cells, edit_nights]
