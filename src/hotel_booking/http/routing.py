"""Which handler an address leads to: Litestar's router, and which first words of an address there are."""

from __future__ import annotations

import re
from typing import Any

from litestar import Litestar
from litestar.exceptions import NotFoundException
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.http.problems import MalformedRequest

_SLASHES = re.compile("//+")
_HOST = re.compile(rb"[0-9A-Za-z!$&'()*+,;=\-._~:\[\]@%]*")


class Routes:
    """The app's routes; those under `/{language:str}` are found by the languages alone: an address that
    begins with any other word is one that there is none of (404, whatever the method), and that is found out
    before anything else is done about the request.

    Litestar looks for words first and for a parameter last, so the parameter would take whatever no route
    begins with, `/wp-admin/search` too. It knows no parameter of a few words.
    """

    def __init__(self, app: Litestar) -> None:
        self._router = app.asgi_router  # it remembers the addresses of late

    def find(self, scope: HTTPScope) -> ASGIApp:
        """What answers at the address of the request; the scope then tells of it. Raises Litestar's
        exceptions for an address that there is none of, and for a method that it has not."""
        host = scope["state"]["headers"].get(b"host")
        if host is not None and not _HOST.fullmatch(host):
            raise MalformedRequest("the Host header can't be read")
        path = scope["path"]
        if not path.startswith("/"):  # `OPTIONS *`, or a proxy's CONNECT
            raise NotFoundException
        if "//" in path or path.endswith("/"):
            path = "/" + _SLASHES.sub("/", path).strip("/")
        known = self._router.root_route_map_node.children
        if path not in known:
            first = path.split("/", 2)[1]
            if first not in LANGUAGES and first not in known:
                raise NotFoundException
        app, scope["route_handler"], scope["path"], scope["path_params"], scope["path_template"] = (
            self._router.handle_routing(path=path, method=scope["method"])
        )
        return app


def one_by_one(app: Litestar) -> None:
    """Have dependencies resolved one after the other. Litestar resolves those that do not need each other in
    a task group, which takes twenty times as long as any of ours."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                batches: list[set[Any]] = model.dependency_batches
                model.dependency_batches = [{one} for batch in batches for one in batch]
