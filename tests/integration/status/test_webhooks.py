"""Programs are told at public addresses that answered a challenge, signed, until they took it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hotel_booking.core import links
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.public_addresses import public_address
from hotel_booking.domains.incidents import status_jobs, webhooks
from hotel_booking.domains.incidents.errors import InvalidSubscription
from hotel_booking.domains.incidents.types import Refused, Unavailable
from hotel_booking.integrations.webhooks import Webhooks
from tests.clients.http_client import running, settings_for

KEY = "k" * 40
LINK = partial(links.signed, "https://hotel.example", KEY)
Received = list[tuple[dict[str, str], dict[str, Any], bytes]]


@asynccontextmanager
async def program(answer: Callable[[dict[str, Any]], bytes]) -> AsyncIterator[tuple[str, Received]]:
    """A program of somebody's: its address, and what it was sent."""
    received: Received = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        received.append((headers, json.loads(body), body))
        writer.write(answer(json.loads(body)))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}/hook", received
    finally:
        server.close()


def says(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def here(**more: Any) -> Webhooks:
    """One that may ask this machine."""
    return Webhooks(KEY, allowed=lambda _address: True, insecure=True, **more)


async def deliver(db: Database, now: datetime, poster: Webhooks) -> int:
    async with db.transaction() as tx:
        due = await webhooks.take(tx, now=now)
    for one in due:
        await status_jobs._deliver(db, poster, LINK, one, now)  # noqa: SLF001  # as the job does
    return len(due)


async def asked(db: Database, address: str, now: datetime) -> int:
    """A webhook of a program on this machine: nobody outside can ask for one."""
    async with db.transaction() as tx:
        number = await webhooks.ask(tx, url="https://program.example/hook", now=now)
        await tx.execute("UPDATE status_webhook SET url = $1 WHERE id = $2", address, number)
    return number


async def state(db: Database, key: str) -> list[tuple[str, int, str]]:
    async with db.reading() as tx:
        rows = await tx.fetch(
            "SELECT status, attempts, last_error FROM status_delivery WHERE event_key = $1 ORDER BY id", key
        )
    return [tuple(row) for row in rows]


async def test_who_answers_the_challenge_is_told_signed_and_once(db: Database) -> None:
    now = utc_now()

    def answer(said: dict[str, Any]) -> bytes:
        return says(said["challenge"] + "\n" if said["type"] == "confirm" else "thanks")

    async with program(answer) as (address, received):
        number = await asked(db, address, now)
        async with db.transaction() as tx:
            await webhooks.queue(tx, event_key="early", payload={"type": "news"}, at=now)
        assert await state(db, "early") == []
        assert await deliver(db, now, here()) == 1
        async with db.transaction() as tx:
            for _ in range(2):
                await webhooks.queue(tx, event_key="update-1", payload={"type": "news"}, at=now)
        assert await deliver(db, now, here()) == 1
        assert await deliver(db, now + timedelta(days=1), here()) == 0
    assert await state(db, "update-1") == [("sent", 1, "")]
    headers, body, raw = received[-1]
    at, _, mark = headers["hotel-signature"].removeprefix("t=").partition(",v1=")
    own = received[0][1]["secret"]  # told with the challenge, and to nobody else
    assert "secret" not in body
    assert hmac.compare_digest(
        mark, hmac.new(own.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    )
    assert body["unsubscribe"] == LINK(webhooks.own_path(number))
    assert headers["host"] == address.split("/")[2]


async def test_who_does_not_is_forgotten(db: Database) -> None:
    now = utc_now()
    async with program(lambda _said: says("hello")) as (address, received):
        await asked(db, address, now)
        for hour in range(8):
            await deliver(db, now + timedelta(hours=hour), here())
    assert len(received) == 3
    assert await state(db, webhooks.CONFIRM) == [("failed", 3, "it answered 200 without the challenge")]
    async with db.transaction() as tx:
        await webhooks.purge(tx, now=now + timedelta(days=3), confirm_within=timedelta(days=2))
        assert await tx.fetchval("SELECT count(*) FROM status_webhook") == 0


async def test_what_is_not_taken_comes_again_and_is_given_up(db: Database) -> None:
    now = utc_now()
    async with program(lambda _said: says("no", "500 No")) as (address, received):
        number = await asked(db, address, now)
        async with db.transaction() as tx:
            await tx.execute("UPDATE status_webhook SET confirmed_at = $1", now)
            await tx.execute("DELETE FROM status_delivery")
            await webhooks.queue(tx, event_key="update-1", payload={"type": "news"}, at=now)
        # A worker that died after taking it: it is due again.
        async with db.transaction() as tx:
            assert len(await webhooks.take(tx, now=now)) == 1
            assert await webhooks.take(tx, now=now) == []
        for hour in range(1, 60):
            await deliver(db, now + timedelta(hours=hour), here())
        assert len(received) == 11
        assert await state(db, "update-1") == [("failed", 12, "it answered 500")]
        async with db.reading() as tx:
            assert [one.webhook_id for one in await webhooks.failed(tx)] == [number]
    async with program(lambda _said: says("", "410 Gone")) as (address, _received):
        async with db.transaction() as tx:
            await tx.execute("UPDATE status_webhook SET url = $1", address)
            await webhooks.queue(tx, event_key="update-2", payload={"type": "news"}, at=now)
        await deliver(db, now, here())
    async with db.reading() as tx:
        assert await webhooks.find(tx, number) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "fec0::1",
        "3fff::1",
    ],
)
def test_no_address_of_the_inside_is_public(address: str) -> None:
    assert not public_address(ipaddress.ip_address(address))


def test_addresses_of_the_internet_are_public() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"):
        assert public_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/hook",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data",
        "http://93.184.216.34/",
        "https://93.184.216.34:22/",
        "https://user@93.184.216.34/",
        "file:///etc/passwd",
        "https:///x",
    ],
)
async def test_nothing_of_the_inside_is_asked(url: str) -> None:
    with pytest.raises((Refused, Unavailable)):
        await Webhooks(KEY, seconds=2).post(path="/x", url=url, body={}, now=utc_now())


async def test_an_answer_is_not_followed_and_not_waited_for() -> None:
    async with program(lambda _said: says("", "302 X\r\nlocation: http://127.0.0.1:9/")) as (
        address,
        received,
    ):
        status, _ = await here().post(path="/x", url=address, body={}, now=utc_now())
        assert (status, len(received)) == (302, 1)
    async with program(lambda _said: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000) as (address, _received):
        _, body = await here().post(path="/x", url=address, body={}, now=utc_now())
        assert len(body) == 4_096
    server = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(30), "127.0.0.1", 0)
    with pytest.raises(Unavailable):
        await here(seconds=0.3).post(
            path="/x",
            url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/",
            body={},
            now=utc_now(),
        )
    server.close()


async def test_it_is_asked_for_on_the_page_and_ended_by_its_link(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url, secret_key=KEY)) as (_, client):
        wanted = {"url": "https://program.example/hook", "language": "fr"}
        answer = await client.post("/status/webhooks", data=wanted)
        assert answer.status_code == 303
        assert answer.headers["cache-control"] == "no-store"
        answer = await client.get(answer.headers["location"])
        assert (answer.status_code, answer.headers["content-language"]) == (200, "fr")
        async with db.reading() as tx:
            number = await tx.fetchval("SELECT id FROM status_webhook")
        path = webhooks.own_path(number)
        # Anybody may ask for anybody's address: what opens or signs something is not on the page.
        assert "token=" not in answer.text
        assert here().secret(path) not in answer.text
        for wrong in (
            "http://program.example/",
            "https://",
            "x",
            "https://u:p@program.example/",
            "https://x\x00y/",
            "https://program.example:22/",
            "https://127.0.0.1/hook",
            "https://10.1.2.3:8443/",
            "https://[fd00::1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://localhost/",
            "https://grafana/",
        ):
            refused = await client.post("/status/webhooks", data={**wanted, "url": wrong})
            where = refused.headers.get("location")
            assert refused.status_code == 400 or where == "/status/subscriptions/fr/invalid_webhook", wrong
        for more in range(8):
            last = await client.post(
                "/status/webhooks", data={**wanted, "url": f"https://program.example/{more}"}
            )
        assert last.headers["location"] == "/status/subscriptions/fr/invalid_webhook"
        async with db.reading() as tx:
            assert await tx.fetchval("SELECT count(*) FROM status_webhook") == 5
            assert await tx.fetchval("SELECT count(*) FROM status_delivery") == 5
        leaving = links.signed("", KEY, path)
        assert (await client.post(f"{path}?token=x")).status_code == 404
        assert "<form" in (await client.get(leaving)).text
        left = await client.post(leaving, headers={"accept-language": "es"})
        assert (left.status_code, left.headers["location"]) == (303, "/status/subscriptions/es/left")
        async with db.reading() as tx:
            assert await webhooks.find(tx, number) is None
    with pytest.raises(InvalidSubscription):
        async with db.transaction() as tx:
            await webhooks.ask(tx, url="https://x y/", now=utc_now())
