"""What the audit log costs who sells rooms: `python -m benchmarks.audit`. Prints figures; asserts nothing.

Quotes, books and pays (three nights, a deposit that is captured) by turns audited and not audited in one
run, on a throwaway cluster with a durable configuration (fsync on), through the services: the same bookings,
once with the triggers and the transaction's origin, once without either. Turns are short and each is compared
with its neighbours, because a machine is never equally fast for long. Then: what chaining an entry costs the
worker, and how fast a chain is followed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
from tests.clients.http_client import bearer, running, settings_for
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    stay,
)

from hotel_booking import migrations
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Origin
from hotel_booking.domains.audit import chain as audit_chain
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Quote
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops.embedded import DURABLE, throwaway

WEEK = timedelta(days=7)
GUEST_ORIGIN = Origin("guest", name="guest", address="203.0.113.9", request_id="0197f0a2-7d7e-7c3b-8a52")


async def sell(db: Database, gateway: SandboxGateway, quote: Quote) -> None:
    """One booking, paid."""
    async with db.transaction(wait=60) as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    # The sandbox's card.
    await service.pay(db, gateway, booking_id=held.booking.id, token="tok_success", now=NOW)  # noqa: S106


async def sell_over_http(client: httpx.AsyncClient, when: Stay) -> None:
    """One booking as a guest's program makes it: quote, hold, pay."""
    asked = {
        "property": SLUG,
        "arrival": when.arrival.isoformat(),
        "departure": when.departure.isoformat(),
        "rooms": [{"room_type": "DBL", "rate_plan": "NRF", "adults": 2}],
    }
    answer = await client.post("/api/v1/quotes", json=asked)
    body = {"quote": answer.json()["id"], "guest": msgspec.to_builtins(GUEST)}
    held = (await client.post("/api/v1/bookings", json=body)).json()
    paid = await client.post(
        f"/api/v1/bookings/{held['reference']}/payments",
        json={"token": "tok_success"},
        headers=bearer(held["access_token"]),
    )
    paid.raise_for_status()


async def measure_over_http(url: str, *, turns: int, bookings: int, clients: int) -> None:
    """The same by turns through the whole application, without a socket: what a booking costs there."""
    settings = settings_for(url, pool_size=clients + 2)
    async with Database.open(url, size=2) as db, running(settings) as (_, client):
        await small_hotel(db, rooms=5_000)
        rates: dict[bool, list[float]] = {True: [], False: []}
        for number in range(turns + 1):
            for on in (True, False) if number % 2 else (False, True):
                await audited(db, on=on)
                for size in (clients * 2, bookings):  # short at first: every connection plans anew
                    stays = iter([stay((number * 3 + i) % 50, 3) for i in range(size)])

                    async def sell_all(stays: Iterator[Stay] = stays) -> None:
                        for when in stays:
                            await sell_over_http(client, when)

                    began = time.perf_counter()
                    await asyncio.gather(*(sell_all() for _ in range(clients)))
                    rate = size / (time.perf_counter() - began)
                if number:
                    rates[on].append(rate)
        for on, name in ((False, "not audited"), (True, "audited")):
            print(f"{name:<12} median {statistics.median(rates[on]):6.1f} bookings/s over HTTP")
        ratios = sorted(a / b for a, b in zip(rates[True], rates[False], strict=True))
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(
            f"throughput   {statistics.median(ratios):6.3f} of the unaudited"
            f" (middle half of {turns} pairs: {low:.3f} to {high:.3f})"
        )


async def quote(db: Database, when: Stay) -> Quote:
    """A price for a week, to be paid at once."""
    return await make_quote(db, when, plan="NRF", lifetime=WEEK)


async def audited(db: Database, *, on: bool) -> None:
    """Switch every trigger of the audit log."""
    async with db.transaction() as tx:
        for row in await tx.fetch(
            "SELECT tgrelid::regclass::text AS t, tgname AS name FROM pg_trigger WHERE tgname ~ '^audit'"
        ):
            await tx.execute(f"ALTER TABLE {row['t']} {'ENABLE' if on else 'DISABLE'} TRIGGER {row['name']}")


def server_seconds(folder: Path) -> float:
    """Seconds of processor time that the server's processes have used so far; those that have ended too."""
    found = 0
    main = (folder / "postmaster.pid").read_text().split()[0]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if main in (stat.parent.name, fields[1]):
            found += int(fields[11]) + int(fields[12])
            if stat.parent.name == main:
                found += int(fields[13]) + int(fields[14])
    return found / os.sysconf("SC_CLK_TCK")


async def turn(
    db: Database, folder: Path, *, bookings: int, clients: int, number: int, quoted: bool
) -> tuple[float, float]:
    """Bookings a second, and the server's milliseconds of processor a booking."""
    stays = [stay((number * 3 + i) % 50, 3) for i in range(bookings)]
    made: list[Stay | Quote] = [when if quoted else await quote(db, when) for when in stays]
    waiting, gateway = iter(made), SandboxGateway()

    async def client() -> None:
        for this in waiting:
            await sell(db, gateway, this if isinstance(this, Quote) else await quote(db, this))

    before, began = server_seconds(folder), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    rate = bookings / (time.perf_counter() - began)
    return rate, (server_seconds(folder) - before) / bookings * 1000


async def measure(url: str, folder: Path, *, turns: int, bookings: int, clients: int, quoted: bool) -> None:
    """Print the figures."""
    async with Database.open(url, size=clients + 2) as db:
        await small_hotel(db, rooms=5_000)
        kinds = {"not audited": db, "audited": db.acting(GUEST_ORIGIN)}
        rates: dict[str, list[float]] = {kind: [] for kind in kinds}
        spent: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(turns + 1):
            order = list(kinds) if number % 2 else list(reversed(kinds))
            for kind in order:
                await audited(db, on=kind == "audited")
                # Switching makes every connection plan anew: a short turn for that.
                await turn(
                    kinds[kind], folder, bookings=clients * 2, clients=clients, number=number, quoted=quoted
                )
                rate, used = await turn(
                    kinds[kind], folder, bookings=bookings, clients=clients, number=number, quoted=quoted
                )
                if number:  # the first is for warming up
                    rates[kind].append(rate)
                    spent[kind].append(used)
        for kind in kinds:
            print(
                f"{kind:<12} median {statistics.median(rates[kind]):6.1f} bookings/s,"
                f" server {statistics.median(spent[kind]):5.2f} ms of processor a booking"
            )
        ratios = sorted(a / b for a, b in zip(rates["audited"], rates["not audited"], strict=True))
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(
            f"throughput   {statistics.median(ratios):6.3f} of the unaudited"
            f" (middle half of {turns} pairs: {low:.3f} to {high:.3f})"
        )
        await chain(db)


async def chain(db: Database) -> None:
    """Chain what was written, and follow it."""
    began = time.perf_counter()
    number = await audit_chain.seal(db)
    took = time.perf_counter() - began
    print(f"chaining     {took / number * 1e6:6.1f} µs an entry ({number} entries)")
    began = time.perf_counter()
    async with db.transaction() as tx:
        checked = [checked async for checked in audit_chain.follow(tx)][-1]
    took = time.perf_counter() - began
    print(f"following    {took / number * 1e6:6.1f} µs a link: {checked.problem or 'all good'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The audit log's price.")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--bookings", type=int, default=60, help="in a turn")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--without-quotes", action="store_true", help="quotes are made beforehand")
    parser.add_argument("--http", action="store_true", help="through the whole application")
    wanted = parser.parse_args()
    with throwaway(DURABLE) as cluster:
        cluster.create_database("bench")
        migrations.upgrade(cluster.url("bench"))
        asyncio.run(
            measure_over_http(
                cluster.url("bench"), turns=wanted.turns, bookings=wanted.bookings, clients=wanted.clients
            )
            if wanted.http
            else measure(
                cluster.url("bench"),
                cluster.data,
                turns=wanted.turns,
                bookings=wanted.bookings,
                clients=wanted.clients,
                quoted=not wanted.without_quotes,
            )
        )
