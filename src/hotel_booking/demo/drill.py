"""The drill: a PostgreSQL of its own under bookings from the API loses its processes and its disk, and is
restored as production is; what was acknowledged and is gone is named."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg

from hotel_booking import migrations
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.demo.loader import load
from hotel_booking.migrations import places
from hotel_booking.ops import children
from hotel_booking.ops.backup import production
from hotel_booking.ops.backup.pgbackrest import PgBackRest
from hotel_booking.ops.backup.servers import Servers
from hotel_booking.ops.backup.store import Store

Say = Callable[[str], None]
_ROW = 8_000  # bytes of filler in a row, not compressed
_LEASH = timedelta(minutes=10)


class Figures(msgspec.Struct, frozen=True):
    """What a drill came to. `lost`: references that were acknowledged and are gone; `rpo_seconds`: from the
    last acknowledged booking that is left to the last one there was; `rto_seconds`: from the kill until a
    booking was acknowledged again."""

    gigabytes: float
    acknowledged: int
    lost: list[str]
    rpo_seconds: float
    rto_seconds: float
    seconds: dict[str, float]


def drill(gigabytes: float, *, seconds: int, say: Say) -> Figures:
    """Run it. Raises `Refused`, `EmbeddedError` or `psycopg.Error` where it cannot be done to its end."""
    with _postgresql(say) as engine, _filled(engine, gigabytes, say) as stay, _served(engine) as port:
        booked = _Bookings(port, stay)
        booked.begin()
        say(f"bookings for {seconds} s")
        time.sleep(seconds)
        say("kill -9, and the data folder is gone")
        killed = time.monotonic()
        _destroy(engine)
        done = production.to_production(
            engine, engine.backups()[0], "end",
            environ=_environ(engine), say=say, allowed=lambda: None, now=utc_now,
        )  # fmt: skip
        with done_when(done.seconds, "open for sale"):
            words = ("recovery", "open", "--unmatched")
            production.run(engine.serving(), *words, environ=_environ(engine))
        with done_when(done.seconds, "first booking"):
            first = booked.first_after(killed)
        booked.end()
        return _figures(engine, booked, gigabytes, killed, first, done.seconds)


@contextmanager
def done_when(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long it took."""
    began = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - began, 1)


@contextmanager
def _postgresql(say: Say) -> Iterator[PgBackRest]:
    """A server with its archive, gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    folder.chmod(0o711)
    home, store = folder / "home", folder / "store"
    for path in (home, store):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(path, owner.pw_uid, owner.pw_gid)
    servers = Servers(home, port=5432)  # of a socket in a folder of its own
    key = secrets.token_urlsafe(32)
    engine = PgBackRest(
        servers, Store(str(store)), database="hotel_booking", key=key, listen="", clock=utc_now
    )
    try:
        engine.set_up(say)
        yield engine
    finally:
        for instance in (home / "instances").glob("*"):
            servers.stop(instance)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _filled(engine: PgBackRest, gigabytes: float, say: Say) -> Iterator[dict[str, Any]]:
    """Hotels, so many bytes beside them, and a full backup of it; what a guest asks for there."""
    url = engine.serving()
    migrations.upgrade(url)
    asyncio.run(places.renew(url))
    asyncio.run(load(url, seed=1, progress=lambda _what, _share: None, properties=3))
    arrival = utc_now().date() + timedelta(days=30)
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT p.slug, t.code, r.code, t.id FROM property p JOIN room_type t ON t.property_id = p.id"
            "  JOIN rate_plan r ON r.property_id = p.id WHERE r.parent_id IS NULL ORDER BY p.id, t.id LIMIT 1"
        ).fetchone()
        assert row is not None  # noqa: S101  # the demo chain has hotels
        connection.execute("UPDATE room_night SET physical = 32000 WHERE room_type_id = %s", (row[3],))
        say(f"filling {gigabytes:g} GB")
        connection.execute("CREATE TABLE drill_filler (id int, body text)")
        connection.execute("ALTER TABLE drill_filler ALTER body SET STORAGE EXTERNAL")
        connection.execute(
            "INSERT INTO drill_filler SELECT i, repeat(md5(i::text), %s) FROM generate_series(1, %s) AS i",
            (_ROW // 32, int(gigabytes * 1e9 / _ROW)),
        )
    engine.backup("full", say)
    yield {
        "property": row[0],
        "arrival": arrival.isoformat(),
        "departure": (arrival + timedelta(days=2)).isoformat(),
        "rooms": [{"room_type": row[1], "rate_plan": row[2], "adults": 1, "children": []}],
    }


def _environ(engine: PgBackRest) -> dict[str, str]:
    many = {
        f"HOTEL_{name}": "1000000"
        for name in ("RATE_LIMIT_READS", "RATE_LIMIT_WRITES", "OPEN_HOLDS_PER_ADDRESS",
                     "OPEN_ROOMS_PER_ADDRESS", "OPEN_HOLDS_PER_BROWSER", "OPEN_HOLDS_PER_MAILBOX")
    }  # fmt: skip
    home = engine.servers.home.parent
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        **many,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_GATEWAY": "none",
        "HOTEL_SEARCH_INDEX": "false",
        "HOTEL_OPS_DIR": str(home / "ops"),
        "HOTEL_SPOOL_DIR": str(home / "spool"),
        "DATABASE_URL": engine.serving(),
    }


@contextmanager
def _served(engine: PgBackRest) -> Iterator[int]:
    """The web server and the worker on it; the port."""
    port, home = children.free_port(), engine.servers.home.parent
    environ = {
        **_environ(engine),
        "HOTEL_PORT": str(port),
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
    }
    running = {
        name: children.start(name, environ=environ, log=home / f"{name}.log") for name in ("serve", "worker")
    }
    try:
        children.wait_until_ready("127.0.0.1", port, {"serve": running["serve"]}, home)
        yield port
    finally:
        children.stop_children(running)


class _Bookings:
    """Guests who book one after the other, and what they were told, with the time."""

    def __init__(self, port: int, stay: dict[str, Any]) -> None:
        self.told: list[tuple[float, str]] = []
        self._url = f"http://127.0.0.1:{port}/api/v1"
        self._stay = stay
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._book, daemon=True)

    def begin(self) -> None:
        """From now on."""
        self._thread.start()

    def end(self) -> None:
        """No more."""
        self._ended.set()
        self._thread.join(timeout=30)

    def first_after(self, moment: float) -> float:
        """When the first booking after the moment was acknowledged. Raises `TimeoutError`."""
        deadline = time.monotonic() + _LEASH.total_seconds()
        while time.monotonic() < deadline:
            if self.told and self.told[-1][0] > moment:
                return next(at for at, _ in self.told if at > moment)
            time.sleep(0.02)
        raise TimeoutError("no booking was acknowledged after the restore")

    def _book(self) -> None:
        with httpx.Client(timeout=15, trust_env=False) as client:
            while not self._ended.is_set():
                with suppress(httpx.HTTPError, KeyError, ValueError):
                    self._book_one(client)

    def _book_one(self, client: httpx.Client) -> None:
        quote = client.post(f"{self._url}/quotes", json=self._stay)
        if quote.status_code != 201:
            time.sleep(0.1)
            return
        who = uuid4().hex[:12]
        guest = {"given_name": "Drill", "family_name": who, "email": f"{who}@example.com"}
        answer = client.post(
            f"{self._url}/bookings",
            json={"quote": quote.json()["id"], "guest": guest},
            headers={"Idempotency-Key": who},
        )
        if answer.status_code == 201:
            self.told.append((time.monotonic(), answer.json()["reference"]))


def _destroy(engine: PgBackRest) -> None:
    data = engine.servers.current.resolve()
    postmaster = int((data / "postmaster.pid").read_text().split()[0])
    others = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in (postmaster, *map(int, others)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(data)


def _figures(
    engine: PgBackRest,
    booked: _Bookings,
    gigabytes: float,
    killed: float,
    first: float,
    seconds: dict[str, float],
) -> Figures:
    before = [(at, reference) for at, reference in booked.told if at <= killed + 0.5 and at < first]

    async def left() -> set[str]:
        async with Database.open(engine.serving(), size=1) as db, db.reading() as tx:
            wanted = [reference for _, reference in before]
            rows = await tx.fetch("SELECT reference FROM booking WHERE reference = ANY ($1)", wanted)
            return {row["reference"] for row in rows}

    there = asyncio.run(left())
    kept = [at for at, reference in before if reference in there]
    return Figures(
        gigabytes=gigabytes,
        acknowledged=len(before),
        lost=[reference for _, reference in before if reference not in there],
        rpo_seconds=round(before[-1][0] - kept[-1], 1) if before and kept else 0.0,
        rto_seconds=round(first - killed, 1),
        seconds=seconds,
    )
