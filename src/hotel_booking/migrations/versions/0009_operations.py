"""Lists and operations of a large catalogue. Phase: expand (the release before runs on it)."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One file per subject, each independent of the others."""
    sql = files("hotel_booking.migrations") / "sql"
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101  # an online migration has one
    for part in sorted(file.name for file in sql.iterdir() if file.name.startswith("0009_")):
        driver.execute((sql / part).read_text())


def downgrade() -> None:
    """The release before runs on this schema; there is no need to go back."""
    raise NotImplementedError("the schema of 0009 is compatible with the release before; deploy that instead")
