"""Guests write to the hotel. Phase: expand (the release before runs on it)."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One file."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101  # an online migration has one
    driver.execute((files("hotel_booking.migrations") / "sql" / "0005_messages.sql").read_text())


def downgrade() -> None:
    """The release before runs on this schema; there is no need to go back."""
    raise NotImplementedError("the schema of 0005 is compatible with the release before; deploy that instead")
