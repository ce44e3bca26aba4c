"""The first schema. Phase: baseline (nothing ran before it)."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables first, then the functions that use them."""
    sql = files("hotel_booking.migrations") / "sql"
    for name in ("0001_tables.sql", "0001_functions.sql"):
        # The driver's own connection: a script of many statements, with no parameters to look for.
        driver = op.get_bind().connection.driver_connection
        assert driver is not None  # noqa: S101  # an online migration has one
        driver.execute((sql / name).read_text())


def downgrade() -> None:
    """There is nothing before the baseline to go back to."""
    raise NotImplementedError("restore a backup instead")
