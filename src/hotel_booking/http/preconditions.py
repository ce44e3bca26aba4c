"""ETag and If-Match: a thing that somebody else has changed is not overwritten unseen.

A handler that answers with a thing tags it (`tagged`); one that changes it takes the dependency `if_match`
and asks it. Where a handler does not take it, the header is refused: a precondition that is ignored is worse
than none.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.types import HTTPScope

from hotel_booking.http.json_answer import Answer
from hotel_booking.http.problems import PreconditionFailed, PreconditionNotTaken

ARGUMENT = "if_match"
ENCODED = "-gzip"  # what the tag of a packed answer ends in: other bytes, another tag
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*(?:,|$)')
_UNKNOWN = frozenset({b"if-unmodified-since", b"if-none-match"})
T = TypeVar("T")


class IfMatch(msgspec.Struct, frozen=True):
    """The tags of the request's If-Match; None where it has none, or says `*`: whatever it is now."""

    tags: frozenset[str] | None

    def check(self, tag: str) -> None:
        """Raise `PreconditionFailed` unless the thing is as the sender saw it."""
        if self.tags is not None and tag not in self.tags:
            raise PreconditionFailed(
                "it has changed since you read it", field="If-Match", fix="read it again and decide again"
            )


def version_tag(version: int) -> str:
    """The tag of a thing whose row counts its changes."""
    return f"v{version}"


def content_tag(answer: msgspec.Struct) -> str:
    """The tag of an answer by what it says."""
    return hashlib.sha256(msgspec.json.encode(answer)).hexdigest()[:32]


def tagged(answer: T, tag: str) -> Response[T]:
    """The answer with its ETag; caches ask every time whether it still holds."""
    return Answer(answer, headers={"etag": f'"{tag}"', "cache-control": "private, no-cache"})


def tags_of(header: str) -> frozenset[str]:
    """The tags of an If-Match or If-None-Match, as we gave them, whatever encoding they were sent in."""
    return frozenset(found[2].removesuffix(ENCODED) for found in _TAG.finditer(header))


def provide_if_match(request: Request[Any, Any, State]) -> IfMatch:
    """Litestar dependency `if_match`."""
    header = request.headers.get("if-match")
    return IfMatch(None if header is None or header.strip() == "*" else tags_of(header))


def known_preconditions(scope: HTTPScope) -> None:
    """Refuse preconditions on a change that the handler does not look at. Raises `PreconditionNotTaken`."""
    refused = _UNKNOWN & scope["state"]["headers"].keys()
    if b"if-match" in scope["state"]["headers"]:
        handler: Any = scope["route_handler"]
        if ARGUMENT not in handler.parsed_fn_signature.parameters:
            refused |= {b"if-match"}
    for name in sorted(refused):
        said = name.decode().title()
        raise PreconditionNotTaken(
            f"this call does not accept {said}",
            field=said,
            fix="leave it out; If-Match is accepted where a resource with an ETag is changed",
        )
