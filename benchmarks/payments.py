"""Two hundred guests pay at once through a gateway that takes two seconds: `python -m benchmarks.payments`.
Prints figures; asserts nothing.

What matters is everybody else: quotes and holds of other guests are timed before and during, through the
whole application with its ordinary pool of ten connections. A transaction held open across the gateway's
call would stop the house after the tenth guest.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from datetime import timedelta

import httpx
import msgspec
from tests.clients.http_client import bearer, running, settings_for
from tests.factories.small_hotel import (
    FIRST,
    GUEST,
    SLUG,
    small_hotel,
)

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.domains.payments.gateway import Charge, Gateways, Outcome
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops.embedded import DURABLE, throwaway


class Slow(SandboxGateway):
    """The sandbox, at the other end of a slow line."""

    seconds = 2.0

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        """As the sandbox does, later."""
        await asyncio.sleep(self.seconds)
        return await super().authorise(charge, token=token)


async def hold(client: httpx.AsyncClient, number: int) -> tuple[str, str]:
    """A quote and its hold: the reference and the access token."""
    asked = {
        "property": SLUG,
        "arrival": (FIRST + timedelta(days=number % 50)).isoformat(),
        "departure": (FIRST + timedelta(days=number % 50 + 2)).isoformat(),
        "rooms": [{"room_type": "DBL", "rate_plan": "NRF", "adults": 2}],
    }
    quote = (await client.post("/api/v1/quotes", json=asked)).json()
    body = {"quote": quote["id"], "guest": msgspec.to_builtins(GUEST)}
    held = (await client.post("/api/v1/bookings", json=body)).json()
    return held["reference"], held["access_token"]


async def pay(client: httpx.AsyncClient, reference: str, token: str) -> float:
    """Seconds until the booking is confirmed."""
    began = time.perf_counter()
    answer = await client.post(
        f"/api/v1/bookings/{reference}/payments",
        json={"token": "tok_success"},
        headers=bearer(token),
        timeout=120,
    )
    answer.raise_for_status()
    assert answer.json()["status"] == "confirmed", answer.text  # noqa: S101  # a figure of failures is none
    return time.perf_counter() - began


async def others(client: httpx.AsyncClient, seconds: float) -> list[float]:
    """How long each quote with its hold takes, one after the other, for so long."""
    until, times, number = time.perf_counter() + seconds, [], 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        await hold(client, number)
        times.append(time.perf_counter() - began)
        number += 1
    return times


async def measure(url: str, guests: int, seconds: float) -> None:
    """Print the figures."""
    Slow.seconds = seconds
    async with Database.open(url, size=2) as db, running(settings_for(url, pool_size=10)) as (app, client):
        await small_hotel(db, rooms=5_000)
        app.state.gateways = Gateways(Slow(app.state.database))
        held = [await hold(client, number) for number in range(guests)]
        before = await others(client, 4)
        began = time.perf_counter()
        paying = asyncio.gather(*(pay(client, *each) for each in held))
        await asyncio.sleep(0.3)  # everybody is at the gateway
        during = await others(client, max(seconds - 0.6, 0.5))
        took = await paying
        whole = time.perf_counter() - began
        during_all = statistics.median(during)
        alone = statistics.median(before)
        print(f"{guests} guests paid in {whole:.2f} s, each in {statistics.median(took):.2f} s at the median")
        print(f"others, quote + hold: {alone * 1e3:.1f} ms alone, {during_all * 1e3:.1f} ms meanwhile")
        print(f"ratio {during_all / alone:.2f}; slowest meanwhile {max(during) * 1e3:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paying through a slow gateway.")
    parser.add_argument("--guests", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=2.0)
    wanted = parser.parse_args()
    with throwaway(DURABLE) as cluster:
        cluster.create_database("bench")
        migrations.upgrade(cluster.url("bench"))
        asyncio.run(measure(cluster.url("bench"), wanted.guests, wanted.seconds))
