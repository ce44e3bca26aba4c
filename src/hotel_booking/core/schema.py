"""Which schemas of the database this release runs on.

Revisions are four digits, counted up, and compare as text. A newer one than `NEWEST` only expands what this
release knows: its processes run on while the next release migrates. Below `OLDEST` something is missing that
requests need.
"""

from __future__ import annotations

OLDEST, NEWEST = "0009", "0009"
