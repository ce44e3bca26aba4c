"""The way from the edge (`http/edge.py`) to the handler: one layer for all that a request passes, cheapest
first.

Where it leads, how urgent it is, whether another site sent it, who sends it, what it costs them, whether
they may; then its body is read, and it gets its transaction (`http/transactions.py`). What stops it is
raised, and answered by `http/errors.py`.
"""

from __future__ import annotations

from typing import Any

from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Receive, Send

from hotel_booking.core.shares import KIND
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.errors import InvalidKey
from hotel_booking.http import cookies
from hotel_booking.http.access import ACCESS, check, identify, surface
from hotel_booking.http.answers import shaping
from hotel_booking.http.bodies import arrived
from hotel_booking.http.closure import make_sure, refuse_while_closed
from hotel_booking.http.costs import SAFE, goes_first, kind, takes_turns
from hotel_booking.http.encodings import unpacked
from hotel_booking.http.fast_path import shortened
from hotel_booking.http.limits import charge, charge_bad_key
from hotel_booking.http.preconditions import known_preconditions
from hotel_booking.http.pressure import Pressure
from hotel_booking.http.problems import TooManyRequests
from hotel_booking.http.query import known_query
from hotel_booking.http.routing import Routes
from hotel_booking.http.same_origin import refuse_foreign
from hotel_booking.http.transactions import answer_change, answer_read

STRICT = {"strict": True}
"""`opt` of calls that take no parameter and no precondition but those that they declare."""


class Pipeline:
    """From an address to its handler. It stands in the place of Litestar's middleware and its guards, which
    run synchronous functions in threads."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        try:
            app = self._routes.find(scope)
        except HTTPException:
            if surface(scope["path"]) == "admin":
                await _recognise(scope)
            raise
        # For the database's shares: who waits for whom.
        token = KIND.set(kind(scope["path_template"]))
        try:
            await _pass(app, scope, receive, send)
        finally:
            KIND.reset(token)


async def _recognise(scope: HTTPScope) -> None:
    """Who asks for what the panel has not: staff who are signed in are told so in the panel, with its menu;
    everybody else on a page that says nothing of it. Whoever shows a session pays for the look as for a page:
    what no route answers costs others nothing."""
    if cookies.read(scope, cookies.STAFF) is None:
        return
    scope["path_template"] = ""
    token = KIND.set(kind("/admin"))
    try:
        caller = scope["state"]["caller"] = await identify(scope, "admin")
        await charge(scope, caller)
    finally:
        KIND.reset(token)


async def _pass(app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
    where = surface(scope["path"])
    safe = scope["method"] in SAFE
    if not safe:
        await make_sure(scope["litestar_app"].state)
    refuse_while_closed(scope, where)
    # Nobody is recognised under /status: there is nothing that another site could do in somebody's name, and
    # mail programs end subscriptions from there (RFC 8058).
    if not safe and where not in ("other", "status"):
        refuse_foreign(scope)
    try:
        caller = scope["state"]["caller"] = await identify(scope, where)
    except InvalidKey:
        await charge_bad_key(scope)
        raise
    pressure: Pressure = scope["litestar_app"].state.pressure
    try:
        await charge(scope, caller)
    except TooManyRequests:
        await pressure.hold()
        raise
    answer = shortened(scope, app) if safe else app
    if scope["method"] != "OPTIONS":
        _refuse_unasked(scope, caller, safe=safe, query_is_read=answer is not app)
    if scope["path"].startswith("/api"):
        send = shaping(scope, send)
    # A guest of the API is whoever shows any token: nobody has looked at it yet.
    known = caller.kind in ("key", "staff")
    if known or goes_first(scope["path_template"]):
        pressure.note_others()
    if safe and not known and takes_turns(scope["path_template"]):
        began = await pressure.begin(scope["path_template"])
        try:
            await answer_read(answer, scope, receive, send)
        finally:
            pressure.end(scope["path_template"], began)
    elif safe:
        await answer_read(answer, scope, receive, send)
    else:
        receive = unpacked(scope, await arrived(scope, receive))
        await answer_change(app, scope, receive, send)


def _refuse_unasked(scope: HTTPScope, caller: Caller, *, safe: bool, query_is_read: bool) -> None:
    """Raise for who may not, and for what the call does not take."""
    opt: dict[str, Any] = scope["route_handler"].opt
    check(opt.get(ACCESS), caller, scope["path_params"].get("slug"))
    if "strict" in opt:
        if not query_is_read:
            known_query(scope)
        if not safe:
            known_preconditions(scope)
