"""Against guessing: every attempt counts before it is judged, and after a few failures each has to wait
longer than the one before.

Failures count where they were made: for the address, and for the account from this device, where somebody has
signed in to it before, or else from this network. So who fails in somebody's name slows down themselves, and
the owner's own browser is never kept out (the protocol of device cookies, as OWASP describes it). All unknown
devices together have a count of their own, for guesses from many networks; a passkey or a mailed link opens
the account all the same.

Accounts that do not exist are counted and locked just as well, so a lock tells nothing.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.errors import LockedOut
from hotel_booking.domains.authentication.kinds import Door


class Visitor(msgspec.Struct, frozen=True):
    """Where a request comes from: the address as shown, the network as limits count it, the browser; and
    the random name that we gave the device when somebody last signed in there ("": none)."""

    address: str
    network: str
    user_agent: str = ""
    device: str = ""


class _Kind(msgspec.Struct, frozen=True):
    """Attempt number `free` is the last before a wait; all is forgotten `forget` after the last attempt."""

    free: int
    forget: timedelta
    longest: timedelta = timedelta(hours=1)


# Behind one address there may be a whole hotel's staff, so it gets more; and a success takes back only what
# itself added there, for else one good account would wash the guesses on others.
_KINDS = {
    "account": _Kind(5, timedelta(days=1)),
    # All devices that the account does not know, together: guesses from many networks. The wait is short, as
    # it meets the owner on a new device too.
    "strangers": _Kind(100, timedelta(days=1), longest=timedelta(minutes=5)),
    # Codes of the second step are counted wherever they come from: who gets that far knows the password.
    "codes": _Kind(5, timedelta(days=1)),
    "address": _Kind(20, timedelta(hours=1)),
    "reset_account": _Kind(3, timedelta(hours=6)),
    "reset_address": _Kind(10, timedelta(hours=1)),
    "passkey_address": _Kind(60, timedelta(hours=1)),
}
_FIRST_WAIT = timedelta(seconds=30)
_AGAIN = timedelta(seconds=30)
_KEPT = timedelta(days=2)
_DEVICE_KEPT = timedelta(days=400)  # as long as browsers keep a cookie at most
_MOST_DEVICES = 50


class _Count(msgspec.Struct, frozen=True):
    bucket: str
    failures: int
    locked_until: datetime | None


class SignInAttempt(msgspec.Struct, frozen=True):
    """An attempt that was counted and may now be judged. `locks_account`: failing, it locks the account for
    the first time since it was last opened."""

    address: _Count
    account: tuple[_Count, ...]
    owner: str
    device: str
    locks_account: bool

    def locks(self, owner_id: int) -> int | None:
        """Whose account it locks, failing, for its owner to be told; None: it locks none."""
        return owner_id if self.locks_account else None


def bucket_of(email: str, kind: str = "account") -> str:
    """How an account is named here: its e-mail need not exist and is not stored."""
    return f"{kind}:{hashlib.sha256(email.strip().lower().encode(errors='replace')).hexdigest()}"


async def attempt(
    db: Database,
    *,
    email: str | None,
    visitor: Visitor,
    now: datetime,
    door: Door = "",
    of: Literal["password", "code"] = "password",
) -> SignInAttempt:
    """Count an attempt to sign in, for good, before it is judged. Raises `LockedOut` where the address, or
    the account from here, has to wait; that attempt changes nothing for anybody else."""
    owner = bucket_of(email, f"{door}account") if email is not None else ""
    counts: list[_Count] = []
    async with db.transaction() as tx:
        address, wait = await _count(tx, "address", f"{door}address:{visitor.network}", now)
        if owner and not wait and of == "code":
            count, wait = await _count(tx, "codes", f"{owner}:codes", now, account=owner)
            counts.append(count)
        elif owner and not wait:
            known = await _knows(tx, owner, visitor.device)
            place = f"device:{_hashed(visitor.device).hex()}" if known else f"network:{visitor.network}"
            count, wait = await _count(tx, "account", f"{owner}:{place}", now, account=owner)
            counts.append(count)
            if not known and not wait:
                all_strangers = f"{owner}:strangers"
                count, wait = await _count(tx, "strangers", all_strangers, now, account=owner)
                counts.append(count)
    if wait:
        raise LockedOut(wait)
    return SignInAttempt(
        address=address,
        account=tuple(counts),
        owner=owner,
        device=visitor.device,
        # The owner is told once: by the widest count, which a guesser cannot begin anew elsewhere.
        locks_account=bool(counts) and counts[-1].failures == _KINDS["account"].free,
    )


async def may_mail(db: Database, *, email: str, visitor: Visitor, now: datetime, door: Door = "") -> bool:
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


async def asked_lately(tx: Transaction, *, what: str, now: datetime) -> bool:
    """Note that this link is asked for; whether the very same was half a minute ago, so that a button that is
    pressed thrice mails once. One statement, whoever asks and for whatever address; of two at once, one is
    the first."""
    first = await tx.fetchval(
        "INSERT INTO sign_in_failure AS f (bucket, failures, failed_at) VALUES ($1, 1, $2)"
        " ON CONFLICT (bucket) DO UPDATE SET failed_at = $2 WHERE f.failed_at <= $2 - $3::interval"
        " RETURNING true",
        bucket_of(what, "asked"),
        now,
        _AGAIN,
    )
    return first is None


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


async def succeeded(tx: Transaction, attempt: SignInAttempt, *, completely: bool, now: datetime) -> None:
    """Take back what the attempt counted at the address; and where somebody is signed in `completely`, forget
    the failures of the account from here, and know the device from now on (before the second factor, take
    back only the attempt itself: who knows the password must not get endless guesses at the code)."""
    await _take_back(tx, attempt.address)
    for count in attempt.account:
        if completely:
            await tx.execute("DELETE FROM sign_in_failure WHERE bucket = $1", count.bucket)
        else:
            await _take_back(tx, count)
    if completely and attempt.owner:
        await know(tx, owner=attempt.owner, device=attempt.device, now=now)


async def know(tx: Transaction, *, owner: str, device: str, now: datetime) -> None:
    """Somebody has signed in to the account (a `bucket_of`) on this device. The newest are remembered."""
    if not device:
        return
    await tx.execute(
        "INSERT INTO known_device (account, device_hash, seen_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (account, device_hash) DO UPDATE SET seen_at = excluded.seen_at",
        owner,
        _hashed(device),
        now,
    )
    await tx.execute(
        "DELETE FROM known_device WHERE account = $1 AND device_hash IN (SELECT device_hash FROM known_device"
        "   WHERE account = $1 ORDER BY seen_at DESC OFFSET $2)",
        owner,
        _MOST_DEVICES,
    )


async def forget(tx: Transaction, *, email: str, door: Door = "") -> None:
    """Unlock an account, everywhere, whose owner proved it otherwise."""
    await tx.execute("DELETE FROM sign_in_failure WHERE account = $1", bucket_of(email, f"{door}account"))


async def erase(tx: Transaction, *, email: str, door: Door = "") -> None:
    """Nothing counts or is known of the account any more."""
    await forget(tx, email=email, door=door)
    await tx.execute("DELETE FROM known_device WHERE account = $1", bucket_of(email, f"{door}account"))


async def opened(tx: Transaction, *, email: str, visitor: Visitor, now: datetime, door: Door = "") -> None:
    """Its owner has come in by what cannot be guessed, a passkey or a mailed link: the account is unlocked,
    and the device known."""
    await forget(tx, email=email, door=door)
    await know(tx, owner=bucket_of(email, f"{door}account"), device=visitor.device, now=now)


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove what counts for nothing any more, and devices that nobody has used for long."""
    return await tx.execute("DELETE FROM sign_in_failure WHERE failed_at < $1", now - _KEPT) + (
        await tx.execute("DELETE FROM known_device WHERE seen_at < $1", now - _DEVICE_KEPT)
    )


async def _knows(tx: Transaction, owner: str, device: str) -> bool:
    return bool(device) and bool(
        await tx.fetchval(
            "SELECT true FROM known_device WHERE account = $1 AND device_hash = $2", owner, _hashed(device)
        )
    )


def _hashed(device: str) -> bytes:
    return hashlib.sha256(device.encode(errors="replace")).digest()


async def _count(
    tx: Transaction, kind: str, bucket: str, now: datetime, *, account: str | None = None
) -> tuple[_Count, int]:
    """Count in one statement, so attempts at once queue for the row. The count, and how many seconds are to
    wait (0: the attempt may be judged)."""
    limits = _KINDS[kind]
    row = await tx.fetchrow(
        "INSERT INTO sign_in_failure AS f (bucket, failures, failed_at, account) VALUES ($1, 1, $2, $7)"
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
        limits.longest,
        account,
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
