"""How fast the panel's pages are on a large database: `python -m benchmarks.panel DATABASE_URL`.

Made for `hotel-booking demo --scale large` while it runs (`--data-dir` finds its database). Asks for every
page of the panel through the ASGI application as an owner of the group, a few times each, and prints the
median and the worst of each in milliseconds of the server's time; those over the limit are marked. Addresses
with parts are filled in from the data. Leaves a member of staff named Benchmark behind.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in

from hotel_booking.app import Application
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.embedded import Cluster

TIMES = 7
LIMIT_MS = 300.0
# Pages as they are used, besides what the routes themselves say.
SEARCHES = (
    "/admin/bookings?q=marigold",
    "/admin/bookings?q=m",
    "/admin/bookings?q=marigold+teacup",
    "/admin/bookings?q=clover+wood",
    "/admin/bookings?q=cloverwood&status=no_show",
    "/admin/bookings?q=zzzz",
    "/admin/bookings?q={reference}",
    "/admin/bookings?q={part}",
    "/admin/bookings?q=marigold.teacup.12",
    "/admin/bookings?arrival_from={today}&arrival_to={today}",
    "/admin/bookings?departure_from={today}&departure_to={today}",
    "/admin/bookings?created_from={today}",
    "/admin/bookings?created_from=2025-01-01&created_to=2025-06-30&sort=arrival",
    "/admin/bookings?departure_from=2025-01-01&departure_to=2025-06-30&sort=newest&q=ma",
    "/admin/bookings?status=held",
    "/admin/bookings?status=expired",
    "/admin/bookings?status=no_show",
    "/admin/bookings?status=checked_out&sort=oldest",
    "/admin/bookings?balance=owes",
    "/admin/bookings?balance=owes&status=checked_out",
    "/admin/bookings?balance=refund_due",
    "/admin/bookings?balance=paid&sort=latest",
    "/admin/bookings?property={slug}&q=ma&balance=paid&sort=arrival",
    "/admin/today?property={slug}",
    "/admin/properties?q=paris",
    "/admin/audit?q=m",
)


async def values_of(db: Database) -> dict[str, str]:
    """Something real for the parts of addresses."""
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "SELECT b.reference, left(b.reference, 4) AS part, p.slug, current_date::text AS today,"
            "       (SELECT code FROM room_type WHERE property_id = p.id ORDER BY id LIMIT 1) AS code,"
            "       (SELECT number FROM room WHERE property_id = p.id ORDER BY id LIMIT 1) AS number"
            "  FROM property p JOIN LATERAL (SELECT * FROM booking WHERE property_id = p.id"
            "  AND status = 'confirmed' ORDER BY created_at DESC LIMIT 1) AS b ON true ORDER BY p.id LIMIT 1"
        )
    if row is None:
        raise SystemExit("there are no bookings in this database")
    return {name: str(value) for name, value in row.items()}


def pages(app: Application, values: dict[str, str]) -> Iterator[str]:
    """Every GET route of the panel, then the searches; pages with parts that nothing is known for are not."""
    for route in sorted(app.routes, key=lambda route: route.path):
        if not route.path.startswith("/admin") or "GET" not in getattr(route, "methods", ()):
            continue
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: values.get(match[1], match[0]), route.path)
        if "{" in path:
            print(f"{'':22}left out: {route.path}")
        else:
            yield path
    for search in SEARCHES:
        yield re.sub(r"\{(\w+)\}", lambda match: values[match[1]], search)


async def timed(client: httpx.AsyncClient, path: str) -> tuple[int, list[float]]:
    """The status, and the milliseconds of each try."""
    status, found = 0, []
    for _ in range(TIMES):
        began = time.perf_counter()
        status = (await client.get(path)).status_code
        found.append((time.perf_counter() - began) * 1000)
    return status, found


async def measure(url: str) -> None:
    """Print the figures."""
    slow = []
    async with (
        Database.open(url, size=5) as db,
        running(settings_for(url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None), name="Benchmark") as client,
    ):
        print(f"{'median':>8} {'worst':>8}  ms")
        for path in pages(app, await values_of(db)):
            status, found = await timed(client, path)
            over = " <-- over the limit" if statistics.median(found) > LIMIT_MS else ""
            print(f"{statistics.median(found):8.1f} {max(found):8.1f}  {status} {path}{over}", flush=True)
            if over:
                slow.append(path)
    print(f"{len(slow)} pages over {LIMIT_MS:.0f} ms", *slow, sep="\n  ")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Times every page of the panel.")
    parser.add_argument("database_url", nargs="?", help="the database")
    parser.add_argument("--data-dir", type=Path, help="or the folder of a demo that runs")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.database_url or Cluster(chosen.data_dir).url("hotel")))
