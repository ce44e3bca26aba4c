"""Against forged requests: a browser says where a request comes from, and ours must come from ourselves.

Surfaces that know people by a cookie (the panel, the guest site) answer a request that changes something
only if the browser marks it as sent by our own pages: `Sec-Fetch-Site: same-origin`, or, from browsers
without that header, an `Origin` that is the address asked. Scripts of other sites can set neither. A request
with neither header comes from no page of ours and is refused too (docs/decisions/0013-forged-requests.md).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Send
from litestar.types import Scope as AsgiScope

from hotel_booking.core.errors import Forbidden
from hotel_booking.http.access import surface

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignOrigin(Forbidden):
    """The request was sent by another site's page. Nothing changed."""

    code = "foreign_origin"


class SameOrigin:
    """Middleware: refuse what other sites send in our visitors' names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == ScopeType.HTTP
            and surface(scope["path"]) != "other"
            and scope["method"] not in _SAFE
            and not _own(scope)
        ):
            raise ForeignOrigin(
                "the request was not sent from a page of this site", fix="reload the page and try again"
            )
        await self.app(scope, receive, send)


def _own(scope: AsgiScope) -> bool:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get(b"origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get(b"host", "")
