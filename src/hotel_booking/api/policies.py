"""Cancellation policies."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, patch, post
from msgspec import UNSET, Meta, UnsetType

from hotel_booking.api.properties import owned, readable
from hotel_booking.api.versioned import claim, versioned
from hotel_booking.core.amounts import read_percent
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import check_charged
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Policy, PolicyFee
from hotel_booking.domains.properties.service import policies as service
from hotel_booking.domains.properties.service.taxes import percent_text
from hotel_booking.domains.properties.types import Amount, Code, Name
from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Step
from hotel_booking.http.access import needs, public
from hotel_booking.http.answers import created
from hotel_booking.http.examples import example
from hotel_booking.http.pages import Page
from hotel_booking.http.preconditions import IfMatch

_WRITE = needs(Scope.RATES_WRITE)


class FeeShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fee: a percentage of the stay's total as text ("50"), the first nights, or minor units."""

    kind: Literal["percent", "nights", "fixed"]
    value: Amount | str


class StepShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `at`, property time, on the day `days_before` days before arrival, cancelling costs `fee`; with
    `days_before` null from the booking on."""

    fee: FeeShape
    days_before: Annotated[int, Meta(ge=0, le=3650)] | None = None
    at: time = time(18)


Steps = Annotated[list[StepShape], Meta(max_length=20)]


class NewPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new policy. Cancelling is free before its first step."""

    code: Code
    steps: Steps
    no_show: FeeShape
    name: Name | None = None


class PolicyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; fields left out stay as they are."""

    name: Name | UnsetType = UNSET
    steps: Steps | UnsetType = UNSET
    no_show: FeeShape | UnsetType = UNSET


class PolicyAnswer(msgspec.Struct, frozen=True):
    """A cancellation policy."""

    code: str
    name: str
    steps: list[StepShape]
    no_show: FeeShape


@get(
    "/properties/{slug:str}/policies",
    opt=public(),
    tags=["Rates and availability"],
    summary="Cancellation policies",
)
async def list_policies(slug: str, tx: Transaction, caller: Caller) -> Page[PolicyAnswer]:
    """All of them."""
    property_ = await readable(tx, slug, caller)
    rows = await queries.list_items(tx, tables.cancellation_policy, property_.id)
    return Page([_answer(row) for row in rows], None)


@get(
    "/properties/{slug:str}/policies/{code:str}",
    opt=public() | example(parameters={"code": "FLEXIBLE"}),
    tags=["Rates and availability"],
    summary="A cancellation policy",
)
async def get_policy(slug: str, code: str, tx: Transaction, caller: Caller) -> Response[PolicyAnswer]:
    """One, by its code."""
    property_ = await readable(tx, slug, caller)
    row = await queries.find_item(tx, tables.cancellation_policy, property_.id, code)
    return versioned(_answer(row), row)


@post(
    "/properties/{slug:str}/policies",
    opt=_WRITE
    | created("code")
    | example(
        lambda _: {
            "code": "TWO-DAYS",
            "name": "Free until two days before",
            "steps": [
                {"days_before": 2, "at": "18:00:00", "fee": {"kind": "nights", "value": 1}},
                {"days_before": 0, "at": "18:00:00", "fee": {"kind": "percent", "value": "100"}},
            ],
            "no_show": {"kind": "percent", "value": "100"},
        }
    ),
    tags=["Rates and availability"],
    summary="Create a policy",
)
async def create_policy(slug: str, data: NewPolicy, tx: Transaction, caller: Caller) -> PolicyAnswer:
    """Steps in chronological order, the one nearest arrival last."""
    property_ = await owned(tx, slug, caller)
    row = await service.create(
        tx,
        property_id=property_.id,
        code=data.code,
        name=data.name or data.code,
        steps=_steps(data.steps, property_.currency),
        no_show=msgspec.to_builtins(_fee(data.no_show, "no_show", property_.currency)),
    )
    return _answer(row)


@patch(
    "/properties/{slug:str}/policies/{code:str}",
    opt=_WRITE | example(lambda _: {"no_show": {"kind": "nights", "value": 1}}, {"code": "FLEXIBLE"}),
    tags=["Rates and availability"],
    summary="Change a policy",
)
async def change_policy(
    slug: str, code: str, data: PolicyChange, tx: Transaction, caller: Caller, if_match: IfMatch
) -> Response[PolicyAnswer]:
    """Existing bookings keep the policy they were sold with."""
    property_ = await owned(tx, slug, caller)
    values: dict[str, Any] = {}
    if data.name is not UNSET:
        values["name"] = data.name
    if data.steps is not UNSET:
        values["steps"] = _steps(data.steps, property_.currency)
    if data.no_show is not UNSET:
        values["no_show"] = msgspec.to_builtins(_fee(data.no_show, "no_show", property_.currency))
    await claim(tx, tables.cancellation_policy, property_.id, code, if_match)
    row = await service.change(tx, property_id=property_.id, code=code, values=values)
    return versioned(_answer(row), row)


def _fee(given: FeeShape, field: str, currency: str) -> Fee:
    if given.kind == "percent":
        value = read_percent(str(given.value), name=f"{field}.value")
    elif isinstance(given.value, str):
        raise Invalid(
            "nights and amounts must be whole numbers",
            field=f"{field}.value",
            fix="only a percentage is a string, such as 50",
        )
    else:
        value = given.value
        if given.kind == "fixed":
            check_charged(value, currency, field=f"{field}.value")
    return Fee(given.kind, value)


def _steps(given: list[StepShape], currency: str) -> list[dict[str, Any]]:
    for index, step in enumerate(given):
        if step.at.tzinfo is not None:
            raise Invalid(
                "the time is the property's, without an offset",
                field=f"steps[{index}].at",
                fix="such as 18:00:00",
            )
    steps = tuple(
        Step(step.days_before, step.at, _fee(step.fee, f"steps[{index}].fee", currency))
        for index, step in enumerate(given)
    )
    CancellationPolicy("", "", steps, Fee("fixed", 0))  # checks that they come in the order of time
    builtins: list[dict[str, Any]] = msgspec.to_builtins(steps)
    return list(builtins)


def _shown(fee: PolicyFee) -> FeeShape:
    return FeeShape(fee.kind, percent_text(fee.value) if fee.kind == "percent" else fee.value)


def _answer(row: Policy) -> PolicyAnswer:
    steps = [StepShape(_shown(step.fee), step.days_before, step.at) for step in row.steps]
    return PolicyAnswer(row.code, row.name, steps, _shown(row.no_show))


handlers = [list_policies, get_policy, create_policy, change_policy]
