"""Rate plans: conditions and price of selling a room type."""

from __future__ import annotations

import msgspec
from litestar import Response, get, patch, post

from hotel_booking.api.properties import owned, readable
from hotel_booking.api.versioned import claim, versioned
from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.service.taxes import percent_text
from hotel_booking.domains.properties.vocabularies import MEALS
from hotel_booking.domains.rates import plans as service
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.plans import NewPlan, PlanChange
from hotel_booking.domains.rates.tables import rate_plan
from hotel_booking.http.access import needs, public
from hotel_booking.http.answers import created
from hotel_booking.http.examples import example
from hotel_booking.http.pages import Page
from hotel_booking.http.preconditions import IfMatch

_WRITE = needs(Scope.RATES_WRITE)


class AdjustmentAnswer(msgspec.Struct, frozen=True):
    """How a derived plan's price differs from its parent's: a percentage as text, or minor units."""

    kind: str
    value: str | int
    per_person: bool


class DepositAnswer(msgspec.Struct, frozen=True):
    """What is due on booking: a percentage as text, a number of nights, or minor units. It is taken at
    `booking`, or reserved and taken at `check_in`. The rest is due `balance_days` before arrival, or (null)
    at the hotel."""

    kind: str
    value: str | int
    capture: str
    balance_days: int | None


class RatePlanAnswer(msgspec.Struct, frozen=True):
    """A rate plan. A derived one has a `parent` and an `adjustment`, and no prices of its own."""

    code: str
    name: str
    description: str
    meal: int
    meal_name: str
    policy: str
    deposit: DepositAnswer
    parent: str | None
    adjustment: AdjustmentAnswer | None
    min_advance_days: int | None
    max_advance_days: int | None
    min_stay: int | None
    max_stay: int | None
    sort: int
    active: bool


@get("/properties/{slug:str}/rate-plans", opt=public(), tags=["Rates and availability"], summary="Rate plans")
async def list_rate_plans(slug: str, tx: Transaction, caller: Caller) -> Page[RatePlanAnswer]:
    """All of them, in display order; inactive ones are not sold."""
    property_ = await readable(tx, slug, caller)
    return Page(await _answers(tx, property_.id), None)


@get(
    "/properties/{slug:str}/rate-plans/{code:str}",
    opt=public() | example(parameters={"code": "FLEX"}),
    tags=["Rates and availability"],
    summary="A rate plan",
)
async def get_rate_plan(slug: str, code: str, tx: Transaction, caller: Caller) -> Response[RatePlanAnswer]:
    """One, by its code."""
    property_ = await readable(tx, slug, caller)
    row = await queries.find_item(tx, rate_plan, property_.id, code)
    return versioned(await _one(tx, row), row)


@post(
    "/properties/{slug:str}/rate-plans",
    opt=_WRITE
    | created("code")
    | example(
        lambda _: {
            "code": "EARLY",
            "name": "Early bird",
            "parent": "FLEX",
            "adjustment": {"kind": "percent", "value": "-15"},
            "deposit": {"kind": "percent", "value": "50"},
            "min_advance_days": 30,
        }
    ),
    tags=["Rates and availability"],
    summary="Create a rate plan",
)
async def create_rate_plan(slug: str, data: NewPlan, tx: Transaction, caller: Caller) -> RatePlanAnswer:
    """Its prices are set with `PUT …/ari`, or follow its parent."""
    property_ = await owned(tx, slug, caller)
    row = await service.create(tx, property_id=property_.id, new=data)
    return await _one(tx, row)


@patch(
    "/properties/{slug:str}/rate-plans/{code:str}",
    opt=_WRITE | example(lambda _: {"max_stay": 28}, {"code": "FLEX"}),
    tags=["Rates and availability"],
    summary="Change a rate plan",
)
async def change_rate_plan(
    slug: str, code: str, data: PlanChange, tx: Transaction, caller: Caller, if_match: IfMatch
) -> Response[RatePlanAnswer]:
    """Existing bookings keep the terms they were sold with."""
    property_ = await owned(tx, slug, caller)
    await claim(tx, rate_plan, property_.id, code, if_match)
    row = await service.change(tx, property_id=property_.id, code=code, changes=data)
    return versioned(await _one(tx, row), row)


async def _answers(tx: Transaction, property_id: int) -> list[RatePlanAnswer]:
    rows = await queries.list_items(tx, rate_plan, property_id)
    codes = {row.id: row.code for row in rows}
    policies = await queries.list_items(tx, tables.cancellation_policy, property_id)
    policy_codes = {row.id: row.code for row in policies}
    return [_answer(row, codes, policy_codes) for row in rows]


async def _one(tx: Transaction, row: RatePlan) -> RatePlanAnswer:
    answers = await _answers(tx, row.property_id)
    return next(answer for answer in answers if answer.code == row.code)


def _answer(row: RatePlan, codes: dict[int, str], policies: dict[int, str]) -> RatePlanAnswer:
    deposit, adjustment = row.deposit, row.adjustment
    return RatePlanAnswer(
        code=row.code,
        name=row.name,
        description=row.description,
        meal=row.meal,
        meal_name=MEALS.get(row.meal, ""),
        policy=policies[row.policy_id],
        deposit=DepositAnswer(
            deposit.kind, _value(deposit.kind, deposit.value), deposit.capture, deposit.balance_days
        ),
        parent=codes[row.parent_id] if row.parent_id is not None else None,
        adjustment=AdjustmentAnswer(
            adjustment.kind, _value(adjustment.kind, adjustment.value), adjustment.per_person
        )
        if adjustment is not None
        else None,
        min_advance_days=row.min_advance_days,
        max_advance_days=row.max_advance_days,
        min_stay=row.min_stay,
        max_stay=row.max_stay,
        sort=row.sort,
        active=row.active,
    )


def _value(kind: str, value: int) -> str | int:
    return percent_text(value) if kind == "percent" else value


handlers = [list_rate_plans, get_rate_plan, create_rate_plan, change_rate_plan]
