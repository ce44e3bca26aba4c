"""Where those who find a weakness report it: /.well-known/security.txt (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from litestar import Response, get

from hotel_booking.core.config import Settings
from hotel_booking.core.errors import NotFound
from hotel_booking.http.access import public

_GOOD_FOR = timedelta(days=180)  # the standard asks for less than a year


class NoSecurityContact(NotFound):
    """The operator has not said where weaknesses are reported."""

    code = "no_security_contact"


@get("/.well-known/security.txt", opt=public(), include_in_schema=False, sync_to_thread=False)
def security_txt(settings: Settings, now: datetime) -> Response[str]:
    """The operator's contact. It is always good for another half year: it says what is set now."""
    contact = settings.security_contact
    if not contact:
        raise NoSecurityContact("no security contact is set", fix="set HOTEL_SECURITY_CONTACT")
    until = (now.astimezone(UTC) + _GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    hosts = [settings.public_url.rstrip("/")]
    if settings.status_host:
        hosts.append(
            f"https://{settings.status_host}"
        )  # it is not to be trusted where it names no such place
    lines = [
        f"Contact: {contact if contact.startswith('https://') else f'mailto:{contact}'}",
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}",
        *(f"Canonical: {host}/.well-known/security.txt" for host in hosts),
        "",
    ]
    return Response(
        "\n".join(lines),
        media_type="text/plain",
        headers={"cache-control": "public, max-age=3600"},
    )


handlers = [security_txt]
