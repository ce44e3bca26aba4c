"""Rate plans, for statements that are composed. A test compares the table with the database."""

from __future__ import annotations

from hotel_booking.domains.properties.tables import TableOf
from hotel_booking.domains.rates.catalogue import RatePlan

rate_plan = TableOf(
    "rate_plan",
    RatePlan,
    property_id="integer",
    code="text",
    name="text",
    description="text",
    meal="smallint",
    policy_id="integer",
    deposit_kind="text",
    deposit_value="bigint",
    deposit_capture="text",
    balance_days="smallint",
    parent_id="integer",
    adjust_kind="text",
    adjust_value="bigint",
    adjust_per_person="boolean",
    min_advance_days="smallint",
    max_advance_days="smallint",
    min_stay="smallint",
    max_stay="smallint",
    active="boolean",
    sort="integer",
    version="integer",
)
