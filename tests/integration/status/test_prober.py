"""The prober: a process of its own, by HTTP; what it finds waits while it cannot be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hotel_booking.cli.status import _tells
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import status_probes
from hotel_booking.domains.incidents.status_types import COMPONENTS
from hotel_booking.domains.notifications import service as mail
from hotel_booking.domains.notifications.types import Delivery
from hotel_booking.domains.payments.errors import GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateways, Outcome
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops import prober
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.server import serving

NOW = datetime(2030, 3, 5, 12, 0, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"


async def nobody(_rounds: object) -> None:
    raise ConnectionError


def outcomes(found: list[prober.Finding]) -> dict[str, str]:
    return {one.component: one.outcome for one in found}


async def test_every_part_is_looked_at_over_http(db: Database, database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, HOTEL_SEARCH_INDEX="false") as address:
        ran = await asyncio.to_thread(
            lambda: command(
                "status",
                "probe",
                "--once",
                HOTEL_PUBLIC_URL=address,
                DATABASE_URL=database_url,
                HOTEL_ENVIRONMENT="test",
                HOTEL_SPOOL_DIR=str(tmp_path),
            )
        )
    assert ran.returncode == 0, ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines()] == list(COMPONENTS)
    async with db.reading() as tx:
        words = {one.component: one.state for one in await status_probes.last_words(tx)}
        [day] = {one.day for one in await status_probes.days(tx, since=NOW.date() - timedelta(days=5000))}
    # A busy machine may answer slowly; none is down.
    assert set(words) == set(COMPONENTS)
    assert "down" not in words.values(), ran.stdout
    assert day == utc_now().astimezone(UTC).date()
    assert prober.waiting(tmp_path / "status") == []


async def test_rounds_wait_while_nobody_can_be_told_and_are_told_in_order(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    for minute in range(3):
        found = await prober.once(NOWHERE, folder=tmp_path, tell=nobody, now=NOW + timedelta(minutes=minute))
        assert set(outcomes(found).values()) == {"down"}
    assert len(prober.waiting(tmp_path)) == 3
    told = await prober.drain(tmp_path, _tells(database_url))
    assert (told, prober.waiting(tmp_path)) == (3, [])
    async with db.reading() as tx:
        words = await status_probes.last_words(tx)
        days = await status_probes.days(tx, since=NOW.date())
    assert {(one.state, one.since, one.checked_at) for one in words} == {
        ("down", NOW + timedelta(minutes=1), NOW + timedelta(minutes=2))
    }
    assert {day.down for day in days} == {3}


async def test_a_crash_after_telling_counts_nothing_twice(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    prober.keep(tmp_path, NOW, [prober.Finding("api", "up", 3, "")])
    [kept] = prober.waiting(tmp_path)
    content = kept.read_bytes()
    await prober.drain(tmp_path, _tells(database_url))
    kept.write_bytes(content)  # as if it had not been removed any more
    await prober.drain(tmp_path, _tells(database_url))
    async with db.reading() as tx:
        [day] = await status_probes.days(tx, since=NOW.date())
    assert (day.component, day.up) == ("api", 1)


@asynccontextmanager
async def odd_server(answer: bytes, *, forever: bool = False) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        while forever:
            writer.write(b"x" * 1000)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 X\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
    ],
)
async def test_what_answers_oddly_is_down(answer: bytes) -> None:
    async with odd_server(answer) as address:
        assert set(outcomes(await prober.look(address, now=NOW)).values()) == {"down"}


async def test_what_is_closed_for_maintenance_is_neither_up_nor_down() -> None:
    closed = b"HTTP/1.1 503 X\r\nx-closed: maintenance\r\ncontent-length: 0\r\n\r\n"
    async with odd_server(closed) as address:
        assert await prober.look(address, now=NOW) == []


async def test_no_answer_in_time_is_down_and_no_more_is_read_than_needed() -> None:
    async with odd_server(b"", forever=False) as _, odd_server(b"HTTP/1.1 200 OK\r\n", forever=True) as slow:
        found = await prober.look(slow, now=NOW, seconds=0.3)
        assert {one.reason for one in found} <= {"no answer in time", "RemoteProtocolError"}
    endless = b"HTTP/1.1 200 OK\r\n\r\n"
    async with odd_server(endless, forever=True) as address:
        found = await prober.look(address, now=NOW, seconds=20)
        assert {one.outcome for one in found} <= {"up", "slow"}


class Gone(SandboxGateway):
    async def find(self, *, payment_id: object, reference: str | None) -> Outcome:
        del payment_id, reference
        raise GatewayUnavailable("nobody answers")


async def test_payments_are_down_with_their_gateway_and_come_back(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, client):
        assert (await client.get("/status/parts/payments")).json() == {"state": "up", "reason": ""}
        app.state.status_parts = {}
        working, app.state.gateways = app.state.gateways, Gateways(Gone())
        gone = await client.get("/status/parts/payments")
        assert (gone.status_code, gone.json()["state"]) == (503, "down")
        app.state.gateways = working
        # For some seconds everybody is told the same.
        assert (await client.get("/status/parts/payments")).status_code == 503
        app.state.status_parts = {}
        assert (await client.get("/status/parts/payments")).status_code == 200
        assert (await client.get("/status/parts/secrets")).status_code == 404


async def test_messages_that_do_not_get_out_are_seen(db: Database, database_url: str) -> None:
    async def state() -> str:
        app.state.status_parts = {}
        said: str = (await client.get("/status/parts/notifications")).json()["state"]
        return said

    async def sent(name: str, delivery: Delivery, at: datetime) -> None:
        async with db.transaction() as tx:
            await mail.queue(
                tx,
                event_key=str(uuid4()),
                template="held",
                language="en",
                recipient=f"{name}@example.com",
                data={},
                now=at,
                at=at + timedelta(days=1),  # the job is not what is tested
            )
            last = await tx.fetchval("SELECT id FROM mail_message ORDER BY created_at DESC LIMIT 1")
            message = await mail.begin(tx, message_id=last, now=at)
            assert message is not None
            await mail.finish(tx, message=message, subject="x", delivery=delivery, now=at)

    now = utc_now()
    async with running(settings_for(database_url)) as (app, client):
        assert await state() == "up"
        await sent("ana", Delivery("again", "421 later", unreachable=True), now)
        assert await state() == "slow"
        await sent("ben", Delivery("again", "421 later", unreachable=True), now + timedelta(seconds=1))
        assert await state() == "down"
        await sent("cem", Delivery("sent", "250 ok"), now + timedelta(seconds=2))
        assert await state() == "up"
        async with db.transaction() as tx:
            await tx.execute(
                "SELECT enqueue('mail', 'notifications:deliver', '{}'::jsonb, $1)", now - timedelta(hours=1)
            )
        assert await state() == "down"


async def test_the_page_has_a_host_of_its_own(db: Database, database_url: str) -> None:
    own = {"host": "status.hotel.example"}
    async with running(
        settings_for(database_url, status_host="status.hotel.example", security_contact="who@hotel.example")
    ) as (_, client):
        weak = "/.well-known/security.txt"
        for path in ("/", "/de", "/status/de", "/api/v2/summary.json", "/history.atom", weak):
            assert (await client.get(path, headers=own)).status_code == 200, path
        assert f"Canonical: https://{own['host']}{weak}\n" in (await client.get(weak, headers=own)).text
        assert "<title>" in (await client.get("/", headers={"host": "STATUS.hotel.example:443"})).text
        for path in ("/admin", "/api/v1/properties", "/search"):
            assert (await client.get(path, headers=own)).status_code == 404, path
        assert (await client.get("/history.atom")).status_code == 404
        assert (await client.get("/api/v1/properties")).status_code == 200
