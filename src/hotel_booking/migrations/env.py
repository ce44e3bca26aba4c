"""Alembic's environment: it is driven by `hotel_booking.migrations.upgrade` and nothing else."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
