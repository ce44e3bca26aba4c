"""Query parameters are as strict as bodies: one that a call does not know is a mistake, and is named."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope

from hotel_booking.http.problems import FieldProblem, InvalidShape

_MOST = 200  # parameters that are looked at


def known_query(scope: HTTPScope) -> None:
    """Refuse parameters that the call does not take, naming the nearest one that it does, and those that are
    given twice. Raises `InvalidShape`."""
    raw = scope["query_string"]
    if not raw:
        return
    known = _known(scope["litestar_app"]).get(scope["route_handler"].fn, frozenset())
    text = raw.decode("latin-1")
    names = [part.partition("=")[0] for part in text.split("&")]
    if known.issuperset(names) and len(set(names)) == len(names):
        return  # as they are written; what is written otherwise is read first
    found: list[FieldProblem] = []
    seen: set[str] = set()
    for name, _ in parse_qsl(text, keep_blank_values=True, errors="replace")[:_MOST]:
        if name in seen:
            found.append(FieldProblem(f"{name}: is given more than once", name, fix="give it once"))
        elif name not in known:
            found.append(FieldProblem(f"{name}: is not a known parameter", name, fix=_nearest(name, known)))
        seen.add(name)
    if found:
        raise InvalidShape(found)


def _nearest(name: str, known: frozenset[str]) -> str:
    if not known:
        return "leave it out: the call has no parameters"
    near = get_close_matches(name.lower()[:80], known, n=1)
    return f"did you mean {near[0]}?" if near else f"the call accepts {', '.join(sorted(known))}"


def _known(app: Litestar) -> dict[Any, frozenset[str]]:
    """The parameters of every handler, by its function: Litestar's own reading of the signatures."""
    if "query_parameters" not in app.state:
        app.state.query_parameters = {
            handler.fn: frozenset(p.field_alias for p in model.expected_query_params)
            for route in app.routes
            if isinstance(route, HTTPRoute)
            for handler, model in route.route_handler_map.values()
        }
    known: dict[Any, frozenset[str]] = app.state.query_parameters
    return known
