"""Against forged requests: a browser says where a request comes from, and ours must come from ourselves.

Surfaces that know people by a cookie (the panel, the guest site) answer a request that changes something
only if the browser marks it as sent by our own pages: `Sec-Fetch-Site: same-origin`, or, from browsers
without that header, an `Origin` that is the address asked. Scripts of other sites can set neither. A request
with neither header comes from no page of ours and is refused too (docs/decisions/0013-forged-requests.md).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from litestar.types import HTTPScope

from hotel_booking.core.errors import Forbidden


class ForeignOrigin(Forbidden):
    """The request was sent by another site's page. Nothing changed."""

    code = "foreign_origin"


def refuse_foreign(scope: HTTPScope) -> None:
    """Refuse what another site sends in a visitor's name. Raises `ForeignOrigin`."""
    if not _own(scope):
        raise ForeignOrigin(
            "the request was not sent from a page of this site", fix="reload the page and try again"
        )


def _own(scope: HTTPScope) -> bool:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get(b"origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get(b"host", "")
