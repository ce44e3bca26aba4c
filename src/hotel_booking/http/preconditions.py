"""ETag and If-Match: a thing that somebody else has changed is not overwritten unseen.

A handler that answers with a thing tags it (`tagged`); one that changes it takes the dependency `if_match`
and asks it. Where a handler does not take it, the header is refused: a precondition that is ignored is worse
than none. Where a thing is read, the answer's own tag is asked (`http.answers`).
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
from hotel_booking.http.problems import MalformedRequest, PreconditionFailed, PreconditionNotTaken

ARGUMENT = "if_match"
TAGGED = "private, no-cache"  # Cache-Control of what has a tag: caches ask every time whether it still holds
ENCODED = "-gzip"  # what the tag of a packed answer ends in: other bytes, another tag
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*(?:,|$)')
_LIST = re.compile(r'[\s,]*(?:(?:W/)?"[^"]*"\s*(?:,[\s,]*|$))+')
_UNKNOWN = frozenset({b"if-unmodified-since", b"if-none-match"})
T = TypeVar("T")


class IfMatch(msgspec.Struct, frozen=True):
    """The strong tags of the request's If-Match; None where it has none, or says `*`: whatever it is now.
    `weak`: there are weak ones besides, which match nothing (RFC 9110, 13.1.1)."""

    tags: frozenset[str] | None
    weak: bool = False

    def check(self, tag: str) -> None:
        """Raise `PreconditionFailed` unless the thing is as the sender saw it."""
        if self.tags is None or tag in self.tags:
            return
        if self.weak:
            raise PreconditionFailed(
                "a weak tag matches nothing in If-Match",
                field="If-Match",
                fix="send the ETag as we gave it, without W/",
            )
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
    """The answer with its ETag."""
    return Answer(answer, headers={"etag": f'"{tag}"', "cache-control": TAGGED})


def tags_of(header: str) -> frozenset[str]:
    """The tags of an If-None-Match, weak ones too, as we gave them, whatever encoding they were sent in."""
    return frozenset(found[2].removesuffix(ENCODED) for found in _TAG.finditer(header))


def if_match_of(scope: HTTPScope) -> IfMatch:
    """What the request's If-Match says. Raises `MalformedRequest` where that is no list of tags: a tag
    without its quotes is not one that has changed."""
    if b"if-match" not in scope["state"]["headers"]:
        return IfMatch(None)
    lines = [value for name, value in scope["headers"] if name == b"if-match"]
    header = b",".join(lines).decode("latin-1")
    if header.strip() == "*":
        return IfMatch(None)
    if not _LIST.fullmatch(header):
        raise MalformedRequest(
            "If-Match is not a list of entity tags",
            field="If-Match",
            fix='send the ETag as we gave it, in its quotes, such as "v3"',
        )
    found = list(_TAG.finditer(header))
    strong = frozenset(tag[2].removesuffix(ENCODED) for tag in found if not tag[1])
    return IfMatch(strong, weak=any(tag[1] for tag in found))


def provide_if_match(request: Request[Any, Any, State]) -> IfMatch:
    """Litestar dependency `if_match`."""
    return if_match_of(request.scope)


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
