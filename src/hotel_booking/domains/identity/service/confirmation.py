"""Before a dangerous act, staff prove again who they are."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import sessions
from hotel_booking.domains.identity.caller import Caller


def require_recent(caller: Caller, now: datetime) -> None:
    """Raise `ConfirmIdentity` unless the caller is a member of staff who proved a moment ago who they are."""
    sessions.require_recent(STAFF, caller, now)
