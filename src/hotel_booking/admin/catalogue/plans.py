"""Rate plans: by which conditions and prices a room type is sold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue import frame, select_options
from hotel_booking.admin.rate_lists import nobody_arrives
from hotel_booking.core.counting import count
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.formats import for_field
from hotel_booking.domains.bookings import removal
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.service.taxes import percent_text
from hotel_booking.domains.properties.vocabularies import MEALS
from hotel_booking.domains.rates import examples
from hotel_booking.domains.rates import plans as service
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.plan_lengths import unfit_nights
from hotel_booking.domains.rates.plans import NewPlan, PlanChange
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.tables import rate_plan
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import money, see_other

_LIMITS = {
    "min_advance_days": (0, 1000),
    "max_advance_days": (0, 1000),
    "min_stay": (1, 366),
    "max_stay": (1, 366),
}
_DEPOSITS = (
    ("none", "None: the guest pays at the hotel"),
    ("full", "Everything"),
    ("percent", "A percentage"),
    ("nights", "The first nights"),
    ("fixed", "An amount"),
)
_CAPTURES = (("booking", "On booking"), ("check_in", "At check-in; reserved until then"))
_ADJUSTMENTS = (("percent", "Per cent"), ("amount", "Amount"))
_BESIDE = {
    "adjustment.value": "adjust_value",
    "adjustment": "adjust_value",
    "deposit.value": "deposit_value",
    "deposit": "deposit_kind",
    "deposit.capture": "deposit_capture",
    "deposit.balance_days": "balance_days",
    "value": "adjust_value",
}


@get("/properties/{slug:str}/plans", opt=staff(Permission.CATALOGUE_VIEW))
async def list_plans(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """All of them, derived ones below their parents, each with what it asks for a night."""
    property_ = await queries.property_by_slug(tx, slug)
    catalogue = await load_catalogue(tx, slug, active_only=False)
    rows = await queries.list_items(tx, rate_plan, property_.id)
    policies = await queries.list_items(tx, tables.cancellation_policy, property_.id)
    night = business_date(now, property_.timezone, property_.day_end_time) + timedelta(days=30)
    ordered = []
    for row in rows:
        if row.parent_id is None:
            ordered += [row, *(child for child in rows if child.parent_id == row.id)]
    return frame.show(
        request,
        "plans.html",
        property_,
        rows=ordered,
        codes={row.id: row.code for row in rows},
        policies={row.id: row for row in policies},
        meals=MEALS,
        words={row.id: _words(row) for row in rows},
        adjustments={
            row.id: examples.adjustment_words(row.adjustment, property_.currency)
            for row in rows
            if row.adjustment is not None
        },
        deposits={row.id: _deposit_words(row, property_.currency) for row in rows},
        examples={
            row.id: examples.plan_example(catalogue, catalogue.plans[row.code], night=night) for row in rows
        },
    )


@get("/properties/{slug:str}/new-plan", opt=staff(Permission.CATALOGUE_EDIT))
async def new_plan(request: Request[Any, Any, State], tx: Transaction, slug: str) -> Response[str]:
    """The empty form."""
    property_ = await queries.property_by_slug(tx, slug)
    form = Form.of(meal=14, deposit_kind="none", adjust_kind="percent", sort="0")
    return await _form(request, tx, property_, form, None)


@post("/properties/{slug:str}/new-plan", opt=staff(Permission.CATALOGUE_EDIT))
async def create_plan(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[Any]:
    """Make a rate plan. Its prices are set in Rates, or come from its parent."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        values = _values(form, property_) | {"code": form.text("code", required=True, longest=40)}
        parent = form.text("parent", longest=40)
        if parent:
            values |= {"parent": parent, "adjustment": _adjustment(form, property_)}
        new = frame.shaped(form, NewPlan, values)
        row = await service.create(tx, property_id=property_.id, new=new)
    except DomainError as error:
        form, status = frame.refused(form, error, names=_BESIDE)
        return await _form(request, tx, property_, form, None, status=status)
    note = "Its prices follow its parent’s." if parent else "Now set its prices under Rates & availability."
    notice = f"{row.name} has been created. {note}{await _unfit(tx, property_, row.code, now)}"
    return see_other(request, f"/admin/properties/{slug}/plans", notice=notice)


@get("/properties/{slug:str}/plans/{plan:str}", opt=staff(Permission.CATALOGUE_VIEW))
async def show_plan(
    request: Request[Any, Any, State], tx: Transaction, slug: str, plan: str
) -> Response[str]:
    """The form with what it is."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rate_plan, property_.id, plan)
    return await _form(request, tx, property_, await _filled(tx, row, property_), row)


@post("/properties/{slug:str}/plans/{plan:str}", opt=staff(Permission.CATALOGUE_EDIT))
async def change_plan(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, plan: str
) -> Response[Any]:
    """Change it for the sales to come."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rate_plan, property_.id, plan)
    form = await read(request)
    try:
        version = frame.version_of(form)
        values = _values(form, property_) | {"active": form.flag("active")}
        if row.parent_id is not None:
            values["adjustment"] = _adjustment(form, property_)
        changes = frame.shaped(form, PlanChange, values)
        changed = await service.change(
            tx, property_id=property_.id, code=plan, changes=changes, version=version
        )
    except DomainError as error:
        current = await queries.find_item(tx, rate_plan, property_.id, plan)
        form, status = frame.refused(
            form, error, current=await _filled(tx, current, property_), names=_BESIDE
        )
        return await _form(request, tx, property_, form, row, status=status)
    limits = [(one.min_stay, one.max_stay, one.active) for one in (row, changed)]
    told = await _unfit(tx, property_, plan, now) if limits[0] != limits[1] else ""
    return see_other(request, f"/admin/properties/{slug}/plans", notice=f"Saved.{told}")


@get("/properties/{slug:str}/plans/{plan:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def ask_delete(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, plan: str
) -> Response[str]:
    """Asks, or says where it is needed."""
    return await _removal(request, tx, await queries.property_by_slug(tx, slug), plan, now)


@post("/properties/{slug:str}/plans/{plan:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_plan(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, plan: str
) -> Response[Any]:
    """Remove a rate plan that nothing needs."""
    property_ = await queries.property_by_slug(tx, slug)
    return await frame.remove(
        request,
        tx,
        plan,
        lambda version: removal.remove_plan(tx, property_=property_, code=plan, now=now, version=version),
        to=f"/admin/properties/{slug}/plans",
        refused=partial(_removal, request, tx, property_, plan, now),
    )


@post("/properties/{slug:str}/plans/{plan:str}/deactivate", opt=staff(Permission.CATALOGUE_EDIT))
async def deactivate_plan(
    request: Request[Any, Any, State], tx: Transaction, slug: str, plan: str
) -> Response[bytes]:
    """Take it off sale; refused while plans that are sold derive from it."""
    property_ = await queries.property_by_slug(tx, slug)
    await service.change(tx, property_id=property_.id, code=plan, changes=PlanChange(active=False))
    return see_other(request, f"/admin/properties/{slug}/plans", notice=f"{plan} is no longer on sale.")


async def _unfit(tx: Transaction, property_: Property, code: str, now: datetime) -> str:
    """What the plan's own limits of stay do to its nights, for the notice: on which nobody can arrive."""
    catalogue = await load_catalogue(tx, property_.slug, active_only=False)
    today = business_date(now, property_.timezone, property_.day_end_time)
    found = nobody_arrives(await unfit_nights(tx, catalogue, catalogue.plans[code], today), catalogue)
    if not found:
        return ""
    more = f", and {count(len(found) - 1, 'more room type')}" if len(found) > 1 else ""
    return f" Nobody can arrive on some nights: {found[0]}{more}."


async def _removal(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    code: str,
    now: datetime,
    error: DomainError | None = None,
) -> Response[str]:
    row = await queries.find_item(tx, rate_plan, property_.id, code)
    return await frame.removal_page(
        request,
        property_,
        what=row.name,
        back=f"/admin/properties/{property_.slug}/plans/{code}",
        uses=await removal.plan_uses(tx, row=row, property_=property_, now=now),
        version=row.version,
        goes_too=await frame.texts_and_prices(tx, property_, "rate_plan_id", row.id, now),
        deactivate=row.active,
        error=error,
    )


def _words(row: RatePlan) -> list[str]:
    note = examples.limits_in_words(row.min_advance_days, row.max_advance_days, row.min_stay, row.max_stay)
    return note or ["No limits of its own"]


def _deposit_words(row: RatePlan, currency: str) -> str:
    kind, value = row.deposit_kind, row.deposit_value
    match kind:
        case "percent":
            part = f"{percent_text(value)}%"
        case "nights":
            part = "the first night" if value == 1 else f"{value} nights"
        case "fixed":
            part = money(value, currency)
        case "full":
            part = "all"
        case _:
            part = ""
    words = []
    if part:
        words.append(f"{part} {'on booking' if row.deposit_capture == 'booking' else 'reserved on booking'}")
    if row.balance_days is not None and kind != "full":
        words.append(f"{'the rest' if part else 'all'} {row.balance_days} days before arrival")
    return ", ".join(words) or "at the hotel"


async def _filled(tx: Transaction, row: RatePlan, property_: Property) -> Form:
    policy = await queries.find_item(tx, tables.cancellation_policy, property_.id, row.policy_id, key="id")
    currency = property_.currency
    values: dict[str, Any] = {
        name: getattr(row, name) for name in ("name", "description", "meal", "active", "version")
    }
    values |= {
        name: "" if (value := getattr(row, name)) is None else str(value) for name in ("sort", *_LIMITS)
    }
    values |= {
        "policy": policy.code,
        "deposit_kind": row.deposit_kind,
        "deposit_capture": row.deposit_capture,
        "balance_days": "" if row.balance_days is None else str(row.balance_days),
    }
    if row.deposit_kind in ("percent", "nights", "fixed"):
        values["deposit_value"] = _shown(row.deposit_kind, row.deposit_value, currency)
    if (adjustment := row.adjustment) is not None:
        values |= {
            "adjust_kind": adjustment.kind,
            "adjust_value": _shown(adjustment.kind, adjustment.value, currency),
            "per_person": adjustment.per_person,
        }
    return Form.of(**values)


def _shown(kind: str, value: int, currency: str) -> str:
    if kind == "percent":
        return percent_text(value)
    return str(value) if kind == "nights" else for_field(value, currency)


def _values(form: Form, property_: Property) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": form.text("name", required=True, longest=200),
        "description": form.text("description", longest=5000),
        "meal": int(form.choice("meal", map(str, MEALS)) or 14),
        "sort": form.whole("sort", -1_000_000, 1_000_000) or 0,
        "deposit": _deposit(form, property_),
    }
    for name, (low, high) in _LIMITS.items():
        values[name] = form.whole(name, low, high)
    policy = form.text("policy", longest=40)
    return values | ({"policy": policy} if policy else {})


def _deposit(form: Form, property_: Property) -> Mapping[str, Any]:
    kind = form.choice("deposit_kind", [value for value, _ in _DEPOSITS]) or "none"
    value: Any = 0
    if kind == "percent":
        value = percent_text(form.percent("deposit_value", required=True) or 0)
    elif kind == "nights":
        value = form.whole("deposit_value", 1, 366, required=True)
    elif kind == "fixed":
        value = form.money("deposit_value", property_.currency, required=True)
    return {
        "kind": kind,
        "value": value or 0,
        "capture": form.choice("deposit_capture", [value for value, _ in _CAPTURES]) or "booking",
        "balance_days": form.whole("balance_days", 0, 730),
    }


def _adjustment(form: Form, property_: Property) -> Mapping[str, Any]:
    kind = form.choice("adjust_kind", ("percent", "amount"))
    value: Any
    if kind == "amount":
        value = form.money("adjust_value", property_.currency, required=True, low=-(10**9), high=10**9)
    else:
        value = percent_text(form.percent("adjust_value", required=True, low=-100, high=1000) or 0)
    return {"kind": kind, "value": value or "0", "per_person": form.flag("per_person")}


async def _form(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    form: Form,
    row: RatePlan | None,
    *,
    status: int = 200,
) -> Response[str]:
    rows = await queries.list_items(tx, rate_plan, property_.id)
    policies = await queries.list_items(tx, tables.cancellation_policy, property_.id)
    parent = next((plan for plan in rows if row is not None and plan.id == row.parent_id), None)
    return frame.show(
        request,
        "plan.html",
        property_,
        status=status,
        form=form,
        row=row,
        parent=parent,
        adjustment=examples.adjustment_words(row.adjustment, property_.currency)
        if row is not None and row.adjustment is not None
        else "",
        children=[plan for plan in rows if row is not None and plan.parent_id == row.id],
        parents=frame.choices(plan for plan in rows if plan.parent_id is None),
        policies=frame.choices(policies),
        meals=select_options.meals(),
        deposits=_DEPOSITS,
        captures=_CAPTURES,
        adjustments=_ADJUSTMENTS,
    )


handlers = [
    list_plans,
    new_plan,
    create_plan,
    show_plan,
    change_plan,
    ask_delete,
    delete_plan,
    deactivate_plan,
]
