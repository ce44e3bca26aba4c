"""Reading API keys."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.types import ApiKey, Scope

_KEY = (
    "SELECT k.id, k.name, k.scopes, k.property_ids, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,"
    "       k.replaced_by,"
    "       ARRAY(SELECT p.slug FROM property p WHERE p.id = ANY (k.property_ids) ORDER BY p.slug) AS slugs"
    "  FROM api_key k "
)


class KnownKey(msgspec.Struct, frozen=True):
    """What a request needs of its key; `property_ids` None: every property."""

    id: int
    name: str
    scopes: frozenset[Scope]
    property_ids: frozenset[int] | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def key_by_hash(tx: Transaction, key_hash: bytes) -> KnownKey | None:
    """The key that hashes to this, whether it opens something or not any more."""
    return await tx.fetchrow_as(
        KnownKey,
        "SELECT id, name, scopes, property_ids, expires_at, revoked_at, last_used_at"
        "  FROM api_key WHERE key_hash = $1",
        key_hash,
    )


async def find_key(tx: Transaction, key_id: int, *, lock: bool = False) -> ApiKey | None:
    """One key, by its id; locked until the transaction ends where asked."""
    row = await tx.fetchrow(f"{_KEY} WHERE k.id = $1{' FOR UPDATE OF k' if lock else ''}", key_id)
    return _key(row) if row else None


async def list_keys(
    tx: Transaction, *, after: int | None = None, limit: int = 50, within: frozenset[int] | None = None
) -> list[ApiKey]:
    """Keys, newest first, from below the id `after`. `within`: only those limited to these properties."""
    rows = await tx.fetch(
        f"{_KEY} WHERE k.id < $1 AND ($3::int[] IS NULL OR k.property_ids <@ $3) ORDER BY k.id DESC LIMIT $2",
        after if after is not None else LARGEST_INTEGER,
        limit,
        sorted(within) if within is not None else None,
    )
    return [_key(row) for row in rows]


async def property_ids(tx: Transaction, slugs: list[str]) -> dict[str, int]:
    """The ids of the properties that exist, by slug."""
    rows = await tx.fetch("SELECT slug, id FROM property WHERE slug = ANY ($1)", slugs)
    return {row["slug"]: row["id"] for row in rows}


async def touch(tx: Transaction, key_id: int, now: datetime) -> None:
    """Note that a key was used."""
    await tx.execute("UPDATE api_key SET last_used_at = $2 WHERE id = $1", key_id, now)


def _key(row: Row) -> ApiKey:
    limited = row["property_ids"] is not None
    return ApiKey(
        id=row["id"],
        name=row["name"],
        scopes=tuple(Scope(scope) for scope in row["scopes"]),
        property_ids=tuple(row["property_ids"]) if limited else None,
        properties=tuple(row["slugs"]) if limited else None,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        replaced_by=row["replaced_by"],
    )
