"""Errors that belong to HTTP itself, and the problem document (RFC 9457) that every error becomes."""

from __future__ import annotations

from typing import Any

import msgspec

from hotel_booking.core.errors import Conflict, DomainError, Invalid

PROBLEM_TYPE = "application/problem+json"


class FieldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several things wrong with the input. `field` is its path, such as `rooms[0].adults`."""

    detail: str
    field: str | None = None
    code: str | None = None
    fix: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An error, as RFC 9457 has it. `code` is stable: programs decide by it.

    `detail` says what is wrong in this case, `fix` what would work, `field` where in the input the trouble
    lies, and `request_id` what to tell the support.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    fix: str | None = None
    field: str | None = None
    errors: list[FieldProblem] | None = None
    request_id: str | None = None


# Where the page of all errors stands; a problem's `type` leads to its paragraph.
ERRORS_PAGE = "/api/docs/errors"


def type_of(code: str) -> str:
    """A problem's `type`: a reference to what its code means."""
    return f"{ERRORS_PAGE}#{code}"


class NoSuchAddress(DomainError):
    """There is nothing at this address."""

    code = "no_such_address"


class WrongMethod(DomainError):
    """The address does not support this method."""

    code = "method_not_allowed"

    def __init__(self, methods: list[str]) -> None:
        allowed = ", ".join(methods)
        super().__init__("this address does not support this method", fix=f"use {allowed}")
        self.methods = methods


class InternalError(DomainError):
    """Something went wrong on our side. It was logged under the response's `request_id`."""

    code = "internal_error"


class MalformedRequest(DomainError):
    """The request can't be read: broken JSON, text that is not UTF-8, a character that can't be stored."""

    code = "malformed_request"


class InvalidShape(DomainError):
    """The input is readable, but not what the call accepts: a missing, unknown or wrongly typed field."""

    code = "invalid_request"

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__(errors[0].detail, field=errors[0].field, fix=errors[0].fix)
        self.errors = errors


class UnsupportedMedia(DomainError):
    """The body is not JSON in UTF-8, uncompressed or gzipped."""

    code = "unsupported_media_type"


class TooLarge(DomainError):
    """The body is larger than the call accepts."""

    code = "request_too_large"


class HeadersTooLarge(DomainError):
    """The request has more or larger headers than any browser sends."""

    code = "headers_too_large"


class AddressTooLong(DomainError):
    """The requested address is too long."""

    code = "address_too_long"


class RequestTimedOut(DomainError):
    """The body did not arrive, or arrived too slowly. Nothing changed."""

    code = "request_timed_out"
    passes = True


class Overloaded(DomainError):
    """The server is overloaded at the moment. Nothing changed."""

    code = "overloaded"
    passes = True
    retry_after = 2


class ClosedForMaintenance(DomainError):
    """The platform is closed for maintenance. Nothing changed, and rooms that are held stay held."""

    code = "closed_for_maintenance"
    passes = True

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(
            "the platform is closed for maintenance", fix="try again when it is expected to be over"
        )
        self.retry_after = retry_after


class TooManyRequests(DomainError):
    """The caller's allowance is used up for now."""

    code = "too_many_requests"
    passes = True

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, fix=f"wait {retry_after} s, then continue more slowly")
        self.retry_after = retry_after


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key is still in progress."""

    code = "idempotency_in_progress"
    passes = True
    retry_after = 2


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used with a different request."""

    code = "idempotency_key_reused"


class IdempotencyAnswerLost(Conflict):
    """The request was carried out, but its response can no longer be read: HOTEL_SECRET_KEY has changed."""

    code = "idempotency_answer_lost"


class IdempotencyNotTaken(DomainError):
    """Only calls of the API accept an Idempotency-Key; this is not one. Nothing changed."""

    code = "idempotency_not_taken"


class PreconditionFailed(DomainError):
    """The resource has changed since the version in If-Match. Nothing changed."""

    code = "precondition_failed"


class PreconditionNotTaken(DomainError):
    """The call does not support this precondition, and would ignore it. Nothing changed."""

    code = "precondition_not_taken"


class InvalidIdempotencyKey(DomainError):
    """An Idempotency-Key has 1 to 255 printable ASCII characters."""

    code = "invalid_idempotency_key"


class InvalidCursor(DomainError):
    """A cursor is only valid unchanged, and for the same list."""

    code = "invalid_cursor"


class InvalidHeader(DomainError):
    """A header can't be read."""

    code = "invalid_header"


class StoredAnswer(Exception):  # not an error: the way out of a request that was answered before
    """The answer that an earlier request with this Idempotency-Key got, with its ETag where it had one."""

    def __init__(self, status: int, body: bytes, etag: str | None = None) -> None:
        super().__init__("answered before")
        self.status = status
        self.body = body
        self.etag = etag


def document(problem: Problem, extra: dict[str, Any]) -> bytes:
    """The problem as JSON, with an error's own members after the standard ones."""
    members: dict[str, Any] = msgspec.to_builtins(problem)
    for name, value in extra.items():
        members.setdefault(name, value)
    return msgspec.json.encode(members)
