"""What a client sends half, or never, over real sockets: it stops nobody else, and ends in its time."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec import structs

from hotel_booking.core.db import Database
from tests.clients.http_client import running, settings_for
from tests.clients.server import served_by_the_command
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import GUEST, offer

SOURCE = Path(__file__).parents[3] / "src" / "hotel_booking"
SECONDS = 8
WHERE = (
    ("/en/book", "application/x-www-form-urlencoded"),
    ("/webhooks/sandbox", "application/json"),
    ("/api/v1/quotes", "application/json"),
    ("/en/account/sign-in", "application/x-www-form-urlencoded"),
    ("/admin/sign-in", "application/x-www-form-urlencoded"),
    ("/en/booking", "multipart/form-data; boundary=b"),
)


def _half(host: str, path: str, media: str, *, sent: bytes = b"a=", chunked: bool = False) -> bytes:
    length = "transfer-encoding: chunked" if chunked else "content-length: 500"
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {media}\r\n{length}\r\n"
    part = b"2\r\na=\r\n" if chunked else sent
    return f"{head}sec-fetch-site: same-origin\r\n\r\n".encode() + part


class Client:
    """One connection that sends something and then waits for whatever comes."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self._port = parts.netloc, parts.port or 80

    async def talk(self, data: bytes, *, patience: float = 60) -> bytes:
        """All that comes until the server closes the connection; `TimeoutError` where it does not."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(data)
            await writer.drain()
            async with asyncio.timeout(patience):
                return await reader.read(-1)
        finally:
            writer.close()


@pytest.mark.nightly
async def test_half_sent_bodies_stop_nobody_and_are_closed(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=3)
    limits = {"HOTEL_BODY_SECONDS": str(SECONDS), "HOTEL_HEADER_SECONDS": str(SECONDS)}
    async with served_by_the_command(database_url, HOTEL_POOL_SIZE="4", **limits) as address:
        client = Client(address)
        half = [
            asyncio.create_task(client.talk(_half(client.host, path, media, sent=sent, chunked=chunked)))
            for path, media in WHERE
            for sent, chunked in ((b"a=", False), (b"", False), (b"", True))
            for _ in range(4)
        ]
        # Neither what never ends its headers nor what never begins them is kept.
        slow = [
            asyncio.create_task(client.talk(data))
            for data in (b"", b"GET /en HT", f"GET /en HTTP/1.1\r\nhost: {client.host}\r\nx: ".encode())
            for _ in range(4)
        ]
        await asyncio.sleep(0.5)
        async with httpx.AsyncClient(
            base_url=address, headers=SAME_ORIGIN, trust_env=False, verify=False
        ) as guest:
            chosen = await guest.post("/en/book", data=offer())
            assert chosen.status_code == 303, chosen.text
            booked = await guest.post(chosen.headers["location"], data=GUEST)
            assert booked.status_code == 303, booked.text
            paying = await guest.get(booked.headers["location"])
            assert paying.status_code == 200
            assert (await guest.get("/health/ready")).status_code == 200
        assert not any(task.done() for task in half), "the guest was served while all were half sent"
        answers = await asyncio.gather(*half)
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
        assert all(b"x-content-type-options: nosniff" in answer for answer in answers)
        await asyncio.gather(*slow)  # closed in their time
        async with httpx.AsyncClient(base_url=address, trust_env=False, verify=False) as guest:
            assert (await guest.get("/health/ready")).status_code == 200
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking") == 1


class _Endless:
    """The server's side of a request whose body never ends."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.begun = asyncio.get_running_loop().create_future()

    async def receive(self) -> Any:
        return await self.begun

    async def send(self, message: Any) -> None:
        self.sent.append(message)


async def test_nobody_holds_a_half_sent_body_once_it_is_answered(db: Database, database_url: str) -> None:
    """Without waiting for garbage to be collected: the server closes the connection only then."""
    await small_hotel(db)
    async with running(structs.replace(settings_for(database_url), body_seconds=0.1)) as (app, _):
        for path, media in WHERE:
            headers = {"host": "localhost", "content-type": media, "content-length": "500"}
            headers |= {"sec-fetch-site": "same-origin"}
            scope: Any = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "POST",
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "root_path": "",
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
            }
            server = _Endless()
            gone = weakref.ref(server)
            gc.collect()
            gc.disable()
            try:
                await asyncio.create_task(app(scope, server.receive, server.send))
                assert server.sent[0]["status"] == 408
                del server, scope
                await asyncio.sleep(0)
                assert gone() is None, path
            finally:
                gc.enable()


async def test_what_breaks_the_protocol_is_answered_by_us(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with served_by_the_command(database_url) as address:
        client = Client(address)
        host = f"host: {client.host}\r\nconnection: close\r\n"
        chunked = "transfer-encoding: chunked\r\n"
        asked: dict[str, tuple[bytes, int]] = {
            "NUL in a path": (f"GET /hotels/%00 HTTP/1.1\r\n{host}\r\n".encode(), 404),
            "a line's end in a path": (f"GET /hotels/a%0d%0ax:1 HTTP/1.1\r\n{host}\r\n".encode(), 404),
            "NUL in a query": (f"GET /en/search?place=%00 HTTP/1.1\r\n{host}\r\n".encode(), 400),
            "no UTF-8 in a path": (f"GET /en/hotels/%ff%fe HTTP/1.1\r\n{host}\r\n".encode(), 404),
            "a chunk that is none": (
                f"POST /webhooks/stripe HTTP/1.1\r\n{host}{chunked}\r\nZZ\r\nabc\r\n".encode(), 400),
            "a chunk that is longer": (
                f"POST /en/book HTTP/1.1\r\n{host}sec-fetch-site: same-origin\r\n{chunked}\r\n"
                "5\r\nabc\r\nxx".encode(), 400),
            "a long address": (f"GET /en/hotels/{'a' * 9_000} HTTP/1.1\r\n{host}\r\n".encode(), 414),
            "long headers": (f"GET /en HTTP/1.1\r\n{host}cookie: {'a' * 30_000}\r\n\r\n".encode(), 431),
            "a body as large as a disk": (
                f"POST /en/book HTTP/1.1\r\n{host}sec-fetch-site: same-origin\r\n"
                "content-length: 99999999999\r\n\r\n".encode(), 413),
            "no host": (b"GET /en HTTP/1.1\r\nconnection: close\r\n\r\n", 400),
            "an empty host": (b"GET /en HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n", 400),
            "two hosts": (f"GET /api/v1/places HTTP/1.1\r\nhost: other.example\r\n{host}\r\n".encode(), 400),
            "a method nobody knows": (f"FOO /en HTTP/1.1\r\n{host}\r\n".encode(), 405),
        }  # fmt: skip
        for what, (data, status) in asked.items():
            answer = await client.talk(data)
            assert answer.split(b" ")[1] == str(status).encode(), (what, answer[:300])
            assert b"x-content-type-options: nosniff" in answer, what
            assert b"content-security-policy: " in answer, what
            assert b"charset=utf-8; charset" not in answer, what
        # The head of a page, and that of a call, without their bodies.
        for path in ("/en", "/en/hotels/seaview", "/api/v1/properties", "/health/live", "/robots.txt"):
            head = await client.talk(f"HEAD {path} HTTP/1.1\r\n{host}\r\n".encode())
            start, _, body = head.partition(b"\r\n\r\n")
            assert start.startswith(b"HTTP/1.1 200"), (path, start)
            assert body == b"", path
            assert int(start.split(b"content-length: ")[1].split(b"\r\n")[0]) > 0, path
            options = await client.talk(f"OPTIONS {path} HTTP/1.1\r\n{host}\r\n".encode())
            assert options.startswith(b"HTTP/1.1 204"), path
            assert b"HEAD" in options.split(b"allow: ")[1].split(b"\r\n")[0], path


async def test_no_body_is_waited_for_in_a_transaction(db: Database, database_url: str) -> None:
    """Every route that takes a body, with a client that sends none: no connection is in use meanwhile."""
    await small_hotel(db)
    async with running(settings_for(database_url, body_seconds=60)) as (app, _):
        held = app.state.database._connections._out  # noqa: SLF001  # the test asks who holds one
        routes = {
            (method, route.path_format.replace("{language}", "en"))
            for route in app.routes
            for method in getattr(route, "methods", ())
            if method in {"POST", "PUT", "PATCH", "DELETE"}
        }
        assert len(routes) > 100
        waited = 0
        for method, path in sorted(routes):
            asked = asyncio.Event()

            async def receive(asked: asyncio.Event = asked) -> dict[str, object]:
                asked.set()
                await asyncio.Event().wait()
                return {}

            async def send(_message: object) -> None:
                pass

            scope = {
                "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path,
                "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("203.0.113.9", 1),
                "server": ("test", 80), "state": {},
                "headers": [(b"host", b"test"), (b"sec-fetch-site", b"same-origin"),
                            (b"content-type", b"application/x-www-form-urlencoded"),
                            (b"content-length", b"10")],
            }  # fmt: skip
            task = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]  # a scope of ours
            first = asyncio.create_task(asked.wait())
            await asyncio.wait({task, first}, return_when=asyncio.FIRST_COMPLETED)
            if asked.is_set():
                waited += 1
                for _ in range(1_000):  # what the call before gives back may be on its way
                    if not held:
                        break
                    await asyncio.sleep(0.005)
                assert not held, f"{method} {path} waits in a transaction"
            task.cancel()
            first.cancel()
            await asyncio.gather(task, first, return_exceptions=True)
        assert waited > 30  # those that are open to everybody


def test_bodies_are_read_in_one_place() -> None:
    reading = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "await receive(" in path.read_text() or ".stream()" in path.read_text()
    }
    # The second unpacks what the first has read.
    assert reading == {"http/bodies.py", "http/encodings.py"}


@pytest.mark.parametrize("size", [128_001, 10_000_000])
async def test_a_form_of_the_site_is_small(db: Database, database_url: str, size: int) -> None:
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.post("/en/book", data={"x": "a" * size}, headers=SAME_ORIGIN)
        assert answer.status_code == 413
        answer = await client.post("/webhooks/sandbox", content=b"x" * (size * 4))
        assert answer.status_code == 413
