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
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from hotel_booking.http.problems import PreconditionFailed, PreconditionNotTaken

ARGUMENT = "if_match"
ENCODED = "-gzip"  # what the tag of a packed answer ends in: other bytes, another tag
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*(?:,|$)')
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
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
    return Response(answer, headers={"etag": f'"{tag}"', "cache-control": "private, no-cache"})


def tags_of(header: str) -> frozenset[str]:
    """The tags of an If-Match or If-None-Match, as we gave them, whatever encoding they were sent in."""
    return frozenset(found[2].removesuffix(ENCODED) for found in _TAG.finditer(header))


def provide_if_match(request: Request[Any, Any, State]) -> IfMatch:
    """Litestar dependency `if_match`."""
    header = request.headers.get("if-match")
    return IfMatch(None if header is None or header.strip() == "*" else tags_of(header))


def known_preconditions(connection: ASGIConnection[Any, Any, Any, State], handler: BaseRouteHandler) -> None:
    """Litestar guard: refuse preconditions on a change that the handler does not look at."""
    if connection.scope.get("method") not in _UNSAFE:
        return
    sent = {name.decode("latin-1") for name, _ in connection.scope["headers"]}
    refused = {"if-unmodified-since", "if-none-match"} & sent
    if ARGUMENT not in handler.parsed_fn_signature.parameters:
        refused |= {"if-match"} & sent
    for name in sorted(refused):
        raise PreconditionNotTaken(
            f"this call does not accept {name.title()}",
            field=name.title(),
            fix="leave it out; If-Match is accepted where a resource with an ETag is changed",
        )
