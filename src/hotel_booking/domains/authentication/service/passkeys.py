"""The ceremonies of passkeys (WebAuthn). A device knows the panel and the guests' site by one host: the name
of the kind sets their accounts apart there.

A challenge is good for one answer within five minutes, for the purpose and the session that it was made for.
The library takes a quarter of a second to load, with its certificates: that is for the first passkey to pay,
not for every start.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from hotel_booking.core.db import Database, Row, Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.names import clean_name
from hotel_booking.domains.authentication.errors import PasskeyNotFound, PasskeyRefused
from hotel_booking.domains.authentication.kinds import AccountKind
from hotel_booking.domains.authentication.service import lockout
from hotel_booking.domains.authentication.service.lockout import Visitor

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

Purpose = Literal["register", "prove", "sign_in"]

_ANSWER_WITHIN = timedelta(minutes=5)
_LONGEST_NAME = 100
_MOST = 20  # passkeys of one account


class Site(msgspec.Struct, frozen=True):
    """Whom passkeys are made for: the host (relying party) and the origin that pages are served from."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> Site:
        """As the setting HOTEL_PUBLIC_URL has it."""
        parts = urlsplit(public_url)
        return cls(host=parts.hostname or "localhost", origin=f"{parts.scheme}://{parts.netloc}")


class PasskeyOwner(Protocol):
    """Whose passkey it is to be: how a device names the account, and how many there are already."""

    @property
    def id(self) -> int:
        """The account's number."""

    @property
    def email(self) -> str:
        """Its address."""

    @property
    def name(self) -> str:
        """As a person calls it."""

    @property
    def passkeys(self) -> int:
        """How many it has."""


async def registration_options(
    tx: Transaction, of: AccountKind, *, owner: PasskeyOwner, session_id: int, site: Site, now: datetime
) -> str:
    """What the browser has to be asked for to make a passkey, as JSON."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    rows = await tx.fetch(
        f"SELECT credential_id, transports FROM {of.passkeys} WHERE {of.owner} = $1 ORDER BY id", owner.id
    )
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=of.site_name,
        user_id=f"{of.name}-{owner.id}".encode(),
        user_name=owner.email,
        user_display_name=owner.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[_descriptor(row) for row in rows],
    )
    await _remember(tx, of, options.challenge, "register", session_id, now)
    return options_to_json(options)


async def register(
    tx: Transaction,
    of: AccountKind,
    *,
    owner: PasskeyOwner,
    session_id: int,
    credential: str,
    name: str,
    site: Site,
    now: datetime,
) -> None:
    """Add the passkey that the browser has made. Raises `PasskeyRefused`."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    name = clean_name(name[:_LONGEST_NAME], field="name", required=False) or "Passkey"
    sent = _decoded(credential)
    challenge = await _take(tx, of, sent, "register", session_id, now)
    try:
        made = verify_registration_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _refused() from None
    if owner.passkeys >= _MOST:
        raise PasskeyRefused(f"an account can have at most {_MOST} passkeys", fix="remove one first")
    added = await tx.execute(
        f"INSERT INTO {of.passkeys} ({of.owner}, credential_id, public_key, sign_count, transports, name,"
        "                           created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id) DO NOTHING",
        owner.id,
        made.credential_id,
        made.credential_public_key,
        made.sign_count,
        _transports(sent),
        name,
        now,
    )
    if not added:
        raise PasskeyRefused("this passkey has already been added", fix="choose another device or account")


async def proof_options(
    tx: Transaction, of: AccountKind, *, owner_id: int, session_id: int, site: Site, now: datetime
) -> str:
    """What the browser has to be asked for so that somebody known proves who they are, as JSON."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    rows = await tx.fetch(
        f"SELECT credential_id, transports FROM {of.passkeys} WHERE {of.owner} = $1 ORDER BY id", owner_id
    )
    options = generate_authentication_options(
        rp_id=site.host,
        allow_credentials=[_descriptor(row) for row in rows],
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    await _remember(tx, of, options.challenge, "prove", session_id, now)
    return options_to_json(options)


async def prove(
    tx: Transaction,
    of: AccountKind,
    *,
    owner_id: int,
    session_id: int,
    credential: str,
    site: Site,
    now: datetime,
) -> None:
    """Somebody known has one of their passkeys at hand. Raises `PasskeyRefused`."""
    sent = _decoded(credential)
    challenge = await _take(tx, of, sent, "prove", session_id, now)
    await _verify(tx, of, sent, challenge, site, now, alone=False, owner_id=owner_id)


async def sign_in_options(
    db: Database, of: AccountKind, *, visitor: Visitor, site: Site, now: datetime
) -> str:
    """What the browser has to be asked for so that a passkey alone says who comes, as JSON. Raises
    `LockedOut` where the address has asked for many that nobody answered."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    await lockout.may_ask(db, visitor=visitor, now=now, door=of.door)
    options = generate_authentication_options(
        rp_id=site.host, user_verification=UserVerificationRequirement.REQUIRED
    )
    async with db.transaction() as tx:
        await _remember(tx, of, options.challenge, "sign_in", None, now)
    return options_to_json(options)


async def owner_of(tx: Transaction, of: AccountKind, *, credential: str, site: Site, now: datetime) -> int:
    """Whom a passkey alone proves: its holder was verified by it too (a fingerprint, a PIN), which makes two
    factors. Raises `PasskeyRefused`."""
    sent = _decoded(credential)
    challenge = await _take(tx, of, sent, "sign_in", None, now)
    return await _verify(tx, of, sent, challenge, site, now, alone=True, owner_id=None)


async def remove(tx: Transaction, of: AccountKind, *, owner_id: int, passkey_id: int) -> str:
    """Take one of the owner's own passkeys away; its name. Raises `PasskeyNotFound`."""
    name: str | None = None
    if 0 < passkey_id <= LARGEST_INTEGER:
        name = await tx.fetchval(
            f"DELETE FROM {of.passkeys} WHERE id = $1 AND {of.owner} = $2 RETURNING name",
            passkey_id,
            owner_id,
        )
    if name is None:
        raise PasskeyNotFound("there is no such passkey")
    return name


async def remove_all(tx: Transaction, of: AccountKind, *, owner_id: int) -> None:
    """Take all of an account's passkeys away."""
    await tx.execute(f"DELETE FROM {of.passkeys} WHERE {of.owner} = $1", owner_id)


async def purge(tx: Transaction, of: AccountKind, *, now: datetime) -> int:
    """Forget the challenges that nobody answered."""
    return await tx.execute(f"DELETE FROM {of.challenges} WHERE expires_at <= $1", now)


async def _verify(
    tx: Transaction,
    of: AccountKind,
    sent: dict[str, Any],
    challenge: bytes,
    site: Site,
    now: datetime,
    *,
    alone: bool,
    owner_id: int | None,
) -> int:
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    row = await tx.fetchrow(
        f"SELECT id, {of.owner} AS owner_id, public_key, sign_count FROM {of.passkeys}"
        f" WHERE credential_id = $1 AND ($2::int IS NULL OR {of.owner} = $2) FOR UPDATE",
        _bytes(sent.get("id")),
        owner_id,
    )
    if row is None:
        raise _refused()
    try:
        proved = verify_authentication_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=row["public_key"],
            credential_current_sign_count=row["sign_count"],
            require_user_verification=alone,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _refused() from None
    await tx.execute(
        f"UPDATE {of.passkeys} SET sign_count = $2, last_used_at = $3 WHERE id = $1",
        row["id"],
        proved.new_sign_count,
        now,
    )
    found: int = row["owner_id"]
    return found


async def _remember(
    tx: Transaction,
    of: AccountKind,
    challenge: bytes,
    purpose: Purpose,
    session_id: int | None,
    now: datetime,
) -> None:
    await tx.execute(
        f"INSERT INTO {of.challenges} (challenge, purpose, session_id, expires_at) VALUES ($1, $2, $3, $4)",
        challenge,
        purpose,
        session_id,
        now + _ANSWER_WITHIN,
    )


async def _take(
    tx: Transaction,
    of: AccountKind,
    sent: dict[str, Any],
    purpose: Purpose,
    session_id: int | None,
    now: datetime,
) -> bytes:
    # What the browser says it signed is only looked up here; the signature over it is checked afterwards.
    response = sent.get("response")
    client_data = _bytes(response.get("clientDataJSON") if isinstance(response, dict) else None)
    try:
        challenge = _bytes(msgspec.json.decode(client_data, type=_ClientData).challenge)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _refused() from None
    taken = await tx.execute(
        f"DELETE FROM {of.challenges} WHERE challenge = $1 AND purpose = $2"
        "   AND session_id IS NOT DISTINCT FROM $3 AND expires_at > $4",
        challenge,
        purpose,
        session_id,
        now,
    )
    if not taken:
        raise PasskeyRefused("that took too long or has already been used", fix="try again")
    return challenge


class _ClientData(msgspec.Struct):
    challenge: str


def _decoded(credential: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(credential, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _refused() from None


def _bytes(text: object) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    if not isinstance(text, str) or not text.isascii():
        return b""
    try:
        return base64url_to_bytes(text)
    except ValueError:
        return b""


def _transports(sent: dict[str, Any]) -> list[str]:
    from webauthn.helpers.structs import AuthenticatorTransport

    response = sent.get("response")
    transports = response.get("transports") if isinstance(response, dict) else None
    known = {transport.value for transport in AuthenticatorTransport}
    return [text for text in transports if text in known][:10] if isinstance(transports, list) else []


def _descriptor(row: Row) -> PublicKeyCredentialDescriptor:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return PublicKeyCredentialDescriptor(
        id=row["credential_id"],
        transports=[AuthenticatorTransport(text) for text in row["transports"]] or None,
    )


def _refused() -> PasskeyRefused:
    return PasskeyRefused(
        "this passkey doesn't belong to an account here", fix="use another one, or the password"
    )
