"""People: staff, audit log, mail, and what the panel needs. Phase: expand (the release before runs on it)."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PARTS = ("identity", "audit", "mail", "bookings", "catalogue", "rates")


def upgrade() -> None:
    """One file per part; the audit triggers come after the tables of people."""
    sql = files("hotel_booking.migrations") / "sql"
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101  # an online migration has one
    for part in _PARTS:
        driver.execute((sql / f"0002_{part}.sql").read_text())


def downgrade() -> None:
    """The release before runs on this schema; there is no need to go back."""
    raise NotImplementedError("the schema of 0002 is compatible with the release before; deploy that instead")
