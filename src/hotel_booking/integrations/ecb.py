"""The European Central Bank's daily rates: eurofxref-daily.xml.

    <gesmes:Envelope ...><Cube><Cube time="2026-03-09"><Cube currency="USD" rate="1.1712"/>...

What answers at the address is not trusted: it is read up to a bound in size and time, as it comes (nothing is
decompressed), must be XML without a document type (so without entities), and is not followed elsewhere.
"""

from __future__ import annotations

import asyncio
import re
from datetime import date
from decimal import Decimal
from xml.parsers import expat

import httpx

from hotel_booking.core.trust import trusted
from hotel_booking.domains.exchange.errors import RatesRefused, RatesUnavailable
from hotel_booking.domains.exchange.types import DailyRates

_LARGEST = 100_000  # bytes; the real one has about 2,500
_SECONDS = 20.0
_MEDIA = ("text/xml", "application/xml")
_RATE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class EcbRates:
    """The file at an address. `seconds` bounds a whole call."""

    def __init__(self, address: str, *, seconds: float = _SECONDS) -> None:
        self._address = address
        self._seconds = seconds

    async def daily(self) -> DailyRates:
        """See `RateSource`."""
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._body()
        except (httpx.HTTPError, TimeoutError) as error:
            raise RatesUnavailable(f"the source did not answer ({type(error).__name__})") from None
        return read(body)

    async def _body(self) -> bytes:
        asked = {"accept": "application/xml, text/xml", "accept-encoding": "identity"}
        async with (
            httpx.AsyncClient(timeout=self._seconds, follow_redirects=False, verify=trusted()) as client,
            client.stream("GET", self._address, headers=asked) as answer,
        ):
            if answer.status_code >= 500 or answer.status_code == 429:
                raise RatesUnavailable(f"the source answered {answer.status_code}")
            if answer.status_code != 200:
                raise RatesRefused(f"the source answered {answer.status_code}", fix="check its address")
            media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if media not in _MEDIA:
                raise RatesRefused(f"the source sent {media[:60] or 'no content type'}, not XML")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise RatesRefused("the source sent something compressed, which was not asked for")
            body = bytearray()
            async for chunk in answer.aiter_raw(16_384):
                body += chunk
                if len(body) > _LARGEST:
                    raise RatesRefused(f"the source sent more than {_LARGEST} bytes")
            return bytes(body)


def read(body: bytes) -> DailyRates:
    """The rates in a file. Raises `RatesRefused` where it is not one, in whole and without a doubt."""
    days: list[str] = []
    rates: dict[str, str] = {}

    def element(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] != "Cube":
            return
        if "time" in attributes:
            days.append(attributes["time"])
        if "currency" in attributes:
            currency = attributes["currency"]
            if not _CURRENCY.fullmatch(currency) or currency in rates:
                raise RatesRefused(f"the file names the currency {currency[:10]!r} oddly or twice")
            rates[currency] = attributes.get("rate", "")

    def no_document_type(*_: object) -> None:
        raise RatesRefused("the file has a document type, which may hold entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = no_document_type
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise RatesRefused(f"the file is no XML, or not all of it ({error})") from None
    if len(days) != 1:
        raise RatesRefused("the file does not say which one day it is of")
    try:
        as_of = date.fromisoformat(days[0])
    except ValueError:
        raise RatesRefused(f"the file is of {days[0][:20]!r}, which is no day") from None
    for currency, rate in rates.items():
        if not _RATE.fullmatch(rate):
            raise RatesRefused(f"the file has {rate[:20]!r} for {currency}")
    return DailyRates(as_of, {currency: Decimal(rate) for currency, rate in rates.items()})
