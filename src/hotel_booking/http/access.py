"""Who may call a route: declared on the route, checked before anything else happens.

    @get("/bookings/{reference:str}", opt=guest_or(Scope.BOOKINGS_READ))

A route that declares nothing refuses everybody; a test walks all routes so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, TypeVar

from litestar import Request
from litestar.datastructures import State
from litestar.types import HTTPScope
from litestar.types import Scope as AsgiScope

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.guests.service import sessions as guest_sessions
from hotel_booking.domains.identity import service
from hotel_booking.domains.identity.caller import ANONYMOUS, Caller
from hotel_booking.domains.identity.errors import (
    InvalidKey,
    MissingCredentials,
    MissingPermission,
    SecondFactorRequired,
    TimeMayNotBeSimulated,
)
from hotel_booking.domains.identity.permissions import Permission, what
from hotel_booking.domains.identity.service import sessions as staff_sessions
from hotel_booking.domains.identity.types import KEY_PREFIX, Scope
from hotel_booking.domains.properties.group_pages import KINDS
from hotel_booking.http import cookies
from hotel_booking.http.problems import InvalidHeader

ACCESS = "access"
SIMULATED_TIME = b"hotel-simulated-time"
_LONGEST_TOKEN = 200
Surface = Literal["admin", "site", "status", "other"]
_Session = TypeVar("_Session")


def public() -> dict[str, Any]:
    """`opt` of a route that everybody may call."""
    return {ACCESS: "public"}


def guest_or(scope: Scope) -> dict[str, Any]:
    """`opt` of a route for the guest whose access token it takes (the handler's service compares it), and
    for API keys with the scope."""
    return {ACCESS: ("guest_or", scope)}


def needs(scope: Scope, *others: Scope) -> dict[str, Any]:
    """`opt` of a route for API keys with the scope, or with one of the others."""
    return {ACCESS: ("needs", scope, *others)}


def staff(permission: Permission) -> dict[str, Any]:
    """`opt` of a page for staff who may do this somewhere. Where the address names a property (`{slug:str}`)
    it must be there; elsewhere the handler keeps to `caller.properties_for(permission)`."""
    return {ACCESS: ("staff", permission)}


def signed_in() -> dict[str, Any]:
    """`opt` of a page for all staff who have signed in: their own account."""
    return {ACCESS: "signed_in"}


def check(access: object, caller: Caller, slug: str | None = None) -> None:
    """Raise unless the route's declared access lets the caller in."""
    match access:
        case "public":
            return
        case "signed_in":
            _require_staff(caller)
        case ("staff", Permission() as permission):
            _require_staff(caller)
            if caller.enrol:
                raise SecondFactorRequired("your role requires a second factor: set one up first")
            if slug is not None:
                caller.require_at(slug, permission)
            elif not caller.may_somewhere(permission):
                raise MissingPermission(f"your role does not let you {what(permission)}", fix="ask a manager")
        case ("guest_or", Scope() as scope):
            if caller.kind == "anonymous":
                raise MissingCredentials(
                    "this call needs the booking's access token, or an API key",
                    fix="send `Authorization: Bearer <token>`",
                )
            if caller.kind == "key":
                caller.require(scope)
        case ("needs", Scope() as scope, *others):
            if not any(isinstance(other, Scope) and caller.has(other) for other in others):
                caller.require(scope)
        case _:
            raise LookupError("the route declares no access")


def _require_staff(caller: Caller) -> None:
    if caller.kind != "staff":
        raise SignInRequired("this page is for staff", fix="sign in")


def caller_of(scope: AsgiScope) -> Caller:
    """The caller that `identify` found."""
    caller: Caller = scope["state"].get("caller", ANONYMOUS)
    return caller


async def identify(scope: HTTPScope, where: Surface) -> Caller:
    """Who sends the request: under /admin by the session cookie, under /status nobody, elsewhere by
    `Authorization: Bearer`.
    Neither opens the other's doors. One indexed query for a session or an API key, none otherwise. Raises
    `InvalidKey` for a key that opens nothing, on public routes too: the sender believes it is good."""
    if where == "admin":
        return await _identify_staff(scope)
    if where == "status":
        return ANONYMOUS  # its answers are anybody's
    if where == "site":
        await _identify_guest(scope)
    header = scope["state"]["headers"].get(b"authorization")
    if not header:
        return ANONYMOUS
    scheme, _, token = header.decode("latin-1").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii():
        raise InvalidKey("the Authorization header can't be used", fix="send `Authorization: Bearer <token>`")
    if not token.startswith(KEY_PREFIX):
        return Caller(kind="guest", token_hash=token_hash(token))
    async with _database(scope).reading() as tx:
        return await service.resolve(tx, token=token, now=utc_now())


# Guests' addresses that carry no language.
GUESTS = frozenset({"", "booking", "search", "hotels", "account", "language", "currency", *KINDS})


def surface(path: str) -> Surface:
    """Which surface an address belongs to: staff's pages, guests' pages (under a language of two
    letters, or sent on to one), the status page, or what programs call."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first == "admin":
        return "admin"
    if first == "status":
        return "status"
    return "site" if first in GUESTS or (len(first) == 2 and first.isalpha() and first.islower()) else "other"


async def _identify_staff(scope: HTTPScope) -> Caller:
    mfa_required: bool = scope["litestar_app"].state.settings.mfa_required
    session = await _carried(
        scope,
        cookies.STAFF,
        lambda tx, token: staff_sessions.resolve(tx, token=token, now=utc_now(), mfa_required=mfa_required),
    )
    if session is None:
        return ANONYMOUS
    scope["state"]["session"] = session
    return session.caller


async def _identify_guest(scope: HTTPScope) -> None:
    """Put `guest` (the account) and `guest_session` into the request's state."""
    session = await _carried(
        scope,
        cookies.GUEST,
        lambda tx, token: guest_sessions.resolve(tx, token=token, now=utc_now()),
    )
    if session is not None:
        scope["state"]["guest_session"] = session
        scope["state"]["guest"] = session.account


async def _carried(
    scope: HTTPScope,
    cookie: str,
    resolve: Callable[[Transaction, str], Awaitable[_Session | None]],
) -> _Session | None:
    """The session that the cookie names: one indexed query, and none for who has no cookie."""
    token = cookies.read(scope, cookie) if b"cookie" in scope["state"]["headers"] else None
    if token is None:
        return None
    async with _database(scope).reading() as tx:
        return await resolve(tx, token)


def _database(scope: HTTPScope) -> Database:
    database: Database = scope["litestar_app"].state.database
    return database


def provide_caller(request: Request[Any, Any, State]) -> Caller:
    """Litestar dependency `caller`."""
    return caller_of(request.scope)


def provide_now(request: Request[Any, Any, State]) -> datetime:
    """Litestar dependency `now`."""
    return now_of(request.scope)


def simulates_time(scope: HTTPScope) -> bool:
    """Whether the present instant is one that the caller named."""
    return SIMULATED_TIME in scope["state"]["headers"]


def now_of(scope: HTTPScope) -> datetime:
    """The present instant, or the one named by `Hotel-Simulated-Time` where the caller may do that (never in
    production)."""
    sent = scope["state"]["headers"].get(SIMULATED_TIME)
    if sent is None:
        return utc_now()
    if scope["litestar_app"].state.production or not caller_of(scope).has(Scope.CLOCK_SIMULATE):
        raise TimeMayNotBeSimulated(
            "time can't be simulated here",
            fix="use a key with the scope clock:simulate, outside production",
        )
    try:
        instant = datetime.fromisoformat(sent.decode("latin-1"))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or not 2000 <= instant.year < 2100:
        raise InvalidHeader(
            "Hotel-Simulated-Time is not a timestamp between 2000 and 2100",
            field="Hotel-Simulated-Time",
            fix="such as 2026-03-10T12:00:00Z",
        )
    return instant
