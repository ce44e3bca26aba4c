"""The one place that turns errors into answers."""

from __future__ import annotations

import errno
import logging
import traceback
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.exceptions import NotFoundException as NoRoute
from litestar.status_codes import HTTP_413_REQUEST_ENTITY_TOO_LARGE
from litestar.types import HTTPScope, Message, Receive, Send
from litestar.types import Scope as AsgiScope

from hotel_booking.core.db import DatabaseUnavailable
from hotel_booking.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthenticated
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.identity.errors import SecondFactorRequired
from hotel_booking.http.access import surface
from hotel_booking.http.preconditions import TAGGED
from hotel_booking.http.problems import (
    PROBLEM_TYPE,
    AddressTooLong,
    ClosedForMaintenance,
    HeadersTooLarge,
    IdempotencyNotTaken,
    InternalError,
    InvalidCursor,
    InvalidHeader,
    InvalidIdempotencyKey,
    InvalidShape,
    MalformedRequest,
    NoSuchAddress,
    Overloaded,
    PreconditionFailed,
    PreconditionNotTaken,
    Problem,
    RequestTimedOut,
    StoredAnswer,
    TooLarge,
    TooManyRequests,
    UnsupportedMedia,
    WrongMethod,
    document,
    type_of,
)
from hotel_booking.http.shapes import parameter_error

log = logging.getLogger("hotel_booking.http")

# The first family that fits decides, so the narrow ones stand before the wide ones.
_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (MalformedRequest, 400),
    (InvalidShape, 400),
    (InvalidCursor, 400),
    (InvalidHeader, 400),
    (InvalidIdempotencyKey, 400),
    (IdempotencyNotTaken, 400),
    (PreconditionNotTaken, 400),
    (PreconditionFailed, 412),
    (UnsupportedMedia, 415),
    (TooLarge, 413),
    (AddressTooLong, 414),
    (HeadersTooLarge, 431),
    (RequestTimedOut, 408),
    (Overloaded, 503),
    (ClosedForMaintenance, 503),
    (TooManyRequests, 429),
    (DatabaseUnavailable, 503),
    (Unauthenticated, 401),
    (InternalError, 500),
    (NoSuchAddress, 404),
    (WrongMethod, 405),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
)
# Errors of a domain that have a status of their own, by code.
_STATUS_BY_CODE = {
    "payment_declined": 402,
    "gateway_unavailable": 503,
    "gateway_resting": 503,
    "media_unavailable": 503,
    "forged_notice": 400,
}

# Input that got past every check and that PostgreSQL cannot hold. Each is the caller's, none is ours.
_BAD_INPUT = (
    asyncpg.DataError,  # asyncpg's own (InterfaceError family) and SQLSTATE class 22
    asyncpg.exceptions.DataError,
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.ProgramLimitExceededError,
    UnicodeEncodeError,  # a lone surrogate on its way to the database
)
_BUSY = (
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that is lost between two statements
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InvalidCatalogNameError,  # the database is being restored, or its password was changed
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientResourcesError,  # SQLSTATE class 53: disk full, out of memory, too many connections
    asyncpg.ReadOnlySQLTransactionError,  # a failover has left us with a standby
    asyncpg.PostgresSystemError,  # class 58: the server's own disk fails
)
# A disk of ours that is full, or a process that has no more files or memory.
_EXHAUSTED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS})


def status_of(error: DomainError) -> int:
    """The HTTP status of a domain error."""
    if error.code in _STATUS_BY_CODE:
        return _STATUS_BY_CODE[error.code]
    return next((status for family, status in _STATUS if isinstance(error, family)), 400)


def translate(error: BaseException, scope: AsgiScope) -> DomainError | None:
    """Any exception as something the caller can act on; None where it is our own fault."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case DomainError():
            return error
        case ValidationException():
            return parameter_error(error, scope)
        case HTTPException() if error.status_code == HTTP_413_REQUEST_ENTITY_TOO_LARGE:
            return TooLarge("the body is too large", fix="send it in several parts")
        case MethodNotAllowedException():
            return _allowed(error)
        case NoRoute():
            return NoSuchAddress(
                "there is nothing at this address", fix="see /api/docs for the available addresses"
            )
        case HTTPException() if 400 <= error.status_code < 500:
            return MalformedRequest("the request can't be read")
        case UnicodeDecodeError() | RecursionError():
            return MalformedRequest("the request can't be read")
    if isinstance(error, _BAD_INPUT):
        return Invalid("a value in the request is out of range or contains characters that can't be stored")
    if isinstance(error, _BUSY):
        return DatabaseUnavailable("the database is too busy to answer", fix="try again soon")
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _EXHAUSTED):
        return Overloaded("the server has no capacity for this right now", fix="try again soon")
    return None


def handle(request: Request[Any, Any, State], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything: `exception_handlers={Exception: handle}`."""
    status, headers, body = answer(request.scope, error)
    # Litestar adds the charset to texts by itself.
    media = headers.pop("content-type").removesuffix("; charset=utf-8")
    return Response(body, status_code=status, headers=headers, media_type=media)


async def answer_error(scope: HTTPScope, receive: Receive, send: Send, error: Exception) -> None:
    """Send what a handler's exception is answered with: by the handler that a router names for its kind, else
    by `handle`."""
    handlers = scope["route_handler"].resolve_exception_handlers()
    found = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    request: Request[Any, Any, State] = Request(scope, receive, send)
    response = found(request, error).to_asgi_response(app=None, request=request)
    await response(scope, receive, send)


def answer(scope: AsgiScope, error: Exception) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body that an exception is answered with."""
    scope["state"]["error"] = error
    if isinstance(error, StoredAnswer):
        return error.status, _repeated(error), error.body
    request_id = scope["state"].get("request_id")
    known = translate(error, scope)
    if known is None:
        _log_fault(error, request_id)
        known = InternalError("something went wrong on our side; it has been logged", fix="try again later")
    status = status_of(known)
    if status == 503 and not isinstance(error, DomainError):
        _log_fault(error, request_id)  # nobody else tells the operator that a disk is full
    headers = {"content-type": PROBLEM_TYPE} | _headers(known)
    scope["state"]["code"] = known.code
    if surface(scope["path"]) == "admin" and (to := _elsewhere(known, scope)) is not None:
        return _redirect(scope, to)
    problem = Problem(
        type=type_of(known.code),
        title=HTTPStatus(status).phrase,
        status=status,
        code=known.code,
        detail=known.detail,
        fix=known.fix,
        field=known.field,
        errors=known.errors if isinstance(known, InvalidShape) and len(known.errors) > 1 else None,
        request_id=request_id,
    )
    where = surface(scope["path"])
    if where == "other" and known.code == NoSuchAddress.code and _is_read_by_a_guest(scope):
        where = "site"
    if where == "admin":
        # Only here, for pages are a small part of what is answered and their templates take time to load.
        from hotel_booking.http.ui.problem_page import problem_page

        return status, *problem_page(scope, problem, headers)
    if where == "site" or (where == "status" and "." not in scope["path"]):
        # The guests' pages lie above this package, and speak their language: `app` says what draws them.
        return status, *scope["litestar_app"].state.site_problem_page(scope, problem, headers)
    return status, headers, document(problem, known.extra)


def _repeated(told: StoredAnswer) -> dict[str, str]:
    """The headers of an answer that is given again: as it had them."""
    headers = {"idempotency-replayed": "true"}
    if told.body:
        headers["content-type"] = MediaType.JSON if told.status < 400 else PROBLEM_TYPE
    if told.etag is not None:
        headers |= {"etag": told.etag, "cache-control": TAGGED}
    return headers


def _is_read_by_a_guest(scope: AsgiScope) -> bool:
    """Whether who asks is a browser that shows pages, outside the API: somebody has mistyped an address."""
    accepted: bytes = scope["state"]["headers"].get(b"accept", b"")
    return b"text/html" in accepted and not f"{scope['path']}/".startswith("/api/")


def problem_messages(scope: AsgiScope, error: Exception) -> list[Message]:
    """An error as the ASGI messages of its answer."""
    status, headers, body = answer(scope, error)
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    return [
        {"type": "http.response.start", "status": status, "headers": encoded},
        {"type": "http.response.body", "body": body, "more_body": False},
    ]


def _elsewhere(error: DomainError | None, scope: AsgiScope) -> str | None:
    """Where a person has to go first; None where the error is the answer."""
    match error:
        case SignInRequired():
            return "/admin/sign-in" + _and_back(scope)
        case SecondFactorRequired():
            return "/admin/account/second-factor"
        case DomainError() if error.code == "confirm_identity":
            return "/admin/confirm" + _and_back(scope)
    return None


def _and_back(scope: AsgiScope) -> str:
    # A form is not sent again by itself: its sender comes back to the page that it stands on.
    if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
        referer = next((value for name, value in scope["headers"] if name == b"referer"), b"").decode(
            "latin-1"
        )
        page = urlsplit(referer)
        to = page.path + (f"?{page.query}" if page.query else "")
        return f"?next={quote(to)}" if surface(page.path) == "admin" else ""
    raw = scope.get("query_string", b"").decode("latin-1")
    return f"?next={quote(scope['path'] + ('?' + raw if raw else ''))}" if scope["path"] != "/admin" else ""


def _redirect(scope: AsgiScope, to: str) -> tuple[int, dict[str, str], bytes]:
    if (b"hx-request", b"true") in scope["headers"]:
        return 401, {"content-type": "text/plain", "hx-redirect": to}, b""
    return 303, {"content-type": "text/plain", "location": to}, b""


def _headers(error: DomainError) -> dict[str, str]:
    if error.retry_after is not None:
        # Who looks at the platform from outside (ops/prober.py) finds it neither up nor down.
        closed = {"x-closed": "maintenance"} if isinstance(error, ClosedForMaintenance) else {}
        return {"retry-after": str(error.retry_after), **closed}
    match error:
        case RequestTimedOut():
            return {"connection": "close"}
        case Unauthenticated():
            return {"www-authenticate": 'Bearer realm="hotel-booking"'}
        case WrongMethod():
            return {"allow": ", ".join(error.methods)}
    return {}


def _allowed(error: MethodNotAllowedException) -> WrongMethod:
    methods = {method.strip() for method in (error.headers or {}).get("allow", "").split(",")}
    return WrongMethod(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _log_fault(error: BaseException, request_id: str | None) -> None:
    # The exception's text may quote a guest's data (a row, a parameter), so only its type and the places
    # in our code are logged.
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
    log.error(
        "unexpected %s at %s",
        name,
        where,
        extra={
            "request_id": request_id,
            "error": name,
            "sqlstate": getattr(error, "sqlstate", None),
            "trace": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-25:]],
        },
    )
