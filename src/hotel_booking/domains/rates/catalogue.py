"""Rate plans and nights as a property keeps them, and the rules that its policies and taxes are."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from hotel_booking.domains.properties import catalogue
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.domains.rates.types import Adjustment, CancellationPolicy, Deposit, Tax


class RatePlan(catalogue.Kept, frozen=True, kw_only=True):
    """A rate plan. `deposit_value` and `adjust_value` are parts per million where their kind is percent, else
    nights or minor units; a plan with `parent_id` has an adjustment, and no prices of its own."""

    property_id: int
    code: str
    name: str
    description: str
    meal: int
    policy_id: int
    deposit_kind: Literal["none", "full", "percent", "nights", "fixed"]
    deposit_value: int
    deposit_capture: Literal["booking", "check_in"]
    balance_days: int | None
    parent_id: int | None
    adjust_kind: Literal["percent", "amount"] | None
    adjust_value: int | None
    adjust_per_person: bool
    min_advance_days: int | None
    max_advance_days: int | None
    min_stay: int | None
    max_stay: int | None
    active: bool
    sort: int

    @property
    def price_plan_id(self) -> int:
        """The plan whose nightly prices it is sold at: its parent's, or its own."""
        return self.parent_id or self.id

    @property
    def deposit(self) -> Deposit:
        """What is due on booking."""
        return Deposit(self.deposit_kind, self.deposit_value, self.deposit_capture, self.balance_days)

    @property
    def adjustment(self) -> Adjustment | None:
        """How its prices differ from its parent's; None where they are its own."""
        return Adjustment.of(self.adjust_kind, self.adjust_value, self.adjust_per_person)


class LoadedRoomNight(Restriction, frozen=True, kw_only=True):
    """A room type's night as it is loaded: of `capacity` rooms `taken` are held or sold; `capacity` is what
    is offered of the `physical` rooms, less the `blocked` ones; `overbooking_limit` more may be sold."""

    room_type: str
    night: date
    capacity: int
    taken: int
    physical: int
    blocked: int
    overbooking_limit: int


class LoadedRateNight(Restriction, frozen=True, kw_only=True):
    """A night of a room type on a plan as it is loaded; amounts are minor units, `children` by band."""

    room_type: str
    rate_plan: str
    night: date
    price: int | None
    extra_adult: int | None
    children: list[int] | None


def policy_of(kept: catalogue.Policy) -> CancellationPolicy:
    """A property's policy as the rule that a stay is sold with."""
    return msgspec.convert(kept, CancellationPolicy, from_attributes=True)


def tax_of(kept: catalogue.Tax) -> Tax:
    """A property's tax as the rule that prices are computed with."""
    return msgspec.convert(kept, Tax, from_attributes=True)
