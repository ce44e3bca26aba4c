"""The short way of the calls that are asked most: `opt=direct()`.

What Litestar does between the address and the handler costs as much as the handler of a fast call does, or as
a page that is kept. So a query whose parameters are written plainly (no escapes, each value as its type is
usually written) is read here, and the handler is called with the same arguments and its answer encoded in
the same way. Whatever is written otherwise, and every mistake, goes Litestar's way, which knows what to say
of it. Both answer alike, and a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from types import NoneType
from typing import Any, NamedTuple

from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from hotel_booking.http.access import now_of
from hotel_booking.http.json_answer import messages
from hotel_booking.http.searching import searching_of

DIRECT = "direct"

_PLAIN = re.compile(r"[A-Za-z0-9_.,:=-]+")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,15})?")
_BOOLEANS = {"true": True, "false": False}
_SHORT, _MOST_KNOWN = 40, 4096  # letters of a part of a query, and how many such parts a call remembers

Read = Callable[[str], Any]
# What a handler may take beside what is read of the address.
Give = Callable[[HTTPScope, datetime], Any]
_GIVEN: Mapping[str, Give] = {
    "now": lambda _, now: now,
    "request": lambda scope, _: _request(scope),
    "searching": searching_of,
    "settings": lambda scope, _: scope["litestar_app"].state.settings,
    "tx": lambda scope, _: scope["state"]["unit"].tx,
}


class _NotPlain(Exception):  # no error: Litestar reads what is written otherwise
    """A value is not written as its type usually is."""


def direct() -> dict[str, bool]:
    """`opt` of a GET whose handler takes its path's texts, query parameters of plain types, and what `_GIVEN`
    has; its answer is JSON without headers of its own, or, where it takes the `request`, a `Response`."""
    return {DIRECT: True}


class _Call(NamedTuple):
    """How a handler is called: the function, its parameters by the names that a query has for them (the
    argument's name, and what reads the value), those that must be there, those of the path, and what gives
    the others. `strict`: it takes nothing else. `known`: what short parts of queries say, as they were read
    before."""

    function: Callable[..., Awaitable[Any]]
    readers: Mapping[str, tuple[str, Read]]
    required: frozenset[str]
    of_path: tuple[str, ...]
    given: tuple[tuple[str, Give], ...]
    strict: bool
    known: dict[str, tuple[str, Any]]


def shortened(scope: HTTPScope, app: ASGIApp) -> ASGIApp:
    """What answers the request: the short way where it has one, else `app`. The short way of a call that is
    strict has read its query, in which nothing is unknown."""
    handler = scope["route_handler"]
    if DIRECT not in handler.opt or scope["method"] != "GET" or not isinstance(handler, HTTPRouteHandler):
        return app
    call = _calls(scope["litestar_app"])[handler]
    asked = _asked(call, scope["query_string"])
    if asked is None:
        return app
    for name in call.of_path:
        asked[name] = scope["path_params"][name]

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        now = now_of(scope)
        for name, give in call.given:
            asked[name] = give(scope, now)
        data = await call.function(**asked)
        if isinstance(data, Response):
            leave = await handler.to_response(scope["litestar_app"], data, asked["request"])
            await leave(scope, receive, send)
            return
        for message in messages(data):
            await send(message)

    return answer


def _request(scope: HTTPScope) -> Request[Any, Any, Any]:
    made: Request[Any, Any, Any] = (scope["litestar_app"].request_class or Request)(scope)
    return made


def _asked(call: _Call, query: bytes) -> dict[str, Any] | None:
    """The arguments that a query gives; None where Litestar is to read it."""
    found: dict[str, Any] = {}
    known = call.known
    try:
        for part in query.decode("ascii").split("&") if query else ():
            argument, value = known.get(part) or _part(call, part)
            if argument in found:
                return None
            if argument:
                found[argument] = value
    except (UnicodeDecodeError, _NotPlain):
        return None
    return found if call.required <= found.keys() else None


def _part(call: _Call, part: str) -> tuple[str, Any]:
    """The argument that a part of a query gives, and its value; "" where the handler has no parameter of that
    name. Raises `_NotPlain`."""
    name, _, text = part.partition("=")
    if name not in call.readers:
        if call.strict or not _NAME.fullmatch(name):
            raise _NotPlain  # to be refused, or one of them in other letters
        return "", None
    argument, read = call.readers[name]
    if not _PLAIN.fullmatch(text):
        raise _NotPlain
    value = argument, read(text)
    if read is not _number and len(part) <= _SHORT:  # points differ, the others are mostly among a few
        if len(call.known) >= _MOST_KNOWN:
            call.known.clear()
        call.known[part] = value
    return value


def _calls(app: Litestar) -> Mapping[Any, _Call]:
    """The calls that are answered directly, by their handlers: Litestar's own reading of the signatures."""
    if DIRECT not in app.state:
        app.state[DIRECT] = {
            handler: _call(handler, model)
            for route in app.routes
            if isinstance(route, HTTPRoute)
            for handler, model in route.route_handler_map.values()
            if DIRECT in handler.opt
        }
    calls: Mapping[Any, _Call] = app.state[DIRECT]
    return calls


def _call(handler: HTTPRouteHandler, model: Any) -> _Call:
    fields = handler.parsed_fn_signature.parameters
    readers = {
        parameter.field_alias: (parameter.field_name, _reader(fields[parameter.field_name]))
        for parameter in model.expected_query_params
    }
    required = (p.field_name for p in model.expected_query_params if p.is_required)
    of_path = [p.field_name for p in model.expected_path_params if p.field_name in fields]
    others = fields.keys() - of_path - {argument for argument, _ in readers.values()}
    given = tuple((name, _GIVEN[name]) for name in sorted(others))
    return _Call(handler.fn, readers, frozenset(required), tuple(of_path), given, "strict" in handler.opt, {})


def _reader(field: Any) -> Read:
    """What reads the values of a parameter, of a type or of it and None, which may have bounds."""
    kinds = {kind.annotation for kind in field.inner_types} or {field.annotation}
    kinds.discard(NoneType)
    read = _READERS[kinds.pop()] if len(kinds) == 1 else None
    if read is None:
        raise TypeError(f"the parameter {field.name} is of no type that is read directly")
    bounds = field.kwarg_definition
    if bounds is None or bounds.ge is None or bounds.le is None:
        return read

    def within(text: str) -> Any:
        value = read(text)
        if not bounds.ge <= value <= bounds.le:
            raise _NotPlain
        return value

    return within


def _text(text: str) -> str:
    if not text or "=" in text:
        raise _NotPlain
    return text


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _NotPlain
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _NotPlain
    return float(text)


def _boolean(text: str) -> bool:
    found = _BOOLEANS.get(text)
    if found is None:
        raise _NotPlain
    return found


def _day(text: str) -> date:
    if len(text) != 10 or not text[4] == text[7] == "-":
        raise _NotPlain
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _NotPlain from None


_READERS: dict[type, Read] = {str: _text, int: _whole, float: _number, bool: _boolean, date: _day}
