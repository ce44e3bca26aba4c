"""Cancellation policies: steps that are added and removed by buttons, and what they mean for a stay."""

from __future__ import annotations

from datetime import datetime, time
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue import frame
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.formats import for_field
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Policy, Property
from hotel_booking.domains.properties.service import policies as service
from hotel_booking.domains.properties.service.taxes import percent_text
from hotel_booking.domains.rates.catalogue import policy_of
from hotel_booking.domains.rates.examples import PolicyExample, policy_example
from hotel_booking.domains.rates.removal import policy_uses, remove_policy
from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Step
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, FormProblems, read
from hotel_booking.http.ui.render import see_other

_MOST_STEPS = 20
_FEES = (("percent", "Per cent"), ("nights", "First nights"), ("fixed", "Amount"))


@get("/properties/{slug:str}/policies", opt=staff(Permission.CATALOGUE_VIEW))
async def list_policies(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """All of them, each with what it means and which plans are sold by it."""
    property_ = await queries.property_by_slug(tx, slug)
    rows = await queries.list_items(tx, tables.cancellation_policy, property_.id)
    return frame.show(
        request,
        "policies.html",
        property_,
        rows=rows,
        examples={row.id: _example(policy_of(row), property_, now) for row in rows},
        uses={row.id: await policy_uses(tx, policy_id=row.id) for row in rows},
    )


@get("/properties/{slug:str}/new-policy", opt=staff(Permission.CATALOGUE_EDIT))
async def new_policy(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """A policy as many hotels have it, to begin with."""
    property_ = await queries.property_by_slug(tx, slug)
    first_night = Fee("nights", 1)
    form = _shape(CancellationPolicy("", "", (Step(1, time(18), first_night),), first_night), property_)
    return _form(request, property_, form, None, now)


@post("/properties/{slug:str}/new-policy", opt=staff(Permission.CATALOGUE_EDIT))
async def create_policy(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[Any]:
    """Make a policy, or another row of the form."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    if form.value("act") not in ("", "save"):
        return _form(request, property_, _rearranged(form), None, now)
    try:
        policy = _read(form, property_)
        code = form.text("code", required=True, longest=40)
        if not frame.is_code(code):
            form.wrong("code", frame.CODE_HINT)
        form.check()
        await service.create(
            tx,
            property_id=property_.id,
            code=code,
            name=policy.name,
            steps=list(msgspec.to_builtins(policy.steps)),
            no_show=msgspec.to_builtins(policy.no_show),
        )
    except DomainError as error:
        form, status = frame.refused(form, error)
        return _form(request, property_, form, None, now, status=status)
    return see_other(request, f"/admin/properties/{slug}/policies", notice=f"{policy.name} has been created.")


@get("/properties/{slug:str}/policies/{policy:str}", opt=staff(Permission.CATALOGUE_VIEW))
async def show_policy(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, policy: str
) -> Response[str]:
    """The form with its steps."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, tables.cancellation_policy, property_.id, policy)
    return _form(request, property_, _filled(row, property_), row, now)


@post("/properties/{slug:str}/policies/{policy:str}", opt=staff(Permission.CATALOGUE_EDIT))
async def change_policy(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, policy: str
) -> Response[Any]:
    """Change it for the sales to come, or only a row of the form."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, tables.cancellation_policy, property_.id, policy)
    form = await read(request)
    if form.value("act") not in ("", "save"):
        return _form(request, property_, _rearranged(form), row, now)
    try:
        version = frame.version_of(form)
        changed = _read(form, property_)
        values = {
            "name": changed.name,
            "steps": list(msgspec.to_builtins(changed.steps)),
            "no_show": msgspec.to_builtins(changed.no_show),
        }
        await service.change(tx, property_id=property_.id, code=policy, values=values, version=version)
    except DomainError as error:
        current = await queries.find_item(tx, tables.cancellation_policy, property_.id, policy)
        form, status = frame.refused(form, error, current=_filled(current, property_))
        return _form(request, property_, form, row, now, status=status)
    return see_other(
        request, f"/admin/properties/{slug}/policies", notice="Saved. New bookings use it from now on."
    )


@get("/properties/{slug:str}/policies/{policy:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def ask_delete(
    request: Request[Any, Any, State], tx: Transaction, slug: str, policy: str
) -> Response[str]:
    """Asks, or says which plans are sold by it."""
    return await _removal(request, tx, await queries.property_by_slug(tx, slug), policy)


@post("/properties/{slug:str}/policies/{policy:str}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_policy(
    request: Request[Any, Any, State], tx: Transaction, slug: str, policy: str
) -> Response[Any]:
    """Remove a policy that no plan is sold by."""
    property_ = await queries.property_by_slug(tx, slug)
    return await frame.remove(
        request,
        tx,
        policy,
        lambda version: remove_policy(tx, property_id=property_.id, code=policy, version=version),
        to=f"/admin/properties/{slug}/policies",
        refused=partial(_removal, request, tx, property_, policy),
    )


async def _removal(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    code: str,
    error: DomainError | None = None,
) -> Response[str]:
    row = await queries.find_item(tx, tables.cancellation_policy, property_.id, code)
    return await frame.removal_page(
        request,
        property_,
        what=row.name,
        back=f"/admin/properties/{property_.slug}/policies/{code}",
        uses=await policy_uses(tx, policy_id=row.id),
        version=row.version,
        error=error,
    )


def _example(policy: CancellationPolicy, property_: Property, now: datetime) -> PolicyExample:
    today = business_date(now, property_.timezone, property_.day_end_time)
    return policy_example(policy, currency=property_.currency, timezone=property_.timezone, today=today)


def _filled(row: Policy, property_: Property) -> Form:
    return _shape(policy_of(row), property_, version=row.version)


def _shape(policy: CancellationPolicy, property_: Property, version: int | None = None) -> Form:
    """A policy as the form shows it, in rows named `days-0`, `at-0`, `kind-0`, `value-0`; no days: from the
    booking on."""
    currency = property_.currency
    values: dict[str, Any] = {"name": policy.name, "version": version, "steps": str(len(policy.steps))}
    for place, step in enumerate(policy.steps):
        values |= {
            f"days-{place}": "" if step.days_before is None else str(step.days_before),
            f"at-{place}": step.at.isoformat("minutes"),
            f"kind-{place}": step.fee.kind,
            f"value-{place}": _shown(step.fee, currency),
        }
    values |= {"no_show_kind": policy.no_show.kind, "no_show_value": _shown(policy.no_show, currency)}
    return Form.of(**values)


def _shown(fee: Fee, currency: str) -> str:
    if fee.kind == "percent":
        return percent_text(fee.value)
    return str(fee.value) if fee.kind == "nights" else for_field(fee.value, currency)


def _count(form: Form) -> int:
    text = form.value("steps")
    return min(int(text), _MOST_STEPS) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def _rearranged(form: Form) -> Form:
    """With one row more, or without one: what the buttons of the form ask for. Nothing is saved."""
    act, count = form.value("act"), _count(form)
    places = list(range(count))
    if act.startswith("remove-"):
        places = [place for place in places if f"remove-{place}" != act]
    if act == "add" and count < _MOST_STEPS:
        places.append(count)
    values = {
        name: form.many(name) for name in form.names() if name.partition("-")[0] not in _ROW and name != "act"
    }
    for place, old in enumerate(places):
        for part in _ROW:
            values[f"{part}-{place}"] = form.many(f"{part}-{old}") or _NEW_ROW[part]
    return Form({**values, "steps": [str(len(places))]})


_ROW = ("days", "at", "kind", "value")
_NEW_ROW = {"days": ["0"], "at": ["18:00"], "kind": ["percent"], "value": ["100"]}


def _read(form: Form, property_: Property) -> CancellationPolicy:
    """The policy that the form says. Raises `FormProblems`, each problem beside its field."""
    steps: list[Step] = []
    name = form.text("name", required=True, longest=200)
    for place in range(_count(form)):
        days = form.whole(f"days-{place}", 0, 3650)
        at = frame.clock(form, f"at-{place}")
        fee = _fee(form, f"kind-{place}", f"value-{place}", property_)
        if at is not None and fee is not None:
            steps.append(Step(days, at, fee))
    no_show = _fee(form, "no_show_kind", "no_show_value", property_)
    form.check()
    try:
        return CancellationPolicy("", name, tuple(steps), no_show or Fee("fixed", 0))
    except DomainError as error:
        number = (error.field or "").removeprefix("steps[").partition("]")[0]
        form.wrong(
            f"days-{number}", "must be later than the step above it: the step nearest arrival comes last"
        )
        raise FormProblems("the steps are out of order") from None


def _fee(form: Form, kind_name: str, value_name: str, property_: Property) -> Fee | None:
    kind = form.choice(kind_name, [value for value, _ in _FEES])
    value: int | None
    if kind == "percent":
        value = form.percent(value_name, required=True)
    elif kind == "nights":
        value = form.whole(value_name, 0, 366, required=True)
    else:
        value = form.money(value_name, property_.currency, required=True)
    # The form allows these kinds alone.
    return None if value is None or not kind else Fee(kind, value)  # type: ignore[arg-type]


def _form(
    request: Request[Any, Any, State],
    property_: Property,
    form: Form,
    row: Policy | None,
    now: datetime,
    *,
    status: int = 200,
) -> Response[str]:
    tried = Form({name: form.many(name) for name in form.names()} | {"name": ["Example"]})
    try:
        example: PolicyExample | None = _example(_read(tried, property_), property_, now)
    except DomainError:
        example = None
    return frame.show(
        request,
        "policy.html",
        property_,
        status=status,
        form=form,
        row=row,
        steps=_count(form),
        max_steps=_MOST_STEPS,
        fees=_FEES,
        example=example,
    )


handlers = [
    list_policies,
    new_policy,
    create_policy,
    show_policy,
    change_policy,
    ask_delete,
    delete_policy,
]
