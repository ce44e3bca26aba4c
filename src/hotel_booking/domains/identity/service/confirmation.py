"""Before a dangerous act, staff prove again who they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.domains.authentication.errors import ConfirmIdentity
from hotel_booking.domains.identity.caller import Caller

CONFIRMED_FOR = timedelta(minutes=10)


def require_recent(caller: Caller, now: datetime) -> None:
    """Raise `ConfirmIdentity` unless the member of staff proved who they are within the last ten minutes. An
    unattended screen, or a stolen cookie, is not enough."""
    if caller.confirmed_at is None or now - caller.confirmed_at > CONFIRMED_FOR:
        raise ConfirmIdentity("please prove that it is you", fix="sign in again for this step")
