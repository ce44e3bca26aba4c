"""What was preserved of an incident of security: a folder of files, and beside them one signed list of what
each is (`MANIFEST.json`, a DSSE envelope). Who changes a byte, removes a file or puts one in is found.

The list's own SHA-256 stands in the incident's timeline and in the audit log, so that it cannot be made anew
either, not even by somebody who holds the key.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from hotel_booking.ops.evidence import INCIDENT, Signer, Untrusted, opened, public_half, seal
from hotel_booking.ops.refusals import Refused, WrongUse
from hotel_booking.ops.spool import write_whole

MANIFEST = "MANIFEST.json"
PART = ".part"  # what a folder that is not whole is called at its end
AUDIT_LOG = "database/audit-log.jsonl"
_KIND = "application/vnd.hotel-booking.incident-evidence+json"
_BLOCK = 1 << 20


class File(msgspec.Struct, frozen=True):
    """A file of it: its SHA-256, and its size in bytes."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was signed. `missing` says what could not be had, and why; `cut` what is longer than was taken;
    `findings` what was seen while it was taken."""

    incident: int
    made_at: Annotated[datetime, msgspec.Meta(tz=True)]
    made_by: str
    release: str
    files: dict[str, File]
    missing: dict[str, str] = {}
    cut: list[str] = []
    findings: list[str] = []


class EvidenceChanged(Refused):
    """The evidence is not what was preserved."""


def key_for(private_key: str, signers: Sequence[Signer]) -> str:
    """The name of whom the key belongs to. Raises `WrongUse` where nobody would believe its signature."""
    public = public_half(private_key)
    for signer in signers:
        if signer.key == public and signer.may_sign(INCIDENT):
            return signer.name
    raise WrongUse(
        "this key signs no evidence of an incident: no line of deployment/evidence-signers has its public"
        f" half and the item `{INCIDENT}`",
        "A line and its key are made by:",
        "  hotel-booking ops evidence key",
    )


def close(folder: Path, manifest: Manifest, *, private_key: str, signer: str) -> tuple[Path, str]:
    """Sign the list, and give the folder the name that only a whole one has; that, and the list's SHA-256.
    Raises `OSError`."""
    sealed = seal(_KIND, msgspec.json.encode(manifest), private_key=private_key, signer=signer)
    write_whole(folder / MANIFEST, sealed)
    whole = folder.with_name(folder.name.removesuffix(PART))
    folder.rename(whole)
    return whole, hashlib.sha256(sealed).hexdigest()


def listed(folder: Path) -> dict[str, File]:
    """Every file below the folder but the list itself, by its path. Raises `EvidenceChanged` for what is no
    file."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise EvidenceChanged(f"{name} is neither a file nor a folder")
        if path.is_file() and name != MANIFEST:
            files[name] = _file(path)
    return files


def verify(folder: Path, signers: Sequence[Signer], *, hashed: str = "") -> tuple[Manifest, str]:
    """What is preserved there, and who signed it, once every byte is as it was. `hashed` is what timeline and
    audit log say of the list. Raises `EvidenceChanged` naming everything that is wrong."""
    if not folder.is_dir():
        raise WrongUse(f"there is no folder {folder}")
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise EvidenceChanged(
            f"{folder} is no whole evidence: {MANIFEST}: {error.strerror}",
            "What was interrupted is taken anew; what is there may still be looked at.",
        ) from None
    if hashed and hashlib.sha256(content).hexdigest() != hashed.strip().lower():
        raise EvidenceChanged(
            f"{MANIFEST} is not the one that was noted: it was signed anew, or is another incident's"
        )
    try:
        payload, by = opened(_KIND, content, signers)
        manifest = msgspec.json.decode(payload, type=Manifest)
    except (Untrusted, msgspec.DecodeError) as error:
        raise EvidenceChanged(f"{MANIFEST} does not count: {error}") from None
    names = [signer.name for signer in by if signer.may_sign(INCIDENT)]
    if not names:
        raise EvidenceChanged(f"{by[0].name} may not sign an incident's evidence")
    wrong = [*_differences(manifest.files, listed(folder))]
    if wrong:
        raise EvidenceChanged(f"{len(wrong)} of it changed", *wrong[:50])
    return manifest, names[0]


def _differences(signed: dict[str, File], there: dict[str, File]) -> Iterator[str]:
    for name in sorted({*signed, *there}):
        if name not in there:
            yield f"{name} is gone"
        elif name not in signed:
            yield f"{name} was put in"
        elif signed[name] != there[name]:
            yield f"{name} was changed"


def broken_link(path: Path) -> str | None:
    """The first link of an exported audit log that does not follow from the one before."""
    with path.open("rb") as lines:
        try:
            begins = json.loads(next(lines))
            position, previous = begins["after"], bytes.fromhex(begins["hash"])
            for line in lines:
                link = json.loads(line)
                position += 1
                text = link["text"]
                if text is None or link["position"] != position:
                    return f"link {position} or its entry is missing"
                previous = hashlib.sha256(previous + text.encode()).digest()
                if previous.hex() != link["hash"]:
                    return f"link {position} does not follow from the one before"
        except (StopIteration, ValueError, KeyError, TypeError, AttributeError) as error:
            return f"it cannot be read: {type(error).__name__}"
    return None


def _file(path: Path) -> File:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return File(digest.hexdigest(), size)


def written(path: Path, content: bytes) -> None:
    """Put a file in, for nobody but us to read. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
