"""Where those who find a weakness report it, as RFC 9116 has it: the text that each host of ours serves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECURITY_TXT = ".well-known/security.txt"
_GOOD_FOR = timedelta(days=180)  # the standard asks for less than a year


def security_text(contact: str, *, public_url: str, status_host: str | None, now: datetime) -> str:
    """The operator's contact, an address or a page. It is always good for another half year: it says what is
    set now. It names every place where it is served, for elsewhere it is not to be trusted."""
    until = (now.astimezone(UTC) + _GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    hosts = [public_url.rstrip("/"), *([f"https://{status_host}"] if status_host else [])]
    lines = [
        f"Contact: {contact if contact.startswith('https://') else f'mailto:{contact}'}",
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}",
        *(f"Canonical: {host}/{SECURITY_TXT}" for host in hosts),
        "",
    ]
    return "\n".join(lines)
