"""Make and change rate plans. Bookings keep the plan's terms that they were sold with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from hotel_booking.core.amounts import read_percent
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import check_charged
from hotel_booking.domains.properties import tables as properties
from hotel_booking.domains.properties.errors import InUse
from hotel_booking.domains.properties.queries import currency_of, find_item
from hotel_booking.domains.properties.rows import changed_values, check_version, insert, update
from hotel_booking.domains.properties.service import translations
from hotel_booking.domains.properties.service.policies import flexible
from hotel_booking.domains.properties.types import Amount, Code, Name, Sort, Text, TranslatedKind, check_texts
from hotel_booking.domains.properties.vocabularies import MEALS, check_codes
from hotel_booking.domains.rates import types
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.tables import rate_plan

Days = Annotated[int, Meta(ge=0, le=1_000)]
Nights = Annotated[int, Meta(ge=1, le=366)]
Number = Annotated[int, Meta(ge=-(10**9), le=10**9)]


class AdjustmentIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a derived plan's price differs from its parent's: a percentage as text ("-10"), or an amount in
    minor units per room-night, or per person-night."""

    kind: Literal["percent", "amount"]
    value: Number | str
    per_person: bool = False


class DepositIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is due on booking: a percentage as text ("30"), a number of nights, or an amount."""

    kind: Literal["none", "full", "percent", "nights", "fixed"]
    value: Amount | str = 0
    capture: Literal["booking", "check_in"] = "booking"
    balance_days: Annotated[int, Meta(ge=0, le=730)] | None = None


class NewPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rate plan to be made. Without `policy` it gets the property's FLEX policy, made if need be. With
    `parent` and `adjustment` its prices are derived from another plan's."""

    code: Code
    name: Name | None = None
    description: Text = ""
    meal: int = 14
    policy: Code | None = None
    deposit: DepositIn = DepositIn("none")
    parent: Code | None = None
    adjustment: AdjustmentIn | None = None
    min_advance_days: Days | None = None
    max_advance_days: Days | None = None
    min_stay: Nights | None = None
    max_stay: Nights | None = None
    sort: Sort = 0


class PlanChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What changes; what is left out stays. `parent` cannot change: make another plan."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    meal: int | UnsetType = UNSET
    policy: Code | UnsetType = UNSET
    deposit: DepositIn | UnsetType = UNSET
    adjustment: AdjustmentIn | UnsetType = UNSET
    min_advance_days: Days | UnsetType | None = UNSET
    max_advance_days: Days | UnsetType | None = UNSET
    min_stay: Nights | UnsetType | None = UNSET
    max_stay: Nights | UnsetType | None = UNSET
    sort: Sort | UnsetType = UNSET
    active: bool | UnsetType = UNSET


async def create(tx: Transaction, *, property_id: int, new: NewPlan) -> RatePlan:
    """Make a rate plan. Raises `AlreadyExists` for a taken code, `NoSuchItem` for an unknown policy or
    parent, `Invalid` naming the field."""
    currency = await currency_of(tx, property_id)
    plain = ("code", "description", "meal", "sort", *_LIMITS)
    values: dict[str, Any] = {name: getattr(new, name) for name in plain}
    values |= {"property_id": property_id, "name": new.name or new.code}
    values |= _deposit(new.deposit, currency)
    if (new.parent is None) != (new.adjustment is None):
        raise Invalid(
            "a derived plan has a parent and an adjustment", field="adjustment", fix="give both, or neither"
        )
    if new.parent is not None and new.adjustment is not None:
        parent = await find_item(tx, rate_plan, property_id, new.parent, lock=True, field="parent")
        if parent.parent_id is not None:
            raise Invalid(
                f"the rate plan {new.parent!r} is itself derived",
                field="parent",
                fix="derive from a plan with its own prices",
            )
        values |= {"parent_id": parent.id, **_adjustment(new.adjustment, currency)}
    if new.policy is None:
        values["policy_id"] = await flexible(tx, property_id=property_id)
    else:
        policy = await find_item(tx, properties.cancellation_policy, property_id, new.policy, field="policy")
        values["policy_id"] = policy.id
    _check(values)
    return await insert(tx, rate_plan, values, what=f"a rate plan {new.code!r}")


async def change(
    tx: Transaction, *, property_id: int, code: str, changes: PlanChange, version: int | None = None
) -> RatePlan:
    """Change a rate plan for the sales to come. Raises `InUse` when a plan that others derive from shall
    not be sold any more, `ChangedMeanwhile` where it is not `version` any more."""
    row = await find_item(tx, rate_plan, property_id, code, lock=True)
    await check_version(tx, rate_plan, row, version)
    values, currency = changed_values(changes), await currency_of(tx, property_id)
    deposit, adjustment, policy = (values.pop(name, None) for name in ("deposit", "adjustment", "policy"))
    if deposit is not None:
        values |= _deposit(deposit, currency)
    if adjustment is not None:
        if row.parent_id is None:
            raise Invalid(
                f"the rate plan {code!r} has its own prices",
                field="adjustment",
                fix="only derived plans have an adjustment",
            )
        values |= _adjustment(adjustment, currency)
    if policy is not None:
        found = await find_item(tx, properties.cancellation_policy, property_id, policy, field="policy")
        values["policy_id"] = found.id
    check_texts(values)
    _check(asdict(row) | values)
    if values.get("active") is False:
        child = await tx.fetchval(
            "SELECT code FROM rate_plan WHERE parent_id = $1 AND active ORDER BY code LIMIT 1", row.id
        )
        if child is not None:
            raise InUse(
                f"the rate plan {child!r} is derived from {code!r}", fix=f"deactivate {child!r} first"
            )
    return await update(tx, rate_plan, row.id, values)


_LIMITS = ("min_advance_days", "max_advance_days", "min_stay", "max_stay")


def _check(values: dict[str, Any]) -> None:
    check_texts(values)
    check_codes([values["meal"]], MEALS, "meal")
    for low, high, said in (
        ("min_advance_days", "max_advance_days", "nothing is booked at least {} and at most {} days ahead"),
        ("min_stay", "max_stay", "there are no stays of at least {} and at most {} nights"),
    ):
        least, most = values[low], values[high]
        if least is not None and most is not None and least > most:
            raise Invalid(said.format(least, most), field=low, fix=f"give at most {most}, or raise the other")


def _number(value: int | str, kind: str, field: str, currency: str, percents: tuple[int, int]) -> int:
    if kind == "percent":
        return read_percent(str(value), low=percents[0], high=percents[1], name=field)
    if isinstance(value, str):
        what = "the number of nights" if kind == "nights" else "an amount in minor units"
        raise Invalid(f"{what} is a whole number", field=field, fix="send it without quotation marks")
    if kind in ("amount", "fixed"):
        check_charged(value, currency, field=field)
    return value


def _adjustment(given: AdjustmentIn, currency: str) -> dict[str, Any]:
    value = _number(given.value, given.kind, "adjustment.value", currency, (-100, 1000))
    checked = types.Adjustment(given.kind, value, given.per_person)
    if given.kind == "percent" and value == -types.MILLION:
        raise Invalid("an adjustment must be above -100 percent", field="adjustment.value")
    return {
        "adjust_kind": checked.kind,
        "adjust_value": checked.value,
        "adjust_per_person": checked.per_person,
    }


def _deposit(given: DepositIn, currency: str) -> dict[str, Any]:
    value = _number(given.value, given.kind, "deposit.value", currency, (0, 100))
    checked = types.Deposit(given.kind, value, given.capture, given.balance_days)
    return {
        "deposit_kind": checked.kind,
        "deposit_value": checked.value,
        "deposit_capture": checked.capture,
        "balance_days": checked.balance_days,
    }


async def raise_version(tx: Transaction, kind: TranslatedKind, object_id: int) -> None:
    """Whoever edits a rate plan, or what properties keep themselves, meanwhile is told that its texts have
    changed."""
    if kind == "rate_plan":
        await tx.execute("UPDATE rate_plan SET version = version + 1 WHERE id = $1", object_id)
    else:
        await translations.raise_version(tx, kind, object_id)
