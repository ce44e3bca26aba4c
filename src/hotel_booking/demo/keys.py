"""The demo's API key and its staff's password: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import http.client
import json
import os
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

FILE = "demo-credentials.json"


async def credentials(database_url: str, data_dir: Path) -> Path:
    """Make an API key that may do everything and staff of every role, and write what opens them to
    `demo-credentials.json`; the file's path.

    A file left by an earlier, unfinished start is replaced, because its key belongs to a lost database.
    """
    # Once for each folder; `read_credentials` is what every start needs.
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.db import Database, Origin
    from hotel_booking.demo.staff import demo_staff
    from hotel_booking.domains.identity.service import create_key
    from hotel_booking.domains.identity.types import Scope

    origin = Origin("command", name="hotel-booking demo")
    async with Database.open(database_url, size=1) as db, db.acting(origin).transaction() as tx:
        key = await create_key(tx, name="demo", scopes=[Scope.ALL], now=utc_now())
        email, password = await demo_staff(tx, now=utc_now())
        path = data_dir / FILE
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        # Born private: a chmod afterwards would leave a moment in which others can read it.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"api_key": key.secret, "email": email, "password": password}, file)
        fresh.replace(path)
    return path


class Credentials(NamedTuple):
    """What opens the demo's doors; "" where the file was made by a release that did not have it yet."""

    api_key: str
    email: str
    password: str


def read_credentials(data_dir: Path) -> Credentials | None:
    """The demo's credentials, or None where there are none (the file was deleted or is not ours to read)."""
    try:
        found = json.loads((data_dir / FILE).read_text())
        return Credentials(*(str(found.get(name, "")) for name in Credentials._fields))
    except (OSError, ValueError, AttributeError):
        return None


def refused(api_key: str, port: int) -> bool:
    """Whether the demo's server knows the key no more: whoever tries `api-key rotate` has this one at hand.
    What does not answer refuses nothing."""
    try:
        with closing(http.client.HTTPConnection("localhost", port, timeout=5)) as line:
            line.request("GET", "/api/v1/keys?limit=1", headers={"Authorization": f"Bearer {api_key}"})
            return line.getresponse().status == http.client.UNAUTHORIZED
    except (OSError, http.client.HTTPException):
        return False
