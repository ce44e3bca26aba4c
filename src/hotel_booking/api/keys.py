"""API keys, for those who hold one with keys:write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import Parameter

from hotel_booking.core.dates import Instant
from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity import queries, service
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.errors import KeyNotFound
from hotel_booking.domains.identity.types import ApiKey, NewKey, Scope
from hotel_booking.http import pages
from hotel_booking.http.access import needs
from hotel_booking.http.answers import created, secret
from hotel_booking.http.examples import HOTEL, example
from hotel_booking.http.pages import Page

_TAG = ["API keys"]
KeyId = Annotated[
    int, Parameter(description="The key's number, as the list shows it.", ge=1, le=LARGEST_INTEGER)
]


class Key(msgspec.Struct, frozen=True):
    """An API key without its secret. `properties` null: every property. `replaced_by`: the key that took its
    place when it was rotated."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    properties: tuple[str, ...] | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None
    replaced_by: int | None


class KeyWithSecret(msgspec.Struct, frozen=True):
    """A new key. `secret` is shown only once."""

    key: Key
    secret: str


class CreateKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a new key may do. It cannot grant more than the key that asks."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["Channel manager"])]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=20)]
    properties: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    expires_at: Instant | None = None


class RotateKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How long the old secret keeps working alongside the new one."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 30)] = 24


@get("/keys", opt=needs(Scope.KEYS_WRITE), tags=_TAG, summary="List API keys")
async def list_keys(
    tx: Transaction,
    caller: Caller,
    limit: Annotated[int, Parameter(ge=1, le=pages.MAX_LIMIT)] = pages.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[Key]:
    """Newest first; revoked and expired keys too. A key that is limited to some properties sees only
    keys limited to those."""
    after = pages.position(cursor, "keys")
    found = await queries.list_keys(tx, after=after, limit=limit + 1, within=caller.property_ids)
    more = len(found) > limit
    found = found[:limit]
    return Page([_shown(key) for key in found], pages.after(found[-1].id, "keys") if more else None)


@post(
    "/keys",
    opt=needs(Scope.KEYS_WRITE)
    | created("key.id")
    | example(
        lambda _: {
            "name": "Channel manager",
            "scopes": ["rates:write", "bookings:read"],
            "properties": [HOTEL],
        }
    )
    | secret(),
    tags=_TAG,
    summary="Create an API key",
)
async def create_key(tx: Transaction, caller: Caller, now: datetime, data: CreateKey) -> KeyWithSecret:
    """The secret is only in this response: we store just its hash."""
    new = await service.create_key(
        tx,
        name=data.name,
        scopes=data.scopes,
        properties=data.properties,
        expires_at=data.expires_at,
        now=now,
        by=caller,
    )
    return _with_secret(new)


@get(
    "/keys/{key_id:int}",
    opt=needs(Scope.KEYS_WRITE),
    tags=_TAG,
    summary="Retrieve an API key",
)
async def get_key(tx: Transaction, caller: Caller, key_id: KeyId) -> Key:
    """The key without its secret."""
    key = await queries.find_key(tx, key_id)
    if key is None or not service.visible_to(caller, key):
        raise KeyNotFound("there is no such API key", fix="GET /keys lists them")
    return _shown(key)


@post(
    "/keys/{key_id:int}/rotate",
    opt=needs(Scope.KEYS_WRITE) | example(lambda _: {"overlap_hours": 24}) | secret(),
    tags=_TAG,
    summary="Give a key a new secret",
)
async def rotate_key(
    tx: Transaction, caller: Caller, now: datetime, key_id: KeyId, data: RotateKey
) -> KeyWithSecret:
    """A new key with the same name, scopes, limits and expiry; the old one keeps working for
    `overlap_hours`, or until its own expiry, and can't be rotated again: rotate the new one instead."""
    new = await service.rotate_key(
        tx, key_id=key_id, now=now, overlap=timedelta(hours=data.overlap_hours), by=caller
    )
    return _with_secret(new)


@delete(
    "/keys/{key_id:int}",
    opt=needs(Scope.KEYS_WRITE),
    status_code=200,
    tags=_TAG,
    summary="Revoke an API key",
)
async def revoke_key(tx: Transaction, caller: Caller, now: datetime, key_id: KeyId) -> Key:
    """Disables the key at once, for good. Revoking it again changes nothing."""
    return _shown(await service.revoke_key(tx, key_id=key_id, now=now, by=caller))


def _shown(key: ApiKey) -> Key:
    return Key(
        key.id,
        key.name,
        key.scopes,
        key.properties,
        key.created_at,
        key.expires_at,
        key.revoked_at,
        key.last_used_at,
        key.replaced_by,
    )


def _with_secret(new: NewKey) -> KeyWithSecret:
    return KeyWithSecret(key=_shown(new.key), secret=new.secret)


handlers = [list_keys, create_key, get_key, rotate_key, revoke_key]
