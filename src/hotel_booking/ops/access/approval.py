"""That somebody else agreed: one signed line that says who gets which role, for how long, and who asks for
it.

It counts for an hour, once, for exactly what it says. Who may approve is a file in Git
(deployment/access-approvers): an e-mail address, the roles (with commas, or `*`), the public key. So an
approver is who holds the key, and not whoever types their name.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import uuid4

import msgspec

from hotel_booking.ops.access.terms import ROLES
from hotel_booking.ops.evidence import Signer, Untrusted, opened, public_half, read_signers, seal
from hotel_booking.ops.refusals import Refused, WrongUse

_KIND = "application/vnd.hotel-booking.access-approval+json"
_COUNTS_FOR = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(minutes=5)


class NotApproved(Refused):
    """Nobody who may has agreed to this; nothing was given."""


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the line says. `seconds` is the duration."""

    id: str
    person: str
    role: str
    seconds: int
    requester: str
    made_at: Annotated[datetime, msgspec.Meta(tz=True)]


def read_approvers(text: str) -> list[Signer]:
    """The lines of the file of approvers. Raises `WrongUse` naming the line."""
    return read_signers(text, ROLES)


def approve(
    *,
    person: str,
    role: str,
    length: timedelta,
    requester: str,
    private_key: str,
    approvers: Sequence[Signer],
    now: datetime,
) -> tuple[str, str]:
    """The line to hand to the requester, and who approved. Raises `WrongUse` or `NotApproved`."""
    public = public_half(private_key)
    mine = [approver for approver in approvers if approver.key == public]
    if not mine:
        raise NotApproved(
            "this key approves nothing: no line of deployment/access-approvers has its public half"
        )
    name = mine[0].name
    _refuse_own(name, person=person, requester=requester)
    if not any(approver.may_sign(role) for approver in mine):
        raise NotApproved(f"{name} may not approve {role}")
    payload = Approval(
        id=str(uuid4()),
        person=person,
        role=role,
        seconds=int(length.total_seconds()),
        requester=requester,
        made_at=now,
    )
    sealed = seal(_KIND, msgspec.json.encode(payload), private_key=private_key, signer=name)
    return base64.urlsafe_b64encode(sealed).decode(), name


def check(
    line: str,
    *,
    person: str,
    role: str,
    length: timedelta,
    requester: str,
    approvers: Sequence[Signer],
    now: datetime,
) -> tuple[str, str]:
    """Who approved exactly this, and the approval's id, which counts once. Raises `NotApproved` or
    `WrongUse`."""
    try:
        content = base64.urlsafe_b64decode(line.strip().encode())
        payload, by = opened(_KIND, content, approvers)
        approval = msgspec.json.decode(payload, type=Approval)
    except (ValueError, msgspec.DecodeError):
        raise WrongUse(
            "HOTEL_ACCESS_APPROVAL is not the line that `hotel-booking ops access approve` prints"
        ) from None
    except Untrusted as error:
        raise NotApproved(f"the approval does not count: {error}") from None
    allowed = [approver for approver in by if approver.may_sign(role)]
    if not allowed:
        raise NotApproved(f"{by[0].name} may not approve {role}")
    name = allowed[0].name
    _refuse_own(name, person=person, requester=requester)
    asked = (person, role, int(length.total_seconds()), requester)
    agreed = (approval.person, approval.role, approval.seconds, approval.requester)
    for what, ours, theirs in zip(
        ("person", "role", "duration (s)", "requester"), asked, agreed, strict=True
    ):
        if ours != theirs:
            raise NotApproved(f"{name} approved another {what}: {theirs}, and not {ours}")
    if not now - _COUNTS_FOR <= approval.made_at <= now + _CLOCKS_DIFFER:
        raise NotApproved(
            f"the approval of {name} is of {approval.made_at:%Y-%m-%d %H:%M} UTC: it counts for an hour"
        )
    return name, approval.id


def _refuse_own(approver: str, *, person: str, requester: str) -> None:
    if approver in (person, requester):
        whose = "whose access it is" if approver == person else "who asks for it"
        raise NotApproved(f"{approver} is {whose}: somebody else has to approve it")
