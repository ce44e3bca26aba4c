"""What a handler is given as its request: a body is JSON, strictly typed, decoded once straight into the
handler's type."""

from __future__ import annotations

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from hotel_booking.http import cookies
from hotel_booking.http.problems import FieldProblem, InvalidShape, MalformedRequest, UnsupportedMedia
from hotel_booking.http.shapes import body_error

_TRUNCATED = "Input data was truncated"
_MOST_NAMED = 20  # members given twice that are named


class JsonRequest(Request[Any, Any, State]):
    """Litestar decodes JSON to plain objects and converts those loosely ("2" becomes 2). This decodes
    to the type of the handler's `data` at once: faster, and "2" is no number."""

    @property
    def cookies(self) -> dict[str, str]:
        """As `http.cookies` reads them: Litestar's own reading takes a time that grows with their square."""
        return cookies.parse(self.scope)

    async def json(self) -> Any:
        """The body as the handler's `data` type.

        Raises `UnsupportedMedia`, `MalformedRequest` or `InvalidShape`.
        """
        media, _, details = self.headers.get("content-type", "").lower().partition(";")
        media = media.strip()
        if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
            raise UnsupportedMedia("the body must be JSON", fix="send Content-Type: application/json")
        charset = details.partition("charset=")[2].partition(";")[0].strip(' "')
        if charset not in ("", "utf-8", "utf8"):
            raise UnsupportedMedia(f"the body's charset {charset[:40]!r} is not supported", fix="send UTF-8")
        raw = (await self.body()).removeprefix(BOM_UTF8)
        if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise UnsupportedMedia("the body is UTF-16", fix="send it as UTF-8")
        field = getattr(self.route_handler, "parsed_data_field", None)
        kind = field.annotation if field is not None else Any
        try:
            value = msgspec.json.decode(raw, type=kind)
            refuse_repeated(raw)
        except msgspec.ValidationError as error:
            raise body_error(error, kind, raw) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequest(f"the body is not valid JSON: {_broken(error, raw)}") from None
        if b"\\u0000" in raw:
            refuse_nul(msgspec.json.decode(raw), "")
        return value


def _broken(error: Exception, raw: bytes) -> str:
    """What of this body is no JSON, and where."""
    match error:
        case UnicodeDecodeError():
            return f"it is not UTF-8 (byte {error.start})"
        case RecursionError():
            return "it is nested too deeply"
    if _TRUNCATED not in str(error):
        return str(error).removeprefix("JSON is malformed: ")
    if not raw.strip():
        return "it is empty"
    try:
        json.loads(raw, parse_int=float)
    except (ValueError, RecursionError):
        return "it ends too early"
    # Python reads a lone half of a pair; msgspec looks for the other half, up to the body's end.
    return "a character of it is half of a surrogate pair"


class _Repeated(dict[str, Any]):
    """An object that gives a member more than once."""

    name: str


def refuse_repeated(raw: bytes) -> None:
    """Raise where an object of this JSON gives a member more than once. msgspec takes the last in silence,
    others who read the same body (proxies, signatures, logs) the first, and what was meant nobody knows. It
    is read a second time for that: 10 µs for a booking, 30 ms for a megabyte."""
    repeated = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        whole = dict(pairs)
        if len(whole) == len(pairs):
            return whole
        repeated = True
        twice = _Repeated(whole)
        twice.name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        return twice

    # Numbers are not looked at: of thousands of digits, an integer's would take long to read.
    value = json.loads(raw, object_pairs_hook=members, parse_int=float)
    if repeated:
        raise InvalidShape(
            [
                FieldProblem(f"{path}: is given more than once", path, fix="give it once")
                for path in islice(_repeated_in(value, ""), _MOST_NAMED)
            ]
        )


def _repeated_in(value: Any, path: str) -> Iterator[str]:
    match value:
        case list():
            for index, item in enumerate(value):
                yield from _repeated_in(item, f"{path}[{index}]")
        case dict():
            if isinstance(value, _Repeated):
                name = value.name[:80]
                yield f"{path}.{name}" if path else name
            for name, item in value.items():
                yield from _repeated_in(item, f"{path}.{name}" if path else name)


def refuse_nul(value: Any, path: str) -> None:
    """Raise where any text contains a NUL character, which PostgreSQL cannot store."""
    match value:
        case str() if "\x00" in value:
            raise InvalidShape(
                [FieldProblem(f"{path or 'the body'}: contains a NUL character", path or None)]
            )
        case list():
            for index, item in enumerate(value):
                refuse_nul(item, f"{path}[{index}]")
        case dict():
            for name, item in value.items():
                refuse_nul(name, f"{path}.{name}" if path else name)
                refuse_nul(item, f"{path}.{name}" if path else name)
