"""The drill: a PostgreSQL of its own under bookings from the API loses its processes and its disk, and is
restored as production is; what was acknowledged and is gone is named, and so is what became of the money.

Guests pay at a gateway whose books are in another database, as a real one's are in another house: it knows
of payments that the restored database does not. Half of the guests pay some seconds after they have booked,
so that there are payments whose booking is still held after the restore, and such whose booking is lost.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from hotel_booking import migrations
from hotel_booking.core.clock import utc_now
from hotel_booking.core.counting import count
from hotel_booking.core.db import Database, DatabaseUnavailable
from hotel_booking.demo.drill_guests import Guests
from hotel_booking.demo.loader import load
from hotel_booking.domains.bookings import recovery
from hotel_booking.migrations import places
from hotel_booking.ops import child_processes
from hotel_booking.ops.backup import production
from hotel_booking.ops.backup.pgbackrest import PgBackRest
from hotel_booking.ops.backup.servers import Servers
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.embedded import EmbeddedError, throwaway_folder
from hotel_booking.ops.refusals import Refused

Say = Callable[[str], None]
_ROW = 8_000  # bytes of filler in a row, not compressed
_LEASH = timedelta(minutes=10)
_SETTLED = 120.0  # seconds for jobs that the matching has begun


class LostBooking(msgspec.Struct, frozen=True):
    """A booking that was acknowledged and is gone, who had it, and what became of the money."""

    reference: str
    guest: str
    became: str


class Figures(msgspec.Struct, frozen=True):
    """What a drill came to. `acknowledged`: bookings that were paid and confirmed; `rebooked`: those of them
    that the restored database knew as held only, and that were confirmed again; `refunded`: payments without
    a booking that were given back, those that were never acknowledged too. `rpo_seconds`: from the last
    acknowledged booking that is left to the last one there was, of those paid at once (where none is left,
    from when guests began); `rto_seconds`: from the kill until a booking was acknowledged again."""

    gigabytes: float
    acknowledged: int
    lost: list[LostBooking]
    rebooked: int
    refunded: int
    rpo_seconds: float
    rto_seconds: float
    seconds: dict[str, float]


def drill(gigabytes: float, *, seconds: int, say: Say) -> Figures:
    """Run it. Raises `Refused`, `EmbeddedError` or `psycopg.Error` where it cannot be done to its end, or
    where money is somewhere that no booking is."""
    with (
        _postgresql(say) as (engine, books),
        _filled(engine, books, gigabytes, say) as stay,
        _served(engine, books) as port,
    ):
        booked = Guests(port, stay, later=seconds / 4)
        booked.begin()
        say(f"bookings for {seconds} s")
        time.sleep(seconds)
        if not booked.told:
            raise Refused(
                f"no booking was acknowledged in {seconds} s: {booked.refused or 'take more --seconds'}"
            )
        say("kill -9, and the data folder is gone")
        killed = time.monotonic()
        _destroy(engine)
        done = production.to_production(
            engine, engine.backups()[0], "end",
            environ=_environ(engine, books), say=say, allowed=lambda: None, now=utc_now,
        )  # fmt: skip
        say("the worker matches what the gateway has of the lost time")
        with done_when(done.seconds, "match with the gateway"):
            asyncio.run(_matched(engine.serving()))
        with done_when(done.seconds, "open for sale"):
            production.run(engine.serving(), "recovery", "open", environ=_environ(engine, books))
        with done_when(done.seconds, "first booking"):
            first = booked.first_after(killed)
        booked.end()
        return asyncio.run(_figures(engine, books, booked, gigabytes, killed, first, done.seconds))


@contextmanager
def done_when(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long it took."""
    began = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - began, 1)


@contextmanager
def _postgresql(say: Say) -> Iterator[tuple[PgBackRest, str]]:
    """A server with its archive, and the URL of the gateway's books on another one; gone in the end."""
    with throwaway_folder("hotel-drill-") as folder:
        yield from _in(folder, say)


def _in(folder: Path, say: Say) -> Iterator[tuple[PgBackRest, str]]:
    home, store, other = folder / "home", folder / "store", folder / "gateway"
    for path in (home, store, other):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(path, owner.pw_uid, owner.pw_gid)
    servers = Servers(home, port=5432)  # of a socket in a folder of its own
    gateway = Servers(other, port=5432)
    its_data = other / "instances" / "gateway"
    key = secrets.token_urlsafe(32)
    engine = PgBackRest(
        servers, Store(str(store)), database="hotel_booking", key=key, listen="", clock=utc_now
    )
    try:
        engine.set_up(say)
        gateway.initialise(its_data)
        gateway.start(its_data, listen_addresses="", unix_socket_directories=str(gateway.run_folder))
        yield engine, gateway.url("postgres")
    finally:
        gateway.stop(its_data)
        for instance in (home / "instances").glob("*"):
            servers.stop(instance)


@contextmanager
def _filled(engine: PgBackRest, books: str, gigabytes: float, say: Say) -> Iterator[dict[str, Any]]:
    """Hotels, so many bytes beside them, and a full backup of it; what a guest asks for there."""
    url = engine.serving()
    migrations.upgrade(books)
    migrations.upgrade(url)
    asyncio.run(places.renew(url))
    asyncio.run(load(url, seed=1, progress=lambda _what, _share: None, properties=3))
    with psycopg.connect(url, autocommit=True) as connection:
        stay = sold_for_sure(connection, utc_now().date() + timedelta(days=30))
        say(f"filling {gigabytes:g} GB")
        connection.execute("CREATE TABLE drill_filler (id int, body text)")
        connection.execute("ALTER TABLE drill_filler ALTER body SET STORAGE EXTERNAL")
        connection.execute(
            "INSERT INTO drill_filler SELECT i, repeat(md5(i::text), %s) FROM generate_series(1, %s) AS i",
            (_ROW // 32, int(gigabytes * 1e9 / _ROW)),
        )
    engine.backup("full", say)
    yield stay


_UNRESTRICTED = """closed = false, min_stay_arrival = NULL, min_stay_through = NULL, max_stay = NULL,
       closed_to_arrival = false, closed_to_departure = false"""


def sold_for_sure(connection: psycopg.Connection[Any], arrival: date) -> dict[str, Any]:
    """A stay of two nights that the demo chain sells to everybody, to be paid at once, as a quote asks for
    it: whatever the day, also over New Year, when its hotels ask for longer ones."""
    row = connection.execute(
        "SELECT p.slug, t.code, r.code, t.id, r.id"
        "  FROM property p JOIN room_type t ON t.property_id = p.id"
        "  JOIN rate_plan r ON r.property_id = p.id WHERE r.parent_id IS NULL ORDER BY p.id, t.id LIMIT 1"
    ).fetchone()
    assert row is not None  # noqa: S101  # the demo chain has hotels
    connection.execute(
        f"UPDATE room_night SET physical = 32000, {_UNRESTRICTED} WHERE room_type_id = %s",
        (row[3],),
    )
    connection.execute(
        f"UPDATE rate_night SET {_UNRESTRICTED} WHERE room_type_id = %s AND rate_plan_id = %s",
        (row[3], row[4]),
    )
    connection.execute(
        "UPDATE rate_plan SET deposit_kind = 'full', deposit_value = 0, min_advance_days = NULL,"
        "       max_advance_days = NULL, min_stay = NULL, max_stay = NULL WHERE id = %s",
        (row[4],),
    )
    return {
        "property": row[0],
        "arrival": arrival.isoformat(),
        "departure": (arrival + timedelta(days=2)).isoformat(),
        "rooms": [{"room_type": row[1], "rate_plan": row[2], "adults": 1, "children": []}],
    }


def _environ(engine: PgBackRest, books: str) -> dict[str, str]:
    many = {
        f"HOTEL_{name}": "1000000"
        for name in ("RATE_LIMIT_READS", "RATE_LIMIT_WRITES", "OPEN_HOLDS_PER_ADDRESS",
                     "OPEN_ROOMS_PER_ADDRESS", "OPEN_HOLDS_PER_BROWSER", "OPEN_HOLDS_PER_MAILBOX")
    }  # fmt: skip
    home = engine.servers.home.parent
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {
        **kept,
        **many,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_GATEWAY": "sandbox",
        "HOTEL_SANDBOX_BOOKS": books,
        "HOTEL_SEARCH_INDEX": "false",
        "HOTEL_OPS_DIR": str(home / "ops"),
        "HOTEL_SPOOL_DIR": str(home / "spool"),
        "DATABASE_URL": engine.serving(),
    }


@contextmanager
def _served(engine: PgBackRest, books: str) -> Iterator[int]:
    """The web server and the worker on it; the port."""
    port, home = child_processes.free_port(), engine.servers.home.parent
    environ = {
        **_environ(engine, books),
        "HOTEL_PORT": str(port),
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
    }
    running = {
        name: child_processes.start(name, environ=environ, log=home / f"{name}.log")
        for name in ("serve", "worker")
    }
    try:
        try:
            serving = {"serve": running["serve"]}
            child_processes.wait_until_ready("127.0.0.1", port, serving, home, _LEASH.total_seconds())
        except EmbeddedError as error:  # its log goes with the drill
            last = (home / "serve.log").read_text(errors="replace").strip().splitlines()[-5:]
            raise Refused(str(error), *last) from None
        yield port
    finally:
        child_processes.stop_children(running)


async def _matched(url: str) -> None:
    """Wait until the worker has compared the gateway's books. Raises `Refused` where it does not."""
    deadline = time.monotonic() + _LEASH.total_seconds()
    while time.monotonic() < deadline:
        with suppress(DatabaseUnavailable):  # it has only just begun to serve
            async with Database.open(url, size=1) as db, db.reading() as tx:
                point, _ = await recovery.report(tx)
                if point is not None and point.matched_at is not None:
                    return
        await asyncio.sleep(0.5)
    raise Refused("the worker did not match the restored database with the gateway")


def _destroy(engine: PgBackRest) -> None:
    data = engine.servers.current.resolve()
    postmaster = int((data / "postmaster.pid").read_text().split()[0])
    others = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in (postmaster, *map(int, others)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(data)
    # Its sockets too: in a container whose first process reaps nobody, who was killed still has a number, and
    # the restored one would take the lock beside the socket for a living one's.
    for left in engine.servers.run_folder.iterdir():
        left.unlink()


async def _figures(
    engine: PgBackRest,
    books: str,
    booked: Guests,
    gigabytes: float,
    killed: float,
    first: float,
    seconds: dict[str, float],
) -> Figures:
    before = [booking for booking in booked.told if booking.at <= killed + 0.5 and booking.at < first]
    confirmed, refunded = await _nobody_paid_for_nothing(engine.serving(), books)
    async with Database.open(engine.serving(), size=1) as db, db.reading() as tx:
        _, affected = await recovery.report(tx)
    became = {entry.reference: entry for entry in affected}
    lost = [booking for booking in before if booking.reference not in confirmed]
    if unnamed := [booking.reference for booking in lost if booking.reference not in became]:
        left = count(len(unnamed), "lost booking is", "lost bookings are")
        raise Refused(f"{left} not in the report: {', '.join(unnamed[:5])}")
    at_once = [booking for booking in before if not booking.late]
    kept = [booking.at for booking in at_once if booking.reference in confirmed]
    return Figures(
        gigabytes=gigabytes,
        acknowledged=len(before),
        lost=[
            LostBooking(
                booking.reference, became[booking.reference].guest or "", became[booking.reference].became
            )
            for booking in lost
        ],
        rebooked=sum(entry.became.startswith("rebooked") for entry in affected),
        refunded=refunded,
        rpo_seconds=round(at_once[-1].at - (kept[-1] if kept else booked.began), 1) if at_once else 0.0,
        rto_seconds=round(first - killed, 1),
        seconds=seconds,
    )


async def _nobody_paid_for_nothing(url: str, books: str) -> tuple[set[str], int]:
    """By the gateway's books: whoever has no booking has their money back, and whoever has one has paid. The
    confirmed bookings, and how many payments were given back. Raises `Refused` where it does not come to
    that: jobs finish what the matching has begun."""
    deadline = time.monotonic() + _SETTLED
    while True:
        async with Database.open(url, size=1) as db, db.reading() as tx:
            rows = await tx.fetch("SELECT reference FROM booking WHERE status = 'confirmed'")
            confirmed = {row["reference"] for row in rows}
        async with Database.open(books, size=1) as db, db.reading() as tx:
            paid = await tx.fetch(
                "SELECT booking, status, captured, refunded FROM sandbox_payment WHERE status <> 'voided'"
            )
        adrift = [
            row["booking"]
            for row in paid
            if row["status"] == "authorised"
            or row["refunded"] != (0 if row["booking"] in confirmed else row["captured"])
        ]
        if not adrift:
            return confirmed, sum(row["refunded"] > 0 for row in paid)
        if time.monotonic() > deadline:
            left = count(len(adrift), "payment is", "payments are")
            raise Refused(f"{left} neither booked nor given back: {', '.join(adrift[:5])}")
        await asyncio.sleep(1)
