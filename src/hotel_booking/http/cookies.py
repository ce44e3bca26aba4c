"""The cookies we set: HttpOnly, same-site, for the whole host, and over TLS alone where the site is."""

from __future__ import annotations

from litestar.datastructures import Cookie
from litestar.types import Scope as AsgiScope

from hotel_booking.core.config import Settings

STAFF = "hotel_staff"
GUEST = "hotel_guest"
DEVICE = "hotel_device"
_LONGEST = 200


def read(scope: AsgiScope, name: str, *, longest: int = _LONGEST) -> str | None:
    """The cookie's value; None where there is none, or none that we could have set. Its name carries
    `__Host-` where we set it so: a neighbouring host cannot plant that."""
    found = parse(scope).get(_full_name(scope, name), "")
    return found if 0 < len(found) <= longest and found.isascii() else None


def parse(scope: AsgiScope) -> dict[str, str]:
    """All cookies of a request by name, in time that grows with their length alone; of two with one name, the
    first counts. The standard library's parser takes half a minute for 64 KB of backslashes (Python 3.11.7),
    so nothing here uses it; our own values need no unquoting."""
    found: dict[str, str] = {}
    for header, line in scope["headers"]:
        if header == b"cookie":
            for part in line.decode("latin-1").split(";"):
                name, equals, value = part.partition("=")
                if equals:
                    found.setdefault(name.strip(), value.strip())
    return found


def starting(scope: AsgiScope, prefix: str) -> dict[str, str]:
    """Every cookie whose name begins so, by its name; as `read` takes them."""
    wanted = _full_name(scope, prefix)
    return {
        prefix + name.removeprefix(wanted): text
        for name, text in parse(scope).items()
        if name.startswith(wanted) and 0 < len(text) <= _LONGEST and text.isascii()
    }


def write(scope: AsgiScope, name: str, value: str, *, seconds: int | None = None) -> Cookie:
    """A cookie to set; gone with the browser's session unless `seconds` are given (0 deletes it)."""
    return Cookie(
        _full_name(scope, name),
        value=value,
        path="/",
        max_age=seconds,
        httponly=True,
        secure=_on_tls(scope),
        samesite="lax",
    )


def _full_name(scope: AsgiScope, name: str) -> str:
    return f"__Host-{name}" if _on_tls(scope) else name


def _on_tls(scope: AsgiScope) -> bool:
    # In production always, whatever the address says: a cookie that goes over plain HTTP once is anybody's.
    settings: Settings = scope["litestar_app"].state.settings
    return settings.production or settings.public_url.startswith("https://")
