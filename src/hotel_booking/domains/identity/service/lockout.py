"""Against guessing: every attempt counts before it is judged, and after a few failures each has to wait
longer than the one before.

Accounts that do not exist are counted and locked just as well, so a lock tells nothing. A passkey opens a
locked account: it cannot be guessed, and so nobody can keep its owner out by failing in their name.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.identity.errors import LockedOut


class Visitor(msgspec.Struct, frozen=True):
    """Where a request comes from: the address as shown, the network as limits count it, the browser."""

    address: str
    network: str
    user_agent: str = ""


class _Kind(msgspec.Struct, frozen=True):
    """Attempt number `free` is the last before a wait; all is forgotten `forget` after the last attempt."""

    free: int
    forget: timedelta


# Behind one address there may be a whole hotel's staff, so it gets more; and a success takes back only what
# itself added there, for else one good account would wash the guesses on others.
_KINDS = {
    "account": _Kind(5, timedelta(days=1)),
    "address": _Kind(20, timedelta(hours=1)),
    "reset_account": _Kind(3, timedelta(hours=6)),
    "reset_address": _Kind(10, timedelta(hours=1)),
    "passkey_address": _Kind(60, timedelta(hours=1)),
}
# Guests' accounts are counted apart: who fails at the site locks no member of staff out of the panel.
Door = Literal["", "guest_"]
_LONGEST_WAIT = timedelta(hours=1)
_FIRST_WAIT = timedelta(seconds=30)
_KEPT = timedelta(days=2)


class _Count(msgspec.Struct, frozen=True):
    bucket: str
    failures: int
    locked_until: datetime | None


class Attempt(msgspec.Struct, frozen=True):
    """An attempt that was counted and may now be judged. `locks_account`: failing, it locks the account for
    the first time since it was last opened."""

    account: _Count | None
    address: _Count
    locks_account: bool


def bucket_of(email: str, kind: str = "account") -> str:
    """How an account's failures are kept: its e-mail need not exist and is not stored."""
    return f"{kind}:{hashlib.sha256(email.strip().lower().encode(errors='replace')).hexdigest()}"


async def attempt(
    db: Database, *, email: str | None, visitor: Visitor, now: datetime, door: Door = ""
) -> Attempt:
    """Count an attempt to sign in, for good, before it is judged. Raises `LockedOut` where the address or
    the account has to wait; that attempt changes nothing at the account."""
    async with db.transaction() as tx:
        address, wait = await _count(tx, "address", f"{door}address:{visitor.network}", now)
        account = None
        if email is not None and not wait:
            account, wait = await _count(tx, "account", bucket_of(email, f"{door}account"), now)
    if wait:
        raise LockedOut(wait)
    return Attempt(
        account=account,
        address=address,
        locks_account=account is not None and account.failures == _KINDS["account"].free,
    )


async def may_reset(db: Database, *, email: str, visitor: Visitor, now: datetime, door: Door = "") -> bool:
    """Count an asked-for link by mail; whether the account may be sent one more. Raises `LockedOut` where the
    address has asked too often, whoever for."""
    async with db.transaction() as tx:
        _, wait = await _count(tx, "reset_address", f"{door}reset_address:{visitor.network}", now)
        account_wait = 0
        if not wait:
            bucket = bucket_of(email, f"{door}reset_account")
            _, account_wait = await _count(tx, "reset_account", bucket, now)
    if wait:
        raise LockedOut(wait)
    return account_wait == 0


async def may_ask(db: Database, *, visitor: Visitor, now: datetime, door: Door = "") -> None:
    """Count that somebody unknown asks for a passkey's challenge, which is a row to keep. Raises `LockedOut`
    where the address has asked for many that nobody answered."""
    async with db.transaction() as tx:
        _, wait = await _count(tx, "passkey_address", f"{door}passkey_address:{visitor.network}", now)
    if wait:
        raise LockedOut(wait)


async def answered(tx: Transaction, *, visitor: Visitor, door: Door = "") -> None:
    """Take back what `may_ask` counted: a passkey has answered."""
    await tx.execute(
        "UPDATE sign_in_failure SET failures = greatest(failures - 1, 0), locked_until = NULL"
        " WHERE bucket = $1",
        f"{door}passkey_address:{visitor.network}",
    )


async def succeeded(tx: Transaction, attempt: Attempt, *, completely: bool) -> None:
    """Take back what the attempt counted at the address; and forget the account's failures where somebody is
    signed in `completely` (before the second factor, only the attempt itself: who knows the password must
    not get endless guesses at the code)."""
    await _take_back(tx, attempt.address)
    if attempt.account is not None:
        if completely:
            await tx.execute("DELETE FROM sign_in_failure WHERE bucket = $1", attempt.account.bucket)
        else:
            await _take_back(tx, attempt.account)


async def forget(tx: Transaction, *, email: str, door: Door = "") -> None:
    """Unlock an account whose owner proved it otherwise."""
    await tx.execute("DELETE FROM sign_in_failure WHERE bucket = $1", bucket_of(email, f"{door}account"))


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove what counts for nothing any more."""
    return await tx.execute("DELETE FROM sign_in_failure WHERE failed_at < $1", now - _KEPT)


async def _count(tx: Transaction, kind: str, bucket: str, now: datetime) -> tuple[_Count, int]:
    """Count in one statement, so attempts at once queue for the row. The count, and how many seconds are to
    wait (0: the attempt may be judged)."""
    limits = _KINDS[kind]
    row = await tx.fetchrow(
        "INSERT INTO sign_in_failure AS f (bucket, failures, failed_at) VALUES ($1, 1, $2)"
        " ON CONFLICT (bucket) DO UPDATE SET"
        "  let_through = f.locked_until IS NULL OR f.locked_until <= $2,"
        "  failures = CASE WHEN f.locked_until > $2 THEN f.failures"
        "                  WHEN f.failed_at <= $2 - $4::interval THEN 1 ELSE f.failures + 1 END,"
        "  failed_at = CASE WHEN f.locked_until > $2 THEN f.failed_at ELSE $2 END,"
        "  locked_until = CASE WHEN f.locked_until > $2 THEN f.locked_until"
        "                      WHEN f.failed_at <= $2 - $4::interval THEN NULL"
        "                      WHEN f.failures + 1 >= $3"
        "                      THEN $2 + least($6::interval,"
        "                                      $5::interval * power(2, least(f.failures + 1 - $3, 20))) END"
        " RETURNING failures, locked_until, let_through",
        bucket,
        now,
        limits.free,
        limits.forget,
        _FIRST_WAIT,
        _LONGEST_WAIT,
    )
    assert row is not None  # noqa: S101  # an upsert gives its row
    count = _Count(bucket, row["failures"], row["locked_until"])
    wait = 0 if row["let_through"] else max(1, math.ceil((row["locked_until"] - now).total_seconds()))
    return count, wait


async def _take_back(tx: Transaction, count: _Count) -> None:
    await tx.execute(
        "UPDATE sign_in_failure"
        "   SET failures = greatest(failures - 1, 0),"
        "       locked_until = CASE WHEN locked_until = $2 THEN NULL ELSE locked_until END"
        " WHERE bucket = $1",
        count.bucket,
        count.locked_until,
    )
