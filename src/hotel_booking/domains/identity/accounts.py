"""Staff accounts as they are read: by e-mail or number, with their roles and factors."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.permissions import STRONG_ROLES


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff. `has_password` is false until the invitation is taken up."""

    id: int
    email: str
    name: str
    language: str
    active: bool
    has_password: bool
    totp: bool
    passkeys: int
    grants: tuple[Grant, ...]
    created_at: datetime
    password_changed_at: datetime | None
    last_seen_at: datetime | None
    version: int

    @property
    def second_factor(self) -> bool:
        """Whether anything beside the password is asked for."""
        return self.totp or self.passkeys > 0

    @property
    def strong(self) -> bool:
        """Whether a role of theirs demands a second factor where the setting does."""
        return any(grant.role in STRONG_ROLES for grant in self.grants)


# The roles of the member `a`, each with its property.
GRANTS = (
    "(SELECT coalesce(jsonb_agg(jsonb_build_object("
    "          'role', g.role, 'property_id', g.property_id, 'slug', p.slug) ORDER BY g.id), '[]'::jsonb)"
    "   FROM staff_grant g LEFT JOIN property p ON p.id = g.property_id WHERE g.staff_id = a.id)"
)
_STAFF = (
    "SELECT a.id, a.email, a.name, a.language, a.active, a.password_hash IS NOT NULL AS has_password,"
    "       a.totp_confirmed_at IS NOT NULL AS totp,"
    "       (SELECT count(*) FROM staff_passkey k WHERE k.staff_id = a.id)::int AS passkeys,"
    f"      {GRANTS} AS grants,"
    "       a.created_at, a.password_changed_at,"
    "       (SELECT max(s.last_seen_at) FROM staff_session s WHERE s.staff_id = a.id AND s.level = 'full')"
    "       AS last_seen_at, a.version"
    "  FROM staff a"
)


async def staff_by_email(tx: Transaction, email: str) -> Staff | None:
    """The account of an e-mail address, however it is typed."""
    return await tx.fetchrow_as(
        Staff, f"{_STAFF} WHERE a.email = ANY ($1::text[]) ORDER BY a.id LIMIT 1", email_keys(email)
    )


async def staff_by_id(tx: Transaction, staff_id: int, *, lock: bool = False) -> Staff | None:
    """An account by its number; locked until the transaction ends where asked."""
    if not 0 < staff_id <= LARGEST_INTEGER:
        return None
    if lock:
        # Its own statement: what a locking read joins may be older than what it waited for.
        await tx.execute("SELECT FROM staff WHERE id = $1 FOR NO KEY UPDATE", staff_id)
    return await tx.fetchrow_as(Staff, f"{_STAFF} WHERE a.id = $1", staff_id)


async def list_staff(
    tx: Transaction, *, within: frozenset[int] | None = None, search: str = "", limit: int = 500
) -> list[Staff]:
    """Accounts by name. `within`: only people with a role at one of these properties."""
    return await tx.fetch_as(
        Staff,
        f"{_STAFF} WHERE ($1::int[] IS NULL OR EXISTS (SELECT FROM staff_grant g WHERE g.staff_id = a.id"
        "                                               AND g.property_id = ANY ($1)))"
        "   AND ($2 = '' OR position(folded($2) IN folded(a.name)) > 0 OR position(small($2) IN a.email) > 0"
        "        OR position(coalesce(folded_spelled($2), folded($2)) IN folded(a.name)) > 0"
        "        OR position(folded($2) IN folded_spelled(a.name)) > 0)"
        " ORDER BY sort_form(a.name, 'en') COLLATE \"C\", a.id LIMIT $3",
        sorted(within) if within is not None else None,
        search.strip(),
        limit,
    )


async def recovery_codes_left(tx: Transaction, staff_id: int) -> int:
    """How many recovery codes are not used yet."""
    left: int = await tx.fetchval(
        "SELECT count(*) FROM staff_recovery_code WHERE staff_id = $1 AND used_at IS NULL", staff_id
    )
    return left
