"""What the second release of tests/release changes is still there: were it moved from under it, that release
would fail for another reason than it is tried for, on the cluster, each night."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_IMAGE = Path(__file__).resolve().parents[1] / "release" / "image"
_CHANGED = {
    "good": ("hotel_booking.app", "create_app"),
    "errors": ("hotel_booking.core.db", "Database.take"),
    "unbooked": ("hotel_booking.domains.bookings.service.pay", "accept"),
}


@pytest.mark.parametrize("how", _CHANGED)
def test_a_release_differs_by_what_it_is_named_for(how: str) -> None:
    module, name = _CHANGED[how]
    code = f"import sys, {module}; print(sys.modules[{module!r}].{name}.__module__)"
    environment = {**os.environ, "RELEASE_TAG": f"r3-{how}", "PYTHONPATH": str(_IMAGE)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("sitecustomize", 0), done.stderr
