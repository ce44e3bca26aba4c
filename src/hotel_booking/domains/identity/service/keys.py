"""Making, rotating and revoking API keys, and telling whose key a request carries."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.names import clean_name
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.identity import queries
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.errors import (
    InvalidExpiry,
    InvalidKey,
    KeyNotActive,
    KeyNotFound,
    KeyReplaced,
    PropertyNotAllowed,
    ScopeNotYours,
    UnknownProperties,
)
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.types import KEY_PREFIX, ApiKey, NewKey, Scope

_LONGEST_LIFE = timedelta(days=3660)
_USE_NOTED_EVERY = timedelta(minutes=1)


async def resolve(tx: Transaction, *, token: str, now: datetime) -> Caller:
    """Who sends this bearer token. Raises `InvalidKey` for an API key that opens nothing; any other token
    is a guest's access token, which the booking it belongs to compares."""
    if not token.startswith(KEY_PREFIX):
        return Caller(kind="guest", token_hash=token_hash(token))
    key = await queries.key_by_hash(tx, token_hash(token))
    if key is None or key.revoked_at is not None or (key.expires_at and key.expires_at <= now):
        raise InvalidKey("the API key is not valid", fix="check the key, or request a new one")
    if key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY:
        await queries.touch(tx, key.id, now)
    return Caller(
        kind="key",
        name=key.name,
        key_id=key.id,
        scopes=key.scopes,
        property_ids=key.property_ids,
        token_hash=token_hash(token),
    )


async def create_key(
    tx: Transaction,
    *,
    name: str,
    scopes: Iterable[Scope],
    properties: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    now: datetime,
    by: Caller | None = None,
) -> NewKey:
    """Make a key. `properties` are slugs; None: every property. `by` is who asks (None: an operator at
    the machine): a key can grant only scopes and properties that it has itself, a member of staff who manages
    keys every scope at the properties where they do. Raises `UnknownProperties`."""
    name = clean_name(name, field="name")
    wanted = _in_order(scopes)
    ids: tuple[int, ...] | None = None
    if properties is not None:
        known = await queries.property_ids(tx, list(properties))
        for index, slug in enumerate(properties):
            if slug not in known:
                raise UnknownProperties(
                    f"there is no property {slug!r}",
                    field=f"properties[{index}]",
                    fix="GET /properties lists them",
                )
        ids = tuple(sorted(known.values()))
    if by is not None:
        _may_grant(by, wanted, ids)
    _check_expiry(expires_at, now)
    return await _insert(tx, name=name, scopes=wanted, property_ids=ids, expires_at=expires_at, now=now)


async def revoke_key(tx: Transaction, *, key_id: int, now: datetime, by: Caller | None = None) -> ApiKey:
    """Close a key for good, at once. Revoking it again changes nothing."""
    key = await _own(tx, key_id, by)
    await tx.execute("UPDATE api_key SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1", key.id, now)
    return await _own(tx, key_id, None)


async def rotate_key(
    tx: Transaction,
    *,
    key_id: int,
    now: datetime,
    overlap: timedelta = timedelta(hours=24),
    by: Caller | None = None,
) -> NewKey:
    """A new secret with the same name, scopes, limits and expiry. The old one opens the same doors for
    `overlap` more (or until its own expiry, where that comes first), so that nobody is locked out meanwhile.
    It is rotated once: whoever wants another secret rotates the key that took its place, whose expiry is the
    one that was meant. Raises `KeyNotActive`, `KeyReplaced`."""
    old = await _own(tx, key_id, by)
    if not old.active(now):
        raise KeyNotActive("the key has expired or was revoked", fix="create a new key")
    if old.replaced_by is not None:
        successor = await queries.find_key(tx, old.replaced_by)
        usable = successor is not None and successor.active(now)
        raise KeyReplaced(
            f"the key was rotated already: key {old.replaced_by} took its place",
            fix=f"rotate key {old.replaced_by}" if usable else "create a new key",
            extra={"replaced_by": old.replaced_by},
        )
    new = await _insert(
        tx,
        name=old.name,
        scopes=old.scopes,
        property_ids=old.property_ids,
        expires_at=old.expires_at,
        now=now,
    )
    await tx.execute(
        "UPDATE api_key SET expires_at = least(coalesce(expires_at, $2), $2), replaced_by = $3 WHERE id = $1",
        old.id,
        now + overlap,
        new.key.id,
    )
    return new


def visible_to(by: Caller, key: ApiKey) -> bool:
    """Whether a caller may know of a key: one that is limited to some properties sees no wider ones."""
    return _inside(by, key.property_ids)


async def _own(tx: Transaction, key_id: int, by: Caller | None) -> ApiKey:
    # A key that is limited to some properties neither sees nor touches wider ones; and none can seize
    # the scopes of a stronger key by rotating it.
    key = await queries.find_key(tx, key_id, lock=True) if 0 < key_id <= LARGEST_INTEGER else None
    if key is None or (by is not None and not visible_to(by, key)):
        raise KeyNotFound("there is no such API key", fix="GET /keys lists them")
    if by is not None:
        _may_grant(by, key.scopes, key.property_ids)
    return key


def _inside(by: Caller, property_ids: tuple[int, ...] | None) -> bool:
    within = by.properties_for(Permission.KEYS_MANAGE) if by.kind == "staff" else by.property_ids
    if within is None:
        return True
    return property_ids is not None and within.issuperset(property_ids)


def _may_grant(by: Caller, scopes: Sequence[Scope], property_ids: tuple[int, ...] | None) -> None:
    for index, scope in enumerate(scopes):
        if by.kind != "staff" and not by.has(scope):
            raise ScopeNotYours(
                f"your own key lacks the scope {scope.value}", field=f"scopes[{index}]", fix="leave it out"
            )
    if not _inside(by, property_ids):
        raise PropertyNotAllowed(
            "the key would reach properties beyond your own",
            field="properties",
            fix="name only properties that you have access to",
        )


def _in_order(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    wanted = set(scopes)
    return tuple(scope for scope in Scope if scope in wanted)


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not now < expires_at <= now + _LONGEST_LIFE:
        raise InvalidExpiry(
            "a key must expire in the future, within ten years",
            field="expires_at",
            fix="leave it out for a key that never expires",
        )


async def _insert(
    tx: Transaction,
    *,
    name: str,
    scopes: Sequence[Scope],
    property_ids: tuple[int, ...] | None,
    expires_at: datetime | None,
    now: datetime,
) -> NewKey:
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key_id = await tx.fetchval(
        "INSERT INTO api_key (name, key_hash, scopes, property_ids, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        name,
        token_hash(secret),
        [scope.value for scope in scopes],
        list(property_ids) if property_ids is not None else None,
        now,
        expires_at,
    )
    key = await queries.find_key(tx, key_id)
    assert key is not None  # noqa: S101  # inserted one statement ago in this transaction
    return NewKey(key=key, secret=secret)
