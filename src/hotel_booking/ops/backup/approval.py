"""Production is restored, and a standby takes over, when a second person says so: a signed record of what,
where to, and when.

Both are known by a key of theirs (`hotel-booking ops evidence key`, a line among the signers): the one who
approves by a signature that counts for `restore`, the one who runs it by HOTEL_EVIDENCE_KEY. A record counts
for four hours and for one switch. Why no accounts of the panel: the database that knows them may be gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import msgspec

from hotel_booking.ops.evidence import RESTORE, Signer, Untrusted, opened, public_half, seal
from hotel_booking.ops.operation import home
from hotel_booking.ops.refusals import Refused, WrongUse
from hotel_booking.ops.spool import write_whole

_KIND = "application/vnd.hotel-booking.approval+json"
_COUNTS = timedelta(hours=4)
_SLACK = timedelta(minutes=5)  # their clock and ours


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`backup` (an id or `latest`) may be restored to `target`, as of `until` (RFC 3339, or empty)."""

    id: str
    backup: str
    target: str
    until: str
    reason: str
    made_at: Annotated[datetime, msgspec.Meta(tz=True)]


def approve(
    backup: str,
    target: str,
    until: str,
    *,
    reason: str,
    private_key: str,
    signers: Sequence[Signer],
    environ: Mapping[str, str],
    now: datetime,
) -> Path:
    """Write a record signed with this key; where it is. Raises `WrongUse` where it would not count."""
    signer = _who(private_key, signers)
    if not signer.may_sign(RESTORE):
        raise WrongUse(f"{signer.name} may not approve: their line in the signers does not name `{RESTORE}`")
    record = Approval(id=str(uuid4()), backup=backup, target=target, until=until, reason=reason, made_at=now)
    path = where(environ, backup, target)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    envelope = seal(_KIND, msgspec.json.encode(record), private_key=private_key, signer=signer.name)
    write_whole(path, envelope)
    return path


def require(
    target: str,
    backup: str,
    *,
    until: str = "",
    private_key: str,
    signers: Sequence[Signer],
    environ: Mapping[str, str],
    now: datetime,
) -> tuple[Approval, str]:
    """The record that allows this, and who approved it. HOTEL_APPROVAL names its file, else it is where
    `approve` writes on this machine. Refused where there is none, or it is old, used, of something else, or
    by who runs this."""
    path = Path(environ.get("HOTEL_APPROVAL") or where(environ, backup, target))
    help_lines = how(backup, target, until)
    runner = _who(private_key, signers)
    try:
        payload, by = opened(_KIND, path.read_bytes(), signers)
        record = msgspec.json.decode(payload, type=Approval)
    except OSError:
        raise Refused(f"restoring {backup} to {target} has no approval ({path})", *help_lines) from None
    except (Untrusted, msgspec.DecodeError) as error:
        raise Refused(f"the approval {path} does not count: {error}", *help_lines) from None
    others = [signer for signer in by if signer.may_sign(RESTORE)]
    if not others:
        raise Refused(f"{by[0].name} may not approve a restore to {target}", *help_lines)
    others = [signer for signer in others if signer.key != runner.key and signer.name != runner.name]
    if not others:
        raise Refused(f"{runner.name} runs this, and has approved it: it takes another person", *help_lines)
    if (record.backup, record.target, record.until) != (backup, target, until):
        wanted = f"{record.backup} to {record.target}" + (f" as of {record.until}" if record.until else "")
        raise Refused(f"the approval is for another restore: {wanted}", *help_lines)
    if not now - _COUNTS <= record.made_at <= now + _SLACK:
        raise Refused(
            f"the approval is of {record.made_at:%Y-%m-%d %H:%M} UTC: it counts 4 hours", *help_lines
        )
    if _used(environ, record).exists():
        raise Refused("the approval has been used: it counts for one restore", *help_lines)
    return record, others[0].name


def use(record: Approval, environ: Mapping[str, str]) -> None:
    """From now on the record does not count any more."""
    path = _used(environ, record)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, msgspec.json.encode(record))


def _who(private_key: str, signers: Sequence[Signer]) -> Signer:
    public = public_half(private_key)
    for signer in signers:
        if signer.key == public:
            return signer
    raise WrongUse(
        "the key HOTEL_EVIDENCE_KEY is nobody's whose signature counts",
        "Add its line to deployment/evidence-signers (another person merges it):",
        "  hotel-booking ops evidence key",
    )


def how(backup: str, target: str, until: str = "") -> tuple[str, str]:
    """What to do where no approval counts."""
    words = ["hotel-booking ops backup approve", backup, target, *(["--to-time", until] * bool(until))]
    return "Have another person approve it, with their key:", f"  {' '.join(words)} --reason 'WHY'"


def where(environ: Mapping[str, str], backup: str, target: str) -> Path:
    """Where `approve` writes it on this machine."""
    name = re.sub(r"[^A-Za-z0-9-]", "_", f"{backup}-{target}")
    return home(environ) / "approvals" / f"{name}.json"


def _used(environ: Mapping[str, str], record: Approval) -> Path:
    return home(environ) / "approvals" / "used" / f"{re.sub('[^0-9a-f-]', '', record.id)}.json"
