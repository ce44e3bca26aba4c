"""Codes: of an authenticator app (TOTP), and recovery codes for when everything else is lost."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from base64 import b32encode
from datetime import datetime

import msgspec
import pyotp

from hotel_booking.core import sealing
from hotel_booking.core.db import Transaction
from hotel_booking.core.typed_numbers import plain_digits
from hotel_booking.domains.authentication.errors import (
    SecondFactorExists,
    SecondFactorNotAvailable,
    WrongCode,
)
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import passkeys, sessions
from hotel_booking.domains.identity.accounts import Staff

log = logging.getLogger("hotel_booking.identity")

ISSUER = "Hotel panel"
RECOVERY_CODES = 10
_STEP = 30  # seconds
_WINDOW = 1  # steps that a clock may be off, either way
_ALIKE = str.maketrans("018", "OIB")  # not in the alphabet of base32, but typed for what is
_CODE_LENGTHS = (24, 16)  # of recovery codes; the shorter ones are of earlier releases


class TotpSetup(msgspec.Struct, frozen=True):
    """What the authenticator app has to be told: the secret in groups of four, or the QR code's text."""

    secret: str
    uri: str


async def begin_totp(tx: Transaction, *, member: Staff, secret_key: str | None) -> TotpSetup:
    """Choose a secret for an app; it counts only when `confirm_totp` has seen a code of it. Beginning again
    chooses another one. Raises `SecondFactorExists` or `SecondFactorNotAvailable`."""
    if member.totp:
        raise SecondFactorExists("an authenticator app is already set up", fix="remove it first")
    if not secret_key:
        raise SecondFactorNotAvailable(
            "authenticator apps can't be used here yet",
            fix="set HOTEL_SECRET_KEY to 32 random characters or more, or use a passkey",
        )
    secret = pyotp.random_base32()
    await tx.execute(
        "UPDATE staff SET totp_secret = $2, totp_last_step = 0 WHERE id = $1 AND totp_confirmed_at IS NULL",
        member.id,
        sealing.seal(secret_key, secret.encode(), purpose=_purpose(member.id)),
    )
    return _setup(secret, member.email)


async def totp_begun(tx: Transaction, *, member: Staff, secret_key: str | None) -> TotpSetup | None:
    """The set-up under way, to show it again after a code that did not fit."""
    sealed = await tx.fetchval(
        "SELECT totp_secret FROM staff WHERE id = $1 AND totp_confirmed_at IS NULL", member.id
    )
    secret = sealing.unseal(secret_key, sealed, purpose=_purpose(member.id)) if sealed else None
    return None if secret is None else _setup(secret.decode(), member.email)


async def confirm_totp(
    tx: Transaction, *, member: Staff, code: str, secret_key: str | None, now: datetime
) -> list[str]:
    """The app gives the codes that we expect: from now on they are asked for. Gives fresh recovery codes
    where there are none yet (else none). Raises `WrongCode`."""
    if member.totp:
        raise SecondFactorExists("an authenticator app is already set up", fix="remove it first")
    if not await _fits(tx, member.id, code, secret_key, now, confirmed=False):
        raise WrongCode(
            "the code is wrong",
            field="code",
            fix="check that your phone sets its clock automatically, and type the current code",
        )
    await tx.execute("UPDATE staff SET totp_confirmed_at = $2 WHERE id = $1", member.id, now)
    return await first_recovery_codes(tx, staff_id=member.id)


async def check_totp(
    tx: Transaction, *, staff_id: int, code: str, secret_key: str | None, now: datetime
) -> bool:
    """Whether a code of an app that is asked for is right, now, for the first time."""
    return await _fits(tx, staff_id, code, secret_key, now, confirmed=True)


async def remove_totp(tx: Transaction, *, staff_id: int) -> bool:
    """Ask no codes of an app any more; whether any were asked."""
    removed = await tx.execute(
        "UPDATE staff SET totp_secret = NULL, totp_confirmed_at = NULL"
        " WHERE id = $1 AND totp_confirmed_at IS NOT NULL",
        staff_id,
    )
    await _drop_unneeded_recovery_codes(tx, staff_id)
    return removed > 0


async def first_recovery_codes(tx: Transaction, *, staff_id: int) -> list[str]:
    """Recovery codes with the first second factor; none where there are some already."""
    if await tx.fetchval("SELECT EXISTS (SELECT FROM staff_recovery_code WHERE staff_id = $1)", staff_id):
        return []
    return await new_recovery_codes(tx, staff_id=staff_id)


async def new_recovery_codes(tx: Transaction, *, staff_id: int) -> list[str]:
    """Ten codes of 120 random bits, in place of all earlier ones: so many that a plain hash keeps them. This
    is their only sight."""
    codes = [b32encode(secrets.token_bytes(15)).decode() for _ in range(RECOVERY_CODES)]
    await tx.execute("SELECT FROM staff WHERE id = $1 FOR NO KEY UPDATE", staff_id)
    await tx.execute("DELETE FROM staff_recovery_code WHERE staff_id = $1", staff_id)
    await tx.execute(
        "INSERT INTO staff_recovery_code (staff_id, code_hash) SELECT $1, unnest($2::bytea[])",
        staff_id,
        [_code_hash(code) for code in codes],
    )
    return ["-".join(code[i : i + 4] for i in range(0, len(code), 4)).lower() for code in codes]


async def use_recovery_code(tx: Transaction, *, staff_id: int, code: str, now: datetime) -> bool:
    """Whether a recovery code is right; it is used up by that."""
    typed = "".join(c for c in code.upper() if c.isalnum()).translate(_ALIKE)
    if len(typed) not in _CODE_LENGTHS:
        return False
    used = await tx.execute(
        "UPDATE staff_recovery_code SET used_at = $3"
        " WHERE staff_id = $1 AND code_hash = $2 AND used_at IS NULL",
        staff_id,
        _code_hash(typed),
        now,
    )
    return used > 0


async def remove_passkey(tx: Transaction, *, staff_id: int, passkey_id: int) -> str:
    """Take one of the member's own passkeys away; its name. Raises `PasskeyNotFound`."""
    name = await passkeys.remove(tx, STAFF, owner_id=staff_id, passkey_id=passkey_id)
    await _drop_unneeded_recovery_codes(tx, staff_id)
    return name


async def _drop_unneeded_recovery_codes(tx: Transaction, staff_id: int) -> None:
    # With the last second factor go the codes that stand in for it.
    await tx.execute(
        "DELETE FROM staff_recovery_code c WHERE c.staff_id = $1"
        "   AND NOT EXISTS (SELECT FROM staff_passkey k WHERE k.staff_id = $1)"
        "   AND NOT EXISTS (SELECT FROM staff m WHERE m.id = $1 AND m.totp_confirmed_at IS NOT NULL)",
        staff_id,
    )


async def reset(tx: Transaction, *, staff_id: int) -> None:
    """Remove every second factor of an account, whose owner has lost them all, and sign it out everywhere."""
    await tx.execute("UPDATE staff SET totp_secret = NULL, totp_confirmed_at = NULL WHERE id = $1", staff_id)
    await tx.execute("DELETE FROM staff_recovery_code WHERE staff_id = $1", staff_id)
    await passkeys.remove_all(tx, STAFF, owner_id=staff_id)
    await sessions.end_all(tx, STAFF, owner_id=staff_id)


class Reencrypted(msgspec.Struct, frozen=True):
    """How many secrets of apps were encrypted anew, how many had the key already, and whose open by
    neither."""

    done: int
    had_it: int
    lost: list[str]


async def reencrypt(tx: Transaction, *, before: str, secret_key: str) -> Reencrypted:
    """Have every app's secret encrypted by `secret_key` that `before` encrypted: codes fit again after
    HOTEL_SECRET_KEY was changed. Again, it changes nothing."""
    done, had_it, lost = 0, 0, list[str]()
    for row in await tx.fetch(
        "SELECT id, email, totp_secret FROM staff WHERE totp_secret IS NOT NULL ORDER BY id FOR NO KEY UPDATE"
    ):
        sealed, purpose = row["totp_secret"], _purpose(row["id"])
        if sealing.unseal(secret_key, sealed, purpose=purpose) is not None:
            had_it += 1
        elif (plain := sealing.unseal(before, sealed, purpose=purpose)) is not None:
            anew = sealing.seal(secret_key, plain, purpose=purpose)
            await tx.execute("UPDATE staff SET totp_secret = $2 WHERE id = $1", row["id"], anew)
            done += 1
        else:
            lost.append(str(row["email"]))
    return Reencrypted(done, had_it, lost)


async def _fits(
    tx: Transaction, staff_id: int, code: str, secret_key: str | None, now: datetime, *, confirmed: bool
) -> bool:
    row = await tx.fetchrow(
        "SELECT totp_secret, totp_last_step FROM staff"
        " WHERE id = $1 AND (totp_confirmed_at IS NOT NULL) = $2 FOR NO KEY UPDATE",
        staff_id,
        confirmed,
    )
    if row is None or row["totp_secret"] is None:
        return False
    secret = sealing.unseal(secret_key, row["totp_secret"], purpose=_purpose(staff_id))
    if secret is None:
        log.error(
            "a second factor cannot be decrypted; was HOTEL_SECRET_KEY changed? hotel-booking staff reencrypt"
        )
        return False
    typed = plain_digits("".join(code.split()))
    if not (len(typed) == 6 and typed.isascii() and typed.isdecimal()):
        return False
    totp = pyotp.TOTP(secret.decode(), interval=_STEP)
    present = int(now.timestamp()) // _STEP
    for step in range(present - _WINDOW, present + _WINDOW + 1):
        if step > row["totp_last_step"] and hmac.compare_digest(totp.generate_otp(step), typed):
            await tx.execute("UPDATE staff SET totp_last_step = $2 WHERE id = $1", staff_id, step)
            return True
    return False


def _setup(secret: str, email: str) -> TotpSetup:
    return TotpSetup(
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        uri=pyotp.TOTP(secret, interval=_STEP).provisioning_uri(name=email, issuer_name=ISSUER),
    )


def _purpose(staff_id: int) -> str:
    return f"totp of staff {staff_id}"


def _code_hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
