"""Rate plans, for statements that are composed. A test compares the table with the database."""

from __future__ import annotations

import sqlalchemy as sa

from hotel_booking.domains.properties.tables import TableOf
from hotel_booking.domains.rates.catalogue import RatePlan

metadata = sa.MetaData()

rate_plan = TableOf(
    "rate_plan",
    RatePlan,
    metadata,
    property_id=sa.Integer,
    code=sa.Text,
    name=sa.Text,
    description=sa.Text,
    meal=sa.SmallInteger,
    policy_id=sa.Integer,
    deposit_kind=sa.Text,
    deposit_value=sa.BigInteger,
    deposit_capture=sa.Text,
    balance_days=sa.SmallInteger,
    parent_id=sa.Integer,
    adjust_kind=sa.Text,
    adjust_value=sa.BigInteger,
    adjust_per_person=sa.Boolean,
    min_advance_days=sa.SmallInteger,
    max_advance_days=sa.SmallInteger,
    min_stay=sa.SmallInteger,
    max_stay=sa.SmallInteger,
    active=sa.Boolean,
    sort=sa.Integer,
    version=sa.Integer,
)
