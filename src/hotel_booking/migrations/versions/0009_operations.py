"""Lists and operations of a large catalogue. Phase: expand (the release before runs on it)."""

from __future__ import annotations

from hotel_booking.migrations import subjects

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
serves = "0008"  # the `NEWEST` (core/schema.py) of the oldest release that runs on it


def upgrade() -> None:
    """Its SQL."""
    subjects.apply(revision)


def downgrade() -> None:
    """There is none."""
    subjects.refuse_to_go_back(revision)
