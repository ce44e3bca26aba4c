"""The largest numbers that PostgreSQL's columns of whole numbers hold. What is asked for beyond them is not
there, or is a mistake; the database would refuse the statement."""

from __future__ import annotations

from typing import Final

LARGEST_INTEGER: Final = 2**31 - 1
LARGEST_BIGINT: Final = 2**63 - 1
