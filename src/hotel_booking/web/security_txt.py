"""Where those who find a weakness report it: /.well-known/security.txt (RFC 9116)."""

from __future__ import annotations

from datetime import datetime

from litestar import Response, get

from hotel_booking.core.config import Settings
from hotel_booking.core.errors import NotFound
from hotel_booking.core.security_txt import SECURITY_TXT, security_text
from hotel_booking.http.access import public


class NoSecurityContact(NotFound):
    """The operator has not said where weaknesses are reported."""

    code = "no_security_contact"


@get(f"/{SECURITY_TXT}", opt=public(), include_in_schema=False, sync_to_thread=False)
def security_txt(settings: Settings, now: datetime) -> Response[str]:
    """The operator's contact."""
    contact = settings.security_contact
    if not contact:
        raise NoSecurityContact("no security contact is set", fix="set HOTEL_SECURITY_CONTACT")
    text = security_text(contact, public_url=settings.public_url, status_host=settings.status_host, now=now)
    return Response(text, media_type="text/plain", headers={"cache-control": "public, max-age=3600"})


handlers = [security_txt]
