"""The European Central Bank's file over a socket: what is right is read, and what lies is not believed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest

from hotel_booking.domains.exchange.errors import RatesRefused, RatesUnavailable
from hotel_booking.integrations.ecb import EcbRates, read

RATES = {"USD": "1.1712", "JPY": "173.05", "GBP": "0.8721", "RON": "5.0894", "ISK": "142.9", "CZK": "24.3"}


def file(rates: dict[str, str] = RATES, day: str = "2026-03-09", head: str = "") -> str:
    cubes = "".join(f"<Cube currency='{code}' rate='{rate}'/>" for code, rate in rates.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
        ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><gesmes:subject>Reference rates'
        f"</gesmes:subject><Cube><Cube time='{day}'>{cubes}</Cube></Cube></gesmes:Envelope>"
    )


def http(
    body: bytes, *, status: str = "200 OK", media: str = "text/xml", more: str = "", length: int | None = None
) -> bytes:
    said = len(body) if length is None else length
    kept = f"Content-Type: {media}\r\nContent-Length: {said}\r\n{more}Connection: close"
    head = f"HTTP/1.1 {status}\r\n{kept}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def answering(reply: bytes | Callable[[asyncio.StreamWriter], object]) -> AsyncIterator[str]:
    """A server that says the same to everybody; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if callable(reply):
                await reply(writer)  # type: ignore[misc]  # each case is one or the other
            else:
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/eurofxref-daily.xml"


async def test_the_file_is_read() -> None:
    async with answering(http(file().encode(), media="text/xml; charset=UTF-8")) as address:
        said = await EcbRates(address).daily()
    assert said.as_of == date(2026, 3, 9)
    assert said.per_euro == {code: Decimal(rate) for code, rate in RATES.items()}


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (http(b"<html>Maintenance</html>", media="text/html"), "not XML"),
        (http(file().encode(), media="application/json"), "not XML"),
        (http(file().encode(), media=""), "not XML"),
        (http(b"not xml at all"), "no XML"),
        (http(file().encode()[:-40]), "not all of it"),
        (http(b""), "no XML"),
        (http(b"<a>" * 20_000), "no XML"),
        (http(file(head=BOMB).encode()), "document type"),
        (http(file(head='<!DOCTYPE x SYSTEM "file:///etc/passwd">').encode()), "document type"),
        (http(file(head='<!DOCTYPE x SYSTEM "http://127.0.0.1:1/">').encode("utf-16")), "no XML"),
        (http(b" " * 200_000), "more than"),
        (http(gzip.compress(b" " * 50_000_000, 9), more="Content-Encoding: gzip\r\n"), "compressed"),
        (http(b"", status="302 Found", more="Location: http://127.0.0.1:1/\r\n"), "302"),
        (http(b"", status="404 Not Found"), "404"),
        (http(file({**RATES, "USD": "-1.17"}).encode()), "'-1.17' for USD"),
        (http(file({**RATES, "USD": "NaN"}).encode()), "'NaN' for USD"),
        (http(file({**RATES, "USD": "1e400"}).encode()), "'1e400' for USD"),
        (http(file({**RATES, "USD": "1,17"}).encode()), "'1,17' for USD"),
        (http(file({**RATES, "USD": "\u0661"}).encode()), "for USD"),
        (http(file({**RATES, "USD": "1" * 5_000}).encode()), "for USD"),
        (http(file({**RATES, "usd": "1"}).encode()), "oddly or twice"),
        (http(file().replace("'JPY'", "'USD'").encode()), "oddly or twice"),
        (http(file(day="yesterday").encode()), "no day"),
        (http(file(day="2026-02-30").encode()), "no day"),
        (http(file().replace("time=", "date=").encode()), "which one day"),
        (http((file()[:-18] + "<Cube time='2026-03-10'/></gesmes:Envelope>").encode()), "which one day"),
    ],
)
async def test_a_lie_is_not_believed(reply: bytes, why: str) -> None:
    async with answering(reply) as address:
        with pytest.raises(RatesRefused) as refused:
            await EcbRates(address).daily()
    assert why in refused.value.detail


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever: each of them in time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "reply",
    [
        dripping,
        silent,
        http(file().encode(), length=100_000),
        http(b"", status="503 Service Unavailable"),
        http(b"", status="429 Too Many Requests"),
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_no_answer_in_time_is_no_answer(
    reply: bytes | Callable[[asyncio.StreamWriter], object],
) -> None:
    async with answering(reply) as address:
        with pytest.raises(RatesUnavailable):
            await EcbRates(address, seconds=1.0).daily()


async def test_an_answer_without_an_end_is_cut() -> None:
    async with answering(endless) as address:
        with pytest.raises(RatesRefused):
            await EcbRates(address).daily()


async def test_nobody_there_is_no_answer() -> None:
    async with answering(b"") as address:
        gone = address
    with pytest.raises(RatesUnavailable):
        await EcbRates(gone, seconds=2.0).daily()


def test_a_file_of_another_kind_has_no_day() -> None:
    with pytest.raises(RatesRefused):
        read(b"<rss><channel/></rss>")
