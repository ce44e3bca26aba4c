"""Cursor pages: opaque to the caller, stable while rows come and go."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.http.problems import InvalidCursor

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

T = TypeVar("T")

# A position in a list that is ordered by a serial id.
Position = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list. `next_cursor` asks for the one after; null on the last."""

    items: list[T]
    next_cursor: str | None


def encode(position: Any) -> str:
    """A position (numbers, texts, tuples of them; whatever the list is ordered by) as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def after(position: int, of: str) -> str:
    """The cursor for what comes after an id in the list of this name."""
    return encode((of, position))


def position(cursor: str | None, of: str) -> int | None:
    """The id in a cursor of the list of this name. Raises `InvalidCursor`, also for another list's cursor;
    None gives None."""
    given = decode(cursor, tuple[str, Position])
    if given is None:
        return None
    check_list(given, of)
    return int(given[1])


def check_list(given: tuple[object, ...], *of: object) -> None:
    """A cursor begins with what it is a place in, a list's name and whatever else it depends on. Raises
    `InvalidCursor` where that is another one."""
    if given[: len(of)] != of:
        raise InvalidCursor(
            "the cursor belongs to a different list",
            field="cursor",
            fix="use the previous page's next_cursor, or start again without a cursor",
        )


def decode(cursor: str | None, kind: type[T] | Any) -> Any:
    """The position in a cursor, as the type it was made from. Raises `InvalidCursor`; None gives None."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, binascii.Error, UnicodeError, RecursionError):
        raise InvalidCursor(
            "the cursor is not valid", field="cursor", fix="use the previous page's next_cursor, unchanged"
        ) from None
