"""Alembic's environment: it is driven by `hotel_booking.migrations.upgrade` and nothing else."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context

from hotel_booking.core.schema import serving


def _say_whom_it_serves(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    """In the transaction of a revision that names it: releases before that one refuse this schema from then
    on, or never, where it fails."""
    del heads, run_args
    serves = getattr(step.up_revision.module, "serves", None)
    if serves is not None:
        ctx.connection.execute(sa.text(serving(serves)))


context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,
    on_version_apply=_say_whom_it_serves,
)
with context.begin_transaction():
    context.run_migrations()
