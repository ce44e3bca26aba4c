"""${message}. Phase: expand | migrate | contract."""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
# A contraction also says whom it serves: serves = "NNNN", the NEWEST of the oldest release that runs on it.


def upgrade() -> None:
    """..."""
