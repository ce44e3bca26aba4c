"""What staff are told by mail: invitations, new passwords, and what happened to their account."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.service.staff import InvitedStaff
from hotel_booking.domains.notifications import service as mail


async def send_invitation(
    tx: Transaction, invited: InvitedStaff, *, settings: Settings, by: str, now: datetime
) -> None:
    """The link that lets somebody in for the first time."""
    await mail.queue(
        tx,
        event_key=f"staff:{invited.staff.id}:invitation:{uuid4()}",
        template="staff_invitation",
        language=invited.staff.language,
        recipient=invited.staff.email,
        data={
            "name": invited.staff.name,
            "invited_by": by,
            "link": f"{settings.public_url}/admin/invitation/{invited.token}",
        },
        staff_id=invited.staff.id,
        now=now,
    )


async def send_notice(tx: Transaction, member: Staff, *, what: str, now: datetime) -> None:
    """Something happened to the account that its owner should know of, whoever did it."""
    await mail.queue(
        tx,
        event_key=f"staff:{member.id}:{what}:{uuid4()}",
        template="security_notice",
        language=member.language,
        recipient=member.email,
        data={"name": member.name, "what": what, "at": now.isoformat()},
        staff_id=member.id,
        now=now,
    )
