"""Every module of ours, imported: what `processes` forks from. Nothing else has a reason to import this."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import pkgutil

import pytest  # noqa: F401  # a child looks at its parent's program, which is pytest

import hotel_booking
from hotel_booking.cli import NOUNS, app, command_of

_NO_MODULES = ("hotel_booking.migrations.env", "hotel_booking.migrations.versions.")  # Alembic runs them

for _module in pkgutil.walk_packages(hotel_booking.__path__, "hotel_booking."):
    if not _module.name.startswith(_NO_MODULES) and not _module.name.endswith(".libstays"):
        importlib.import_module(_module.name)
for _noun in NOUNS:
    command_of(_noun)  # what its options say is made when it is first called
with contextlib.redirect_stdout(io.StringIO()):
    app(["permissions", "--help"], standalone_mode=False)  # and so is what reads and shows them
gc.collect()
gc.freeze()  # or each child would copy what its garbage collector looks at
