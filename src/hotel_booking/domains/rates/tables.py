"""Rate plans, for statements that are composed. A test compares the table with the database."""

from __future__ import annotations

import sqlalchemy as sa

from hotel_booking.domains.properties.tables import TableOf
from hotel_booking.domains.rates.catalogue import RatePlan

metadata = sa.MetaData()

rate_plan = TableOf(
    sa.Table(
        "rate_plan",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("property_id", sa.Integer),
        sa.Column("code", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("meal", sa.SmallInteger),
        sa.Column("policy_id", sa.Integer),
        sa.Column("deposit_kind", sa.Text),
        sa.Column("deposit_value", sa.BigInteger),
        sa.Column("deposit_capture", sa.Text),
        sa.Column("balance_days", sa.SmallInteger),
        sa.Column("parent_id", sa.Integer),
        sa.Column("adjust_kind", sa.Text),
        sa.Column("adjust_value", sa.BigInteger),
        sa.Column("adjust_per_person", sa.Boolean),
        sa.Column("min_advance_days", sa.SmallInteger),
        sa.Column("max_advance_days", sa.SmallInteger),
        sa.Column("min_stay", sa.SmallInteger),
        sa.Column("max_stay", sa.SmallInteger),
        sa.Column("active", sa.Boolean),
        sa.Column("sort", sa.Integer),
        sa.Column("version", sa.Integer),
    ),
    RatePlan,
)
