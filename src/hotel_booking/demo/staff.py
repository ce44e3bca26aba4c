"""The demo's staff: one account for each role, all with one password that is made anew for each demo."""

from __future__ import annotations

import secrets
from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.service import passwords
from hotel_booking.domains.identity.permissions import Role

DOMAIN = "wayfinch.example"
# Who runs the group works for all of it, who runs a property for one.
_AT_ONE_PROPERTY = frozenset({Role.MANAGER, Role.FRONT_DESK, Role.HOUSEKEEPING})


async def demo_staff(tx: Transaction, *, now: datetime) -> tuple[str, str]:
    """Make the accounts; the owner's e-mail and everybody's password."""
    # Letters and digits that nobody mistakes for others; 80 random bits.
    password = "-".join(
        "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(4)
    )
    hashed = await passwords.hashed(password)
    for role in Role:
        staff_id = await tx.fetchval(
            "INSERT INTO staff (email, name, password_hash, password_changed_at, created_at)"
            " VALUES ($1, $2, $3, $4, $4) RETURNING id",
            f"{role.value.replace('_', '-')}@{DOMAIN}",
            f"Demo {role.label.lower()}",
            hashed,
            now,
        )
        await tx.execute(
            "INSERT INTO staff_grant (staff_id, role, property_id)"
            " VALUES ($1, $2, CASE WHEN $3 THEN (SELECT min(id) FROM property) END)",
            staff_id,
            role.value,
            role in _AT_ONE_PROPERTY,
        )
    return f"owner@{DOMAIN}", password
