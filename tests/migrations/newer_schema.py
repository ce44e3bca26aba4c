"""A pytest plugin for the release before this one: its databases are migrated by this release's migrations.

It is loaded into that release's own tests (`-p newer_schema`), so it knows nothing of this release but what
the environment says: NEWER_RELEASE_PYTHON and NEWER_RELEASE_SOURCE.
"""

from __future__ import annotations

import os
import subprocess

from hotel_booking import migrations

_MIGRATE = "import sys; from hotel_booking import migrations; migrations.upgrade(sys.argv[1])"


def _by_the_newer_release(database_url: str) -> list[str]:
    older = migrations.head()
    subprocess.run(
        [os.environ["NEWER_RELEASE_PYTHON"], "-c", _MIGRATE, database_url],
        env=os.environ | {"PYTHONPATH": os.environ["NEWER_RELEASE_SOURCE"]},
        check=True,
    )
    at = migrations.current(database_url)
    assert at is not None
    assert at > older, f"the database is at {at}, which is no newer than this release's {older}"
    return [f"schema -> {at}, by the release after this one"]


migrations.upgrade = _by_the_newer_release
