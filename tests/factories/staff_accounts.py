"""Members of staff for tests, and a browser that is signed in as one."""

from __future__ import annotations

import re
from typing import Any

import httpx

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.service import passwords
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.service import staff
from tests.clients.http_client import client_of

SECRET_KEY = "a key for tests alone, of more than 32 characters"
PASSWORD = "ochre lantern gravel tide"
BROWSER = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}


async def member(
    db: Database,
    email: str = "ana@example.com",
    *grants: Grant,
    password: str | None = PASSWORD,
    name: str = "Ana Bek",
) -> Staff:
    """An account with a password; a front desk's at every property unless roles are named."""
    async with db.transaction() as tx:
        invited = await staff.invite(
            tx,
            email=email,
            name=name,
            grants=grants or (Grant(Role.FRONT_DESK),),
            by=None,
            now=utc_now(),
        )
        if password is not None:
            await tx.execute(
                "UPDATE staff SET password_hash = $2 WHERE id = $1",
                invited.staff.id,
                await passwords.hashed(password),
            )
    return invited.staff


def browser(app: Application, *, address: str = "203.0.113.7", **headers: str) -> httpx.AsyncClient:
    """A browser at an address, that says where its requests come from and keeps its cookies."""
    return client_of(app, address=address, **{**BROWSER, **headers})


async def sign_in(
    client: httpx.AsyncClient, email: str = "ana@example.com", password: str = PASSWORD, **more: str
) -> httpx.Response:
    """Send the sign-in form."""
    return await client.post("/admin/sign-in", data={"email": email, "password": password, **more})


def says(answer: httpx.Response) -> str:
    """The text that a page shows."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


async def sessions_of(db: Database, email: str = "ana@example.com") -> list[Any]:
    """The account's sessions, oldest first."""
    async with db.transaction() as tx:
        return await tx.fetch(
            "SELECT s.* FROM staff_session s JOIN staff m ON m.id = s.staff_id WHERE m.email = $1"
            " ORDER BY s.id",
            email,
        )
