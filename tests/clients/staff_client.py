"""Staff in the panel: somebody with roles, signed in, and a client that sends requests as a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.service.sessions import start
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http import cookies
from tests.clients.http_client import client_of

HERE = Visitor("203.0.113.7", "203.0.113.7", "test")
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


async def staff(db: Database, *grants: tuple[Role, str | None], name: str = "Ada Member") -> int:
    """A member of staff with roles at properties by their slugs (None: at every property)."""
    async with db.transaction() as tx:
        number: int = await tx.fetchval("SELECT coalesce(max(id), 0) + 1 FROM staff")
        staff_id: int = await tx.fetchval(
            "INSERT INTO staff (email, name, created_at) VALUES ($1, $2, $3) RETURNING id",
            f"staff{number}@example.com",
            name,
            utc_now(),
        )
        for role, slug in grants:
            property_id = await tx.fetchval("SELECT id FROM property WHERE slug = $1", slug)
            assert slug is None or property_id is not None, slug
            await tx.execute(
                "INSERT INTO staff_grant (staff_id, role, property_id) VALUES ($1, $2, $3)",
                staff_id,
                role.value,
                property_id,
            )
    return staff_id


async def session_of(db: Database, staff_id: int) -> str:
    """The token of a fresh session, completely signed in."""
    async with db.transaction() as tx:
        return await start(tx, STAFF, owner_id=staff_id, visitor=HERE, now=utc_now())


@asynccontextmanager
async def signed_in(
    app: Application, db: Database, *grants: tuple[Role, str | None], name: str = "Ada Member"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of somebody with these roles; `settings_for(..., mfa_required=False)` spares them the second
    factor."""
    token = await session_of(db, await staff(db, *grants, name=name))
    async with client_of(app, **SAME_ORIGIN) as client:
        client.cookies.set(cookies.STAFF, token, domain="test.local")  # as the jar names a host without a dot
        yield client
