"""What every guest page costs on the demo: `.venv/bin/python benchmarks/pages.py [--url U] [--profile PAGE]`.

Calls the whole application in this process, without a socket, on a scratch database with the demo chain (or
the one at `--url`, which it books in), and prints for each page: the time of its first view; the median of
making it anew, CPU time of this process alone, and that of a constant answer divided by it; the same quotient
where the same page is asked for again; its bytes (plain and as sent), and its statements when asked again.
`--profile` prints where the time of making one page goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gzip
import pstats
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from hotel_booking import migrations
from hotel_booking.app import Application, build
from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.demo.loader import load
from hotel_booking.ops.embedded import throwaway

ROUNDS = 30
PLACE = "2267057"  # Lisbon
MOST_MS = 15.0
CONSTANT = "/health/live"  # answers the same few bytes: what every request pays


class Browser:
    """One guest: sends requests to the application in this process and keeps its cookies."""

    def __init__(self, app: Application, *, packed: bool = True) -> None:
        self._app = app
        self._packed = packed
        self.cookies: dict[str, str] = {}

    async def get(self, address: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body as sent."""
        return await self._send("GET", address, b"")

    async def post(self, address: str, fields: list[tuple[str, str]]) -> tuple[int, dict[str, str], bytes]:
        """Send a form."""
        return await self._send("POST", address, urlencode(fields).encode())

    async def _send(self, method: str, address: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path, _, query = address.partition("#")[0].partition("?")
        headers = [(b"host", b"localhost"), (b"accept-encoding", b"gzip" if self._packed else b"identity")]
        if self.cookies:
            headers.append((b"cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()).encode()))
        if method == "POST":
            headers += [
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"content-length", str(len(body)).encode()),
                (b"origin", b"http://localhost"),
                (b"sec-fetch-site", b"same-origin"),
            ]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("198.51.100.9", 40_000),
            "server": ("localhost", 80),
        }
        status, found, parts = 0, {}, []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message["headers"]:
                    found[name.decode().lower()] = value.decode("latin-1")
                    if name.lower() == b"set-cookie":
                        key, _, rest = value.decode("latin-1").partition("=")
                        self.cookies[key] = rest.partition(";")[0]
            else:
                parts.append(message.get("body", b""))

        # A scope of ours, as a server makes it.
        await self._app(scope, receive, send)  # type: ignore[arg-type]
        return status, found, b"".join(parts)


@asynccontextmanager
async def started(url: str) -> AsyncIterator[Application]:
    """The application on a database, with nobody limited."""
    limits = dict.fromkeys(
        (
            "open_holds_per_address",
            "open_rooms_per_address",
            "open_holds_per_browser",
            "open_holds_per_mailbox",
        ),
        100_000,
    )
    app = build(
        Settings(
            database_url=url,
            environment="test",
            gateway="sandbox",
            rate_limit_reads=0,
            rate_limit_writes=0,
            exchange_rates_url="",
            **limits,  # type: ignore[arg-type]  # all of them are numbers
        )
    )
    async with app.lifespan():
        # As it stands after some seconds: templates compiled, the search index in step with the database.
        for _ in range(300):
            await asyncio.sleep(0.1)
            index = app.state.get("search_index")
            if index is not None and index.current(utc_now()) is not None:
                break
        yield app


async def pages(browser: Browser, language: str) -> dict[str, str]:
    """An address of every kind of page of the site, with a booking made to see those of a booking."""
    soon = utc_now().date() + timedelta(days=45)
    stay = urlencode({"arrival": soon, "departure": soon + timedelta(days=3)})
    at = f"/{language}"
    found = {
        "home": f"{at}/",
        "hotels": f"{at}/hotels",
        "results, no dates": f"{at}/search?place={PLACE}",
        "results": f"{at}/search?{stay}&place={PLACE}",
        "results, family": f"{at}/search?{stay}&place={PLACE}&adults=4&children=4,9&rooms=2",
        "results, country": f"{at}/search?{stay}&place=Deutschland",
        "results, nothing": f"{at}/search?{stay}&place={PLACE}&adults=18&rooms=9",
        "nights": f"{at}/nights?place={PLACE}",
        "places": f"{at}/places?q=lis",
    }
    _, _, list_page = await browser.get(found["results"])
    slug = re.findall(rf'href="{at}/hotels/([a-z0-9-]+)', _plain(list_page))[-1]
    hotel = f"{at}/hotels/{slug}"
    found |= {
        "hotel, no dates": hotel,
        "hotel": f"{hotel}?{stay}&place={PLACE}",
        "hotel, family": f"{hotel}?{stay}&adults=4&children=4,9&rooms=2",
        "hotel, nothing": f"{hotel}?{stay}&adults=18&rooms=9",
        "hotel, month": f"{hotel}?month={soon + timedelta(days=90):%Y-%m}",
    }
    api = f"/api/v1/properties/{slug}"
    found |= {
        "GET /offers": f"{api}/offers?{stay}",
        "GET /calendar": f"{api}/calendar?{urlencode({'from': soon, 'to': soon + timedelta(days=59)})}",
    }
    _, _, page = await browser.get(found["hotel"])
    form = re.findall(rf'<form method="post" action="{at}/book">(.*?)</form>', _plain(page), re.DOTALL)[-1]
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    _, headers, _ = await browser.post(f"{at}/book", fields)
    details = headers["location"]
    guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com", "locale": language}
    _, headers, _ = await browser.post(details, list(guest.items()))
    payment = headers["location"]
    _, headers, _ = await browser.post(f"{at}/book", fields)
    found |= {"guest details": headers["location"], "payment": payment}
    booking = payment.removesuffix("/pay")
    found |= {
        "booking": booking,
        "change": f"{booking}/amend",
        "find booking": f"{at}/booking",
        "sign in": f"{at}/account/sign-in",
        "register": f"{at}/account/register",
        "not there": f"{at}/nowhere",
    }
    return found


def _plain(body: bytes) -> str:
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()


@contextmanager
def _counted() -> Any:
    """Counts the statements of transactions."""
    count = [0]
    before = {name: getattr(Transaction, name) for name in ("fetch", "fetchrow", "fetchval", "execute")}

    def counting(whole: Any) -> Any:
        def one(self: Transaction, *args: Any) -> Any:
            count[0] += 1
            return whole(self, *args)

        return one

    for name, whole in before.items():
        setattr(Transaction, name, counting(whole))
    try:
        yield count
    finally:
        for name, whole in before.items():
            setattr(Transaction, name, whole)


async def measure(url: str, language: str, only: str | None, profile: str | None, *, again: bool) -> None:
    """Print the table."""
    async with started(url) as app:
        browser = Browser(app)
        found = await pages(browser, language)
        if profile is not None:
            await _profile(browser, found[profile], again=again)
            return
        heads = ("first ms", "then ms", "CPU ms", "ratio", "again", "bytes", "sent", "SQL")
        print(f"{'page':20}" + "".join(f"{head:>9}" for head in heads))
        for name, address in found.items():
            if only is not None and only not in name:
                continue
            first = time.perf_counter()
            status, _, body = await browser.get(address)
            first = time.perf_counter() - first
            if status not in (200, 404):
                raise SystemExit(f"{name} answers {status}: {address}")
            with _counted() as count:
                await browser.get(address)
            walls, cpus, floors, agains = [], [], [], []
            for number in range(ROUNDS):
                cpu = time.process_time()
                await browser.get(CONSTANT)
                floors.append(time.process_time() - cpu)
                wall, cpu = time.perf_counter(), time.process_time()
                await browser.get(_another(address, number))
                cpus.append(time.process_time() - cpu)
                walls.append(time.perf_counter() - wall)
                cpu = time.process_time()
                await browser.get(address)
                agains.append(time.process_time() - cpu)
            wall, cpu = statistics.median(walls) * 1000, statistics.median(cpus) * 1000
            ratio = statistics.median(floors) * 1000 / cpu
            kept = statistics.median(floors) / statistics.median(agains)
            mark = " <-- too slow" if first * 1000 > MOST_MS else ""
            figures = f"{first * 1000:9.1f}{wall:9.2f}{cpu:9.2f}{ratio:9.3f}{kept:9.3f}"
            print(f"{name:20}{figures}{len(_plain(body)):9}{len(body):9}{count[0]:9}{mark}")


def _another(address: str, number: int) -> str:
    """The same page by another address, so that it is not given out as it was kept."""
    if address.startswith("/api/"):
        return address  # nothing is kept of those, and they refuse what they do not know
    return f"{address}{'&' if '?' in address else '?'}n={number}"


async def _profile(browser: Browser, address: str, *, again: bool) -> None:
    addresses = [address if again else _another(address, number) for number in range(25)]
    for one in addresses[:5]:
        await browser.get(one)
    profiler = cProfile.Profile()
    profiler.enable()
    for one in addresses[5:]:
        await browser.get(one)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
    pstats.Stats(profiler).sort_stats("cumtime").print_stats(90)


def main() -> None:
    """Measure on a database of our own, or the one that is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--language", default="de")
    parser.add_argument("--only")
    parser.add_argument("--again", action="store_true", help="profile the page as it is kept")
    parser.add_argument("--profile")
    asked = parser.parse_args()
    if asked.url is not None:
        asyncio.run(measure(asked.url, asked.language, asked.only, asked.profile, again=asked.again))
        return
    with throwaway() as cluster:
        cluster.create_database("demo")
        url = cluster.url("demo")
        migrations.upgrade(url)
        asyncio.run(load(url, seed=1, progress=lambda _what, _share: None))
        asyncio.run(measure(url, asked.language, asked.only, asked.profile, again=asked.again))


if __name__ == "__main__":
    main()
