"""The guest site: accounts of guests. Phase: expand (the release before runs on it)."""

from __future__ import annotations

from hotel_booking.migrations import subjects

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Its SQL."""
    subjects.apply(revision)


def downgrade() -> None:
    """There is none."""
    subjects.refuse_to_go_back(revision)
