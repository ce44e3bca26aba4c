"""What the OpenAPI document says of all calls alike: its introduction, headers, good answers and problems."""

from __future__ import annotations

from typing import Any

from litestar.openapi.spec import Tag

from hotel_booking.http.problems import PROBLEM_TYPE, type_of

ABOUT = """\
Search, quote, book and run hotels.

- **Money** is `{"amount": 12900, "currency": "EUR"}`: whole minor units.
- **Nights** are dates in the hotel's own calendar; a stay is half-open: arrival included, departure excluded.
  Instants are RFC 3339 in UTC.
- **Errors** are `application/problem+json` with a stable `code`, a `detail`, and, where it helps, a `fix`
  and the `field`.
- **Lists** come in pages: send `next_cursor` back as `cursor`.
- **Retrying safely**: send `Idempotency-Key` with an unsafe request; the same key and body return the
  first response again, for 24 hours. A response with `Retry-After` is not an outcome: send the same again.
- **Changing safely**: send the `ETag` you read as `If-Match`; `412` if someone else was faster.
- **Reading again**: send the `ETag` you have as `If-None-Match`; `304` without a body while it is current.
- **Testing time**: outside production, a key with the scope `clock:simulate` may send `Hotel-Simulated-Time`
  (RFC 3339) with calls that depend on the time; others are refused with `403`.
- **Limits**: `429` with `Retry-After` when you go too fast; `RateLimit-*` headers say what is left.
"""

TAGS = (
    Tag("Search", "Destinations, hotels, offers and calendars. Open to everyone."),
    Tag("Booking", "From a quote to a stay. Guests use their booking's access token."),
    Tag("Properties", "Hotels and what they offer. Reading is open to everyone."),
    Tag("Rooms", "Room types, rooms, and what is out of order."),
    Tag("Rates and availability", "Rate plans, prices, restrictions, policies and taxes."),
    Tag("Front desk", "Check-in, check-out and no-shows."),
    Tag("Reports", "A property’s days in figures, for accounts."),
    Tag("API keys", "Keys for staff and partners, with scopes and property limits."),
    Tag("Health", "For load balancers and monitoring."),
)

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Branch on `code`: it never changes.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Links to what the code means."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "fix": {"description": "What would work: a sentence, or a request that would be accepted."},
        "field": {"type": "string", "description": "Where in the input, such as `rooms[0].adults`."},
        "errors": {
            "type": "array",
            "description": "Every error, where there are several.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "fix": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string", "description": "Quote it when you ask for help."},
    },
}

_PROBLEMS: dict[int, tuple[str, str, str]] = {
    400: (
        "The request can't be read, or is not what the call accepts.",
        "invalid_request",
        "rooms[0].adults: is below 1",
    ),
    401: ("Credentials are missing or not valid.", "credentials_required", "this call needs an API key"),
    402: ("The payment was declined.", "payment_declined", "the card was declined"),
    403: (
        "The caller is not allowed to do this.",
        "missing_scope",
        "the API key lacks the scope rates:write",
    ),
    404: (
        "It does not exist, or the caller is not allowed to see it.",
        "not_found",
        "there is no such property",
    ),
    409: ("The current state does not allow it.", "conflict", "no room is left on 2026-03-10"),
    412: (
        "It has changed since it was read: `If-Match` does not match.",
        "precondition_failed",
        "it has changed since you read it",
    ),
    413: ("The body is too large.", "request_too_large", "the body is too large"),
    415: ("The body is not JSON.", "unsupported_media_type", "the body must be JSON"),
    422: ("The input is readable but not valid.", "invalid", "departure must be after arrival"),
    429: ("Too many requests.", "too_many_requests", "too many reads from you for now"),
    503: (
        "Temporarily out of service; nothing changed.",
        "database_unavailable",
        "the database is not reachable",
    ),
}

# Good answers in our words: those of the standard library, which Litestar takes, promise an address.
GOOD_ANSWERS = {"200": "It is done, or found.", "201": "It is made.", "204": "It is done: nothing is sent."}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes retrying safe: the same key and body return the first response again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "7b1f4a52-0c0e-4b6e-9a53-1a1c6c1f2d77",
}

IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` you have: answered with 304, and no body, while it is current.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1000},
}

ETAG = {"description": "The version of what is returned.", "schema": {"type": "string"}}

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` you read: refused with 412 if the resource has changed since.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1000},
}


def problems() -> dict[str, dict[str, Any]]:
    """The answers to what goes wrong, by their status."""
    return {str(status): _problem(status) for status in _PROBLEMS}


def _problem(status: int) -> dict[str, Any]:
    description, code, detail = _PROBLEMS[status]
    result: dict[str, Any] = {
        "description": description,
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": type_of(code),
                    "title": description.partition(".")[0],
                    "status": status,
                    "code": code,
                    "detail": detail,
                },
            }
        },
    }
    if status in {429, 503}:
        result["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return result
