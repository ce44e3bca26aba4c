"""Signed evidence of what was done for a release, and who may sign it.

A file is a DSSE envelope (the format of in-toto and cosign): the payload's bytes, signed with Ed25519 as they
stand, so that nothing depends on how JSON is written. The payload:

    {"item": "tests", "release": "20260301-0123456789ab", "commit": "<40 hex>", "image": "sha256:<64 hex>",
     "passed": true, "summary": "2,841 tests passed", "made_at": "<RFC 3339>", "made_by": "<who>",
     "reports": {"junit.xml": "<sha256 of the file>"}, "detail": {...}}

Who may sign is a file in Git, a line each: a name, the items (with commas, or `*`), the public key.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hotel_booking.ops.refusals import WrongUse
from hotel_booking.ops.spool import write_whole

PAYLOAD_TYPE = "application/vnd.hotel-booking.evidence+json"

# `build` says which commit and image a release is; the others are the runbook's checklist.
Item = Literal["build", "tests", "security", "compliance", "migrations", "rollback", "communication"]
ITEMS: tuple[Item, ...] = get_args(Item)
# No evidence of a release: who may approve that production is restored, and sign an incident's evidence.
RESTORE = "restore"
INCIDENT = "incident"

COMMIT = re.compile(r"[0-9a-f]{40}")
IMAGE = re.compile(r"sha256:[0-9a-f]{64}")
RELEASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # what a registry takes as a tag


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a payload says. `image` is the digest of the release's image in the registry."""

    item: Item
    release: Annotated[str, msgspec.Meta(pattern=rf"\A{RELEASE.pattern}\Z")]
    commit: Annotated[str, msgspec.Meta(pattern=rf"\A{COMMIT.pattern}\Z")]
    image: Annotated[str, msgspec.Meta(pattern=rf"\A{IMAGE.pattern}\Z")]
    passed: bool
    summary: str
    made_at: Annotated[datetime, msgspec.Meta(tz=True)]
    made_by: str
    reports: dict[str, str] = {}
    detail: dict[str, Any] = {}


class Signer(msgspec.Struct, frozen=True):
    """A line of the file of signers. `items` is `*` or what it may sign."""

    name: str
    items: frozenset[str]
    key: bytes

    def may_sign(self, item: str) -> bool:
        """Whether its signature counts for the item."""
        return "*" in self.items or item in self.items


class Untrusted(Exception):
    """The file is no evidence: it is damaged, changed, or signed by nobody who may."""


class _Signature(msgspec.Struct, frozen=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    payload_type: str
    payload: str
    signatures: list[_Signature]


def make_key() -> tuple[str, str]:
    """A new key: the private half, for a secret, and the public one, for the file of signers."""
    private = Ed25519PrivateKey.generate()
    return _text(private.private_bytes_raw()), _text(private.public_key().public_bytes_raw())


def sign(evidence: Evidence, *, private_key: str, signer: str) -> bytes:
    """The file's content. Raises `WrongUse` for what is no key."""
    return seal(PAYLOAD_TYPE, msgspec.json.encode(evidence), private_key=private_key, signer=signer)


def seal(kind: str, payload: bytes, *, private_key: str, signer: str) -> bytes:
    """A signed envelope around the payload of this kind. Raises `WrongUse` for what is no key."""
    signature = _Signature(signer, _text(_private(private_key).sign(_signed(kind, payload))))
    return msgspec.json.format(msgspec.json.encode(_Envelope(kind, _text(payload), [signature])))


def public_half(private_key: str) -> bytes:
    """The public key that belongs to this one. Raises `WrongUse` for what is no key."""
    return _private(private_key).public_key().public_bytes_raw()


def _private(text: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.strip(), validate=True))
    except (ValueError, binascii.Error):
        raise WrongUse("the signing key is not one that `hotel-booking ops evidence key` prints") from None


def write(folder: Path, item: Item, content: bytes) -> Path:
    """Keep a file of evidence, whole; a newer one takes the older one's place. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{item}.json"
    write_whole(path, content)
    return path


def read(content: bytes, signers: Sequence[Signer]) -> Evidence:
    """What a file's content says, once its signature is one that counts for it. Raises `Untrusted`."""
    payload, by = opened(PAYLOAD_TYPE, content, signers)
    try:
        evidence = msgspec.json.decode(payload, type=Evidence)
    except msgspec.DecodeError as error:
        raise Untrusted(f"what was signed is no evidence: {error}") from None
    if not any(signer.may_sign(evidence.item) for signer in by):
        raise Untrusted(f"{by[0].name} may not sign {evidence.item}")
    return evidence


def opened(kind: str, content: bytes, signers: Sequence[Signer]) -> tuple[bytes, list[Signer]]:
    """What was signed, and by whom of these; at least one. Raises `Untrusted`."""
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
    except (msgspec.DecodeError, ValueError):
        raise Untrusted("it is damaged: this is no signed envelope") from None
    if envelope.payload_type != kind:
        raise Untrusted(f"it is of another kind: {envelope.payload_type[:80]}")
    by = _signers_of(envelope, payload, signers)
    if not by:
        names = ", ".join(sorted({signature.keyid[:40] for signature in envelope.signatures})) or "nobody"
        raise Untrusted(f"its signature ({names}) is not valid: it was changed, or the signer is not known")
    return payload, by


def read_signers(text: str, items: Collection[str] = (*ITEMS, RESTORE, INCIDENT)) -> list[Signer]:
    """The lines of a file of those who may sign some of `items`; what follows a # is a remark. Raises
    `WrongUse` naming the line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, signs, key = words
            named = frozenset(signs.split(","))
            raw = base64.b64decode(key, validate=True)
            Ed25519PublicKey.from_public_bytes(raw)
        except ValueError:
            raise WrongUse(f"line {number} of the signers is not: NAME ITEM,ITEM PUBLIC-KEY") from None
        if unknown := named - {*items, "*"}:
            raise WrongUse(f"line {number} of the signers names no item: {', '.join(sorted(unknown))}")
        found.append(Signer(name, named, raw))
    return found


def _signers_of(envelope: _Envelope, payload: bytes, signers: Sequence[Signer]) -> list[Signer]:
    """Those whose signature of the payload is good; the name in the file says nothing."""
    good = []
    for signature in envelope.signatures[:10]:
        try:
            raw = base64.b64decode(signature.sig, validate=True)
        except ValueError:
            continue
        for signer in signers:
            try:
                Ed25519PublicKey.from_public_bytes(signer.key).verify(
                    raw, _signed(envelope.payload_type, payload)
                )
            except InvalidSignature:
                continue
            good.append(signer)
    return good


def _signed(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the kind and both lengths are signed with the payload."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
