"""Repeating an unsafe request safely, as Stripe does it: the first answer is stored and given again.

Every unsafe call of the API honours the header Idempotency-Key; no handler declares it, so none
forgets it.

How it holds, whatever dies when:
- The claim is one INSERT, committed by itself. Of equal requests one runs; the others are told to wait.
- The answer is written in the transaction of the business change, so there is never a change without
  its answer or an answer without its change.
- The claim's token fences: a run that was believed dead and comes back after another has taken over
  finds the claim gone, and its own change is undone.
- A refusal is stored too (the second try shall not suddenly book); what says nothing about the request's
  outcome (unreadable input, 401, 403 by scope, 429, 5xx, and every error whose class says `passes`) frees
  the key instead.
- Answers hold access tokens and keys' secrets, so they are stored encrypted under HOTEL_SECRET_KEY.
"""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.types import Scope as AsgiScope

from hotel_booking.core import sealing
from hotel_booking.core.db import Database, DatabaseUnavailable, Transaction
from hotel_booking.core.errors import DomainError, Unauthenticated
from hotel_booking.http.access import caller_of
from hotel_booking.http.errors import status_of
from hotel_booking.http.problems import (
    IdempotencyAnswerLost,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    IdempotencyNotTaken,
    InvalidHeader,
    InvalidIdempotencyKey,
    InvalidShape,
    MalformedRequest,
    StoredAnswer,
)

HEADER = "idempotency-key"
TAKEN_OVER_AFTER = timedelta(seconds=60)
KEPT = timedelta(hours=24)
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Claim(msgspec.Struct, frozen=True):
    """The right of one run to answer for a key."""

    caller: str
    key: str
    token: UUID


class _Kept(msgspec.Struct, frozen=True):
    request_hash: bytes
    status: int | None
    body: bytes | None


def key_of(scope: AsgiScope) -> str | None:
    """The Idempotency-Key of an unsafe request to the API. Raises `InvalidIdempotencyKey`, and
    `IdempotencyNotTaken` elsewhere: who sends one must not believe that it counts."""
    if scope.get("method") not in _UNSAFE:
        return None
    sent = [value for name, value in scope["headers"] if name == HEADER.encode()]
    if not sent or scope["path"].startswith("/webhooks/"):  # a notice has an id of its own, and counts once
        return None
    if not scope["path"].startswith("/api/"):
        raise IdempotencyNotTaken(
            "this address does not accept an Idempotency-Key",
            field="Idempotency-Key",
            fix="leave it out, or use the API",
        )
    if len(sent) > 1:
        raise InvalidHeader("Idempotency-Key was sent twice", field="Idempotency-Key", fix="send one")
    if not 1 <= len(sent[0]) <= 255 or not all(32 <= byte < 127 for byte in sent[0]):
        raise InvalidIdempotencyKey(
            "Idempotency-Key must have 1 to 255 printable ASCII characters",
            field="Idempotency-Key",
            fix="a random UUID is a good key",
        )
    return sent[0].decode("ascii")


def caller_name(scope: AsgiScope) -> str:
    """Whose keys they are: two callers may use the same key without meeting."""
    caller = caller_of(scope)
    if caller.kind == "key":
        return f"key:{caller.key_id}"
    if caller.kind == "guest" and caller.token_hash is not None:
        return f"guest:{caller.token_hash.hex()}"
    return f"address:{scope['state'].get('address', '')}"


async def fingerprint(request: Request[Any, Any, State]) -> bytes:
    """What makes two requests equal: method, address, query and what the body says. JSON is the same however
    it is laid out: order of members, white space, escapes, 1 or 1.0."""
    digest = hashlib.sha256()
    for part in (request.method, request.scope["path"], request.scope.get("query_string", b"")):
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(4, "big") + data)
    digest.update(_canonical(await request.body()))
    return digest.digest()


def _canonical(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(_DECODER.decode(body.removeprefix(BOM_UTF8)), order="sorted")
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return body  # not JSON: the handler will say so


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


_DECODER = msgspec.json.Decoder(float_hook=_number)


async def claim(database: Database, *, caller: str, key: str, request_hash: bytes, secret_key: str) -> Claim:
    """Take the key for this run, by a statement of its own.

    A claim that has run for 60 s belongs to a dead process and is taken over; an answer older than 24 h is
    forgotten. Raises `StoredAnswer`, `IdempotencyKeyReused`, `IdempotencyInProgress` or
    `IdempotencyAnswerLost`.
    """
    token = uuid4()
    async with database.reading() as tx:  # one statement, which for this token is harmless twice
        mine = await tx.fetchval(
            "INSERT INTO idempotency_key AS k (caller, key, request_hash, claim, claimed_at)"
            " VALUES ($1, $2, $3, $4, now())"
            " ON CONFLICT (caller, key) DO UPDATE"
            "   SET request_hash = excluded.request_hash, claim = excluded.claim,"
            "       claimed_at = excluded.claimed_at, status = NULL, body = NULL"
            " WHERE k.claimed_at < now() - $6::interval OR k.claim = $4"
            "    OR (k.status IS NULL AND k.claimed_at < now() - $5::interval AND k.request_hash = $3)"
            " RETURNING true",
            caller,
            key,
            request_hash,
            token,
            TAKEN_OVER_AFTER,
            KEPT,
        )
        if mine:
            return Claim(caller, key, token)
        kept = await tx.fetchrow_as(
            _Kept,
            "SELECT request_hash, status, body FROM idempotency_key WHERE caller = $1 AND key = $2",
            caller,
            key,
        )
    raise _answer(kept, request_hash, _purpose(caller, key), secret_key)


def _answer(
    kept: _Kept | None, request_hash: bytes, purpose: str, secret_key: str
) -> DomainError | StoredAnswer:
    """What a repeated request is answered with: as the first one was, or why not."""
    if kept is not None and kept.request_hash != request_hash:
        return IdempotencyKeyReused(
            "this Idempotency-Key was used with a different request",
            field="Idempotency-Key",
            fix="use a new key for a new request",
        )
    if kept is None or kept.status is None:
        return IdempotencyInProgress(
            "the first request with this Idempotency-Key is still in progress",
            fix="repeat the same request in a moment",
        )
    body = kept.body or b""
    if (plain := sealing.unseal(secret_key, body, purpose=purpose)) is not None:
        return StoredAnswer(kept.status, plain)
    if (tagged := sealing.unseal(secret_key, body, purpose=f"tagged {purpose}")) is not None:
        etag, plain = msgspec.msgpack.decode(tagged, type=tuple[str, bytes])
        return StoredAnswer(kept.status, plain, etag)
    return IdempotencyAnswerLost(
        "this request was carried out, but its response can no longer be read",
        field="Idempotency-Key",
        fix="check its result; a new key would carry it out again",
    )


def _purpose(caller: str, key: str) -> str:
    return f"idempotency:{caller}:{key}"


async def complete(
    tx: Transaction, held: Claim, *, status: int, body: bytes, etag: str | None = None, secret_key: str
) -> bool:
    """Store the answer in the caller's transaction. False: another run has taken over, so this one must be
    undone."""
    purpose = _purpose(held.caller, held.key)
    if etag is not None:
        # Of another purpose, so that the release before this one, which knows only bodies, gives none of it.
        body, purpose = msgspec.msgpack.encode((etag, body)), f"tagged {purpose}"
    touched = await tx.execute(
        "UPDATE idempotency_key SET status = $4, body = $5"
        " WHERE caller = $1 AND key = $2 AND claim = $3 AND status IS NULL",
        held.caller,
        held.key,
        held.token,
        status,
        sealing.seal(secret_key, body, purpose=purpose),
    )
    return touched == 1


async def release(database: Database, held: Claim) -> None:
    """Free the key: nothing happened that a repetition would have to know. Where the database cannot be
    reached, the claim stays and is taken over after a minute."""
    with suppress(DatabaseUnavailable):
        async with database.reading() as tx:
            await tx.execute(
                "DELETE FROM idempotency_key"
                " WHERE caller = $1 AND key = $2 AND claim = $3 AND status IS NULL",
                held.caller,
                held.key,
                held.token,
            )


def is_final(error: BaseException | None) -> bool:
    """Whether a refusal is the request's outcome, to be given again, or says nothing about it."""
    if not isinstance(error, DomainError):
        return False
    if error.passes or isinstance(error, InvalidShape | MalformedRequest | Unauthenticated):
        return False
    return 400 <= status_of(error) < 500 and status_of(error) not in {400, 401, 403, 412, 413, 415, 429}


async def purge(tx: Transaction, *, limit: int = 10_000) -> int:
    """Forget keys older than 24 h; how many. For a job, repeated while it returns `limit`."""
    return await tx.execute(
        "DELETE FROM idempotency_key WHERE (caller, key) IN ("
        "  SELECT caller, key FROM idempotency_key WHERE claimed_at < now() - $1::interval LIMIT $2)",
        KEPT,
        limit,
    )
