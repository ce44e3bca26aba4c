"""Every parser that meets the outside takes time that grows with its input and not with its square.

No time is asserted: each is run on the largest input that can arrive and on an eighth of it. What is linear
takes eight times as long; what is quadratic sixty-four times.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from litestar._multipart import parse_content_header, parse_multipart_form
from litestar._parsers import parse_query_string
from litestar.exceptions import HTTPException

from hotel_booking.core.errors import DomainError
from hotel_booking.core.folding import fold_words
from hotel_booking.http import cookies, pages
from hotel_booking.http.client_address import Proxies, networks
from hotel_booking.http.edge import LONGEST_ADDRESS, MOST_HEADER_BYTES
from hotel_booking.http.i18n.language import accepted
from hotel_booking.http.request_id import request_id
from hotel_booking.http.ui.forms import Form, urlencoded
from hotel_booking.integrations import stripe_answers

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FORM = 1_000_000
TIMES = 8
# Between 8 and 64, with room for a machine that is busy with other things.
WORST = 28


def _scope(name: bytes, value: str) -> Any:
    return {"headers": [(name, value.encode("latin-1"))], "client": ("10.0.0.1", 1)}


async def _stream(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


def _multipart(body: bytes) -> None:
    asyncio.run(parse_multipart_form(_stream(body), boundary=b"b", multipart_form_part_limit=1000))


def _signed(text: str) -> None:
    stripe_answers.read_event(b"{}", signature=text, secrets=("whsec_1",), now=NOW)


def _typed(text: str) -> None:
    form = Form.of(x=text)
    form.text("x"), form.whole("x", 0, 9), form.day("x"), form.choice("x", ["a"])


_FORWARDED = Proxies(networks(["10.0.0.0/8"]))

# What it is, how it is called, the piece that its input is made of, and the largest size it can have.
PARSERS: list[tuple[str, Callable[[Any], object], str, int]] = [
    *(
        (f"cookies of {piece!r}", lambda text: cookies.parse(_scope(b"cookie", text)), piece,
         MOST_HEADER_BYTES)
        for piece in ("\\", 'a="', '"\\', "a=b;", ";", "=", " ", "a=\\073;", 'a="\\')
    ),
    *(
        (f"a query of {piece!r}", lambda text: parse_query_string.__wrapped__(text.encode()), piece,
         LONGEST_ADDRESS)
        for piece in ("a=b&", "&", "%", "%25", "=", "+", "a")
    ),
    *(
        (f"a form of {piece!r}", lambda text: urlencoded(text.encode()), piece, FORM)
        for piece in ("%", "%ff", "=", "+", "a", "a=%C3%A9%")
    ),
    *(
        (f"multipart of {piece!r}", lambda text: _multipart(text.encode()), piece, FORM)
        for piece in ("\r\n-", "--b\r\n", "\r\n--", "-", "\r\n--b\r\nx: y\r\n", "a")
    ),
    *(
        (f"one field of {piece!r}",
         lambda text: _multipart(
             b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n' + text.encode() + b"\r\n--b--\r\n"),
         piece, FORM)
        for piece in ("\r\n-", "\r\n--", "a", "\r\n--a")
    ),
    *(
        (f"a content type of {piece!r}", parse_content_header, piece, MOST_HEADER_BYTES)
        for piece in (";", "; a=", '; a="', '\\"', '\\" ', "; a=b", " ", ";\t")
    ),
    *(
        (f"languages of {piece!r}", accepted, piece, MOST_HEADER_BYTES)
        for piece in (",", "de;q=0.1,", ";", "q=", "-", "9")
    ),
    *(
        (f"JSON of {piece!r}", lambda text: msgspec.json.decode(text), piece, FORM)
        for piece in ("[", '{"a":', "9", '"\\u0000', "\\", " ", "[[],", "1e9")
    ),
    ("a JSON text", lambda text: msgspec.json.decode(json.dumps(text)), "\x00\\é", FORM // 8),
    *(
        (f"hops of {piece!r}", lambda text: _FORWARDED.client_address(_scope(b"x-forwarded-for", text)),
         piece, MOST_HEADER_BYTES)
        for piece in ("10.0.0.2,", ",", "[", ":", "::1,", " ")
    ),
    *(
        (f"a signature of {piece!r}", _signed, piece, MOST_HEADER_BYTES)
        for piece in ("v1=a,", ",", "t=1,", "=", "t=1893456000,v1=" + "0" * 64 + ",")
    ),
    ("a request's id", lambda text: request_id(_scope(b"x-request-id", text)), "a", MOST_HEADER_BYTES),
    ("a cursor", lambda text: pages.decode(text, list[int]), "WzFd", LONGEST_ADDRESS),
    *(
        (f"a field of {piece!r}", _typed, piece, 20_000)
        for piece in ("9", " ", "\r\n", "-", "٣", "2030-01-01")
    ),
    *(
        (f"a search for {piece!r}", fold_words, piece, LONGEST_ADDRESS)
        for piece in ("a", "é", "ẞ", " -", "東", "'")
    ),
    *((f"a date of {piece!r}", date.fromisoformat, piece, LONGEST_ADDRESS) for piece in ("9", "2030-", "W")),
]  # fmt: skip


def _seconds(call: Callable[[Any], object], text: str) -> float:
    """Of the processor, the best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        with suppress(DomainError, ValueError, msgspec.DecodeError, RecursionError, HTTPException):
            call(text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize(("what", "call", "piece", "most"), PARSERS, ids=[parser[0] for parser in PARSERS])
def test_a_parser_grows_with_its_input_alone(
    what: str, call: Callable[[Any], object], piece: str, most: int
) -> None:
    longest = piece * (most // len(piece.encode()))
    short = longest[: len(longest) // TIMES]
    for _ in range(4):
        small, large = _seconds(call, short), _seconds(call, longest)
        # Below a hundredth of a second even the square of it harms nobody, and cannot be measured.
        if large < 0.01 or large < WORST * small:
            return
    pytest.fail(f"{what}: {most} bytes took {large / small:.0f} times as long as {most // TIMES}")


def test_a_quadratic_parser_would_be_found() -> None:
    def quadratic(text: str) -> None:
        for _ in range((len(text) // 64) ** 2):
            pass

    with pytest.raises(pytest.fail.Exception):
        test_a_parser_grows_with_its_input_alone("pairs of lines", quadratic, "a", 96_000)


def test_a_signature_is_compared_at_all() -> None:
    """So that the costs above are those of the real thing: a good one among many passes."""
    body = json.dumps({"id": "evt_1", "type": "x", "created": 1, "data": {"object": {}}}).encode()
    at = int(NOW.timestamp())
    good = hmac.new(b"whsec_1", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    event = stripe_answers.read_event(
        body, signature=f"t={at}," + "v1=0," * 50 + f"v1={good}", secrets=("whsec_1",), now=NOW
    )
    assert event.id == "evt_1"


def test_no_cookie_is_read_by_the_standard_library() -> None:
    """`SimpleCookie` is quadratic on Python 3.11.7, and Litestar's `request.cookies` unquotes with it."""
    import re
    from pathlib import Path

    source = Path(__file__).parents[2] / "src"
    found = [
        str(path)
        for path in source.rglob("*.py")
        if re.search(r"SimpleCookie\(|(?:request|connection)\.cookies|http\.cookies import", path.read_text())
        and path.name != "cookies.py"
    ]
    assert found == []
    assert "SimpleCookie(" not in (source / "hotel_booking" / "http" / "cookies.py").read_text()
