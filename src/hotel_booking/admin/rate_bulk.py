"""Bulk edits of rates: asked for, previewed by the code that applies them, applied; and edits undone.

/admin/properties/{slug}/rates/bulk            the form; POST applies what was previewed
/admin/properties/{slug}/rates/bulk/preview    exactly what will change
/admin/properties/{slug}/rates/edits/{id}      what an edit changed, and what undoing it brings back
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.rate_lists import left_alone, lines, nobody_arrives, totals
from hotel_booking.admin.rate_words import LABELS, WEEKDAYS, describe, roundings, span
from hotel_booking.admin.rates import asked_for
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.core.money import MAX_AMOUNT, step
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import properties_within
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.changes import (
    FLAGS,
    LIMITS,
    BulkEdit,
    Effect,
    InvalidEdit,
    Value,
    runs,
    unrolled,
)
from hotel_booking.domains.rates.copying import Copy
from hotel_booking.domains.rates.edit_errors import FreeOfCharge, PreviewChanged
from hotel_booking.domains.rates.edit_queries import load_edit, runs_of
from hotel_booking.domains.rates.edits import UndoChanged
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.domains.rates.repricing import PriceChange
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, FormProblems, read
from hotel_booking.http.ui.render import page, query, see_other

_VIEW = staff(Permission.RATES_VIEW)
_EDIT = staff(Permission.RATES_EDIT)
_LISTED = 200  # lines of a preview; the totals count everything
_THE_TYPE = "*"  # the room type itself among the plans of the form
EditId = Annotated[int, Parameter(ge=1, le=LARGEST_BIGINT)]
_COPIED = ("prices", "restrictions")
_KINDS: Sequence[Literal["set", "percent", "amount"]] = ("set", "percent", "amount")


@get("/properties/{slug:str}/rates/bulk", opt=_EDIT)
async def bulk_form(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, slug: str
) -> Response[str]:
    """The form, filled in with what was selected in the grid."""
    catalogue = await load_catalogue(tx, slug, off_sale=True)
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    given = asked_for(request)
    first = max(_day(given.value("first"), today), today)
    days = int(given.value("days")) if given.value("days") in ("7", "14", "28") else 28
    kinds = given.many("types") or [given.value("type")]
    plans = [code for code, plan in catalogue.plans.items() if plan.parent_id is None]
    form = Form.of(
        first=first,
        last=max(_day(given.value("last"), first + timedelta(days=days - 1)), first),
        weekdays=list(range(7)),
        types=[code for code in catalogue.room_types if code in kinds] or list(catalogue.room_types),
        plans=[code for code in catalogue.plans if code in given.many("plans")] or plans,
        round_to="1",
        copy=_COPIED,
    )
    return await _form(request, tx, caller, catalogue, form)


@post("/properties/{slug:str}/rates/bulk/preview", opt=_EDIT, status_code=200)
async def preview_bulk(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, slug: str
) -> Response[str]:
    """Exactly what would change, worked out by the code that applies it. Nothing is written."""
    catalogue = await load_catalogue(tx, slug, off_sale=True)
    form = await read(request)
    try:
        edit = _edit(form, catalogue)
        other = await _other(tx, caller, edit)
        effect = await edits.preview(tx, catalogue=catalogue, edit=edit, now=now, other=other)
    except DomainError as error:
        return await _form(request, tx, caller, catalogue, form.failed(error), status=422)
    return _preview(request, catalogue, form, edit, effect)


@post("/properties/{slug:str}/rates/bulk", opt=_EDIT)
async def apply_bulk(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, slug: str
) -> Response[Any]:
    """Apply what was previewed. Where it would do anything else by now, the new preview is shown instead."""
    catalogue = await load_catalogue(tx, slug, off_sale=True)
    form = await read(request)
    if form.flag("again"):
        return await _form(request, tx, caller, catalogue, form)
    try:
        edit = _edit(form, catalogue)
        other = await _other(tx, caller, edit)
        done = await edits.apply(
            tx,
            catalogue=catalogue,
            edit=edit,
            seen=form.value("seen"),
            what=describe(edit, catalogue.property.currency),
            by=caller,
            now=now,
            free=form.flag("free"),
            other=other,
        )
    except PreviewChanged as error:
        return _preview(request, catalogue, form, edit, error.effect, changed=True)
    except FreeOfCharge as error:
        effect = await edits.preview(tx, catalogue=catalogue, edit=edit, now=now, other=other)
        return _preview(request, catalogue, form.failed(error), edit, effect, status=422)
    except DomainError as error:
        return await _form(request, tx, caller, catalogue, form.failed(error), status=422)
    grid = query(f"/admin/properties/{slug}/rates", **{"from": edit.first.isoformat()})
    return see_other(request, grid, notice=f"{done.cells:,} values changed. It can be undone below.")


@get("/properties/{slug:str}/rates/edits/{edit_id:int}", opt=_VIEW)
async def show_edit(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    slug: str,
    edit_id: EditId,
) -> Response[str]:
    """What an edit changed; for those who may, what undoing it would bring back."""
    catalogue = await load_catalogue(tx, slug, active_only=False)
    edit = await load_edit(tx, catalogue.property.id, edit_id)
    may_undo = (
        caller.may(Permission.RATES_EDIT, catalogue.property.id)
        and edit.kind != "program"
        and edit.undone_by is None
    )
    undoing = None
    if may_undo:
        undoing = await edits.preview_undo(tx, catalogue=catalogue, edit_id=edit_id, now=now)
    return await _edit_page(request, tx, catalogue, edit_id, undoing)


@post("/properties/{slug:str}/rates/edits/{edit_id:int}/undo", opt=_EDIT)
async def undo_edit(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    slug: str,
    edit_id: EditId,
) -> Response[Any]:
    """Bring the values back that were shown. Where somebody changed one since, that is shown first."""
    catalogue = await load_catalogue(tx, slug, active_only=False)
    form = await read(request)
    try:
        done = await edits.undo(
            tx, catalogue=catalogue, edit_id=edit_id, seen=form.value("seen"), by=caller, now=now
        )
    except UndoChanged as error:
        return await _edit_page(request, tx, catalogue, edit_id, error.undoing, status=409, changed=True)
    except DomainError as error:
        await load_edit(tx, catalogue.property.id, edit_id)  # another property's is not found
        return await _edit_page(request, tx, catalogue, edit_id, None, status=422, problem=error.detail)
    grid = query(f"/admin/properties/{slug}/rates", **{"from": done.first_night.isoformat()})
    return see_other(
        request,
        grid,
        notice=f"Undone: {done.cells:,} {'value was' if done.cells == 1 else 'values were'} restored.",
    )


def _day(text: str, default: date) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return default
    return found if 2000 <= found.year < 2100 else default


def _edit(form: Form, catalogue: Catalogue) -> BulkEdit:
    """The edit that a form asks for. Raises `FormProblems` with what is wrong beside its field."""
    currency = catalogue.property.currency
    first, last = form.day("first", required=True), form.day("last", required=True)
    days = form.choices("weekdays", [str(number) for number in range(7)])
    types = form.choices("types", list(catalogue.room_types))
    plans = form.choices("plans", [_THE_TYPE, *catalogue.plans])
    price = _price(form, currency)
    restrictions: dict[str, Value] = {}
    for column in FLAGS:
        wanted = form.choice(column, ("", "1", "0"), required=False)
        if wanted:
            restrictions[column] = wanted == "1"
    for column in LIMITS:
        if column in form.many("clear"):
            restrictions[column] = None
            if form.value(column):
                form.wrong(column, "can’t be both set and removed: choose one")
        elif (number := form.whole(column, 1, 366)) is not None:
            restrictions[column] = number
    limit = form.whole("overbooking_limit", 0, 10_000)
    copy = _copy(form, first)
    for name, chosen, message in (
        ("weekdays", days, "choose at least one day of the week"),
        ("types", types, "choose at least one room type"),
    ):
        if not chosen:
            form.wrong(name, message)
    form.check()
    if first is None or last is None:
        raise FormProblems("both nights are needed")
    return BulkEdit(
        first=first,
        last=last,
        weekdays=frozenset(int(number) for number in days),
        room_types=tuple(types),
        plans=tuple("" if code == _THE_TYPE else code for code in plans),
        price=price,
        restrictions=restrictions,
        overbooking_limit=limit,
        copy=copy,
    )


def _copy(form: Form, first: date | None) -> Copy | None:
    """What is copied: from a night on, or from the same nights of another hotel."""
    night, hotel = form.day("copy_from"), form.text("copy_hotel", longest=100)
    wanted = form.choices("copy", _COPIED)
    if night is None and not hotel:
        return None
    if not wanted:
        form.wrong("copy", "choose what to copy")
    return Copy(night or first or date.min, "prices" in wanted, "restrictions" in wanted, hotel)


async def _other(tx: Transaction, caller: Caller, edit: BulkEdit) -> Catalogue | None:
    """The other hotel that is copied from, if the caller may see its rates; else it does not exist."""
    if edit.copy is None or not edit.copy.hotel:
        return None
    seen = await properties_within(tx, caller.properties_for(Permission.RATES_VIEW))
    if edit.copy.hotel not in {one.slug for one in seen}:
        raise InvalidEdit("there is no such hotel to copy from")
    return await load_catalogue(tx, edit.copy.hotel, active_only=False)


def _price(form: Form, currency: str) -> PriceChange | None:
    kind = next((kind for kind in _KINDS if kind == form.choice("price_kind", _KINDS, required=False)), None)
    rounding = form.choice("round_to", [value for value, _ in roundings(currency)], required=False)
    if kind is None:
        if form.value("price_value").strip():
            form.wrong("price_kind", "choose how the price changes")
        return None
    if kind == "percent":
        value = form.percent("price_value", required=True, low=-100, high=1000)
    else:
        low = 0 if kind == "set" else -MAX_AMOUNT
        value = form.money("price_value", currency, required=True, low=low)
    return None if value is None else PriceChange(kind, value, max(int(rounding or 1), step(currency)))


async def _form(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    catalogue: Catalogue,
    form: Form,
    status: int = 200,
) -> Response[str]:
    seen = await properties_within(tx, caller.properties_for(Permission.RATES_VIEW))
    return page(
        request,
        "rates/bulk.html",
        status=status,
        hotel=catalogue.property,
        catalogue=catalogue,
        form=form,
        weekdays=list(enumerate(WEEKDAYS)),
        roundings=roundings(catalogue.property.currency),
        labels=LABELS,
        others=[(one.slug, one.name) for one in seen if one.slug != catalogue.property.slug],
    )


def _preview(
    request: Request[Any, Any, State],
    catalogue: Catalogue,
    form: Form,
    edit: BulkEdit,
    effect: Effect,
    *,
    changed: bool = False,
    status: int = 200,
) -> Response[str]:
    asked_here = ("seen", "again", "free")
    fields = [(name, value) for name in form.names() if name not in asked_here for value in form.many(name)]
    listed = lines(runs(effect.changes), catalogue)
    return page(
        request,
        "rates/preview.html",
        status=409 if changed else status,
        form=form,
        hotel=catalogue.property,
        what=describe(edit, catalogue.property.currency),
        when=span(edit.first, edit.last),
        shifted=_shifted(edit),
        effect=effect,
        unfit=nobody_arrives(effect.unfit, catalogue),
        fields=fields,
        lines=listed[:_LISTED],
        more=len(listed) - _LISTED,
        totals=totals(effect.changes, catalogue.property.currency),
        changed=changed,
    )


def _shifted(edit: BulkEdit) -> tuple[str, str] | None:
    """The weekday that a copied night has, and the one that it comes to, where these differ."""
    if edit.copy is None or (edit.first - edit.copy.first).days % 7 == 0:
        return None
    return WEEKDAYS[edit.copy.first.weekday()], WEEKDAYS[edit.first.weekday()]


async def _edit_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    catalogue: Catalogue,
    edit_id: int,
    undoing: edits.Undoing | None,
    *,
    status: int = 200,
    changed: bool = False,
    problem: str = "",
) -> Response[str]:
    edit = await load_edit(tx, catalogue.property.id, edit_id)
    kept = await runs_of(tx, edit_id)
    listed = lines(kept, catalogue)
    return page(
        request,
        "rates/edit.html",
        status=status,
        hotel=catalogue.property,
        edit=edit,
        undoing=undoing,
        unfit=nobody_arrives(undoing.effect.unfit, catalogue) if undoing else [],
        left=[left_alone(clash, catalogue) for clash in (undoing.kept if undoing else ())[:_LISTED]],
        lines=listed[:_LISTED],
        more=len(listed) - _LISTED,
        totals=totals(unrolled(kept), catalogue.property.currency),
        when=span(edit.first_night, edit.last_night),
        changed=changed,
        problem=problem,
    )


handlers = [bulk_form, preview_bulk, apply_bulk, show_edit, undo_edit]
