"""Which first words of an address there are: those of our routes, and the site's languages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from litestar import Litestar
from litestar.exceptions import NotFoundException
from litestar.types import Method


def only_languages(app: Litestar, languages: Collection[str]) -> None:
    """Have the app's routes under `/{language:str}` found by these languages alone: an address that begins
    with any other word is one that there is none of (404, whatever the method), and that is found out before
    anything else is done about the request.

    Litestar looks for words first and for a parameter last, so the parameter would take whatever no route
    begins with, `/wp-admin/search` too. It knows no parameter of a few words, and a guard is asked too late:
    by then the request has paid and its body was read.
    """
    router = app.asgi_router
    known = router.root_route_map_node.children
    find = router.handle_routing

    def routing(path: str, method: Method | None) -> Any:
        if path not in known:
            first = path.split("/", 2)[1]
            if first not in languages and first not in known:
                raise NotFoundException
        return find(path=path, method=method)

    router.handle_routing = routing  # type: ignore[assignment]  # theirs can tell what it has cached
