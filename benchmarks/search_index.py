"""How fast the search index is loaded and how far behind it is: `python -m benchmarks.search_index`.

Prints figures; asserts nothing. On a throwaway cluster with a durable configuration (fsync on): the demo
chain is loaded into a file; then a process of its own changes so many prices a second, each committed by
itself, and here they are followed as in a process of the server. A change is found when the arrays have what
it wrote; its age then is what is told. Last, what taking nights costs with and without the row that tells
followers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import asyncpg

from hotel_booking import migrations
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.demo.loader import load as load_demo
from hotel_booking.domains.search.index.files import Folder
from hotel_booking.domains.search.index.layout import FIRST_NIGHT, RATES, ROWS, TYPES
from hotel_booking.domains.search.index.load import load
from hotel_booking.domains.search.index.running import SearchIndex
from hotel_booking.ops.embedded import DURABLE, throwaway

_PRICE = "UPDATE rate_night SET price = $4 WHERE room_type_id = $1 AND rate_plan_id = $2 AND night = $3"
_TAKEN = "SELECT inventory_change(ARRAY[$1::int], ARRAY[$2::date], ARRAY[$2::date + 1], ARRAY[$3::int])"


async def change(
    url: str, keys: Sequence[tuple[int, int, date]], rate: int, seconds: float, out: str
) -> None:
    """So many changes a second on eight connections; what was written when into a file."""
    pool = await asyncpg.create_pool(url, min_size=8, max_size=8)
    written: list[tuple[int, int, str, int, float]] = []
    began = time.monotonic()

    async def one(number: int) -> None:
        kind, plan, night = keys[number % len(keys)]
        price = 1_000_000 + number
        async with pool.acquire() as connection:
            await connection.execute(_PRICE, kind, plan, night, price)
        written.append((kind, plan, night.isoformat(), price, time.time()))

    tasks = set()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.add(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    await pool.close()
    _write(out, written)


def _write(path: str, written: object) -> None:
    Path(path).write_text(json.dumps(written))


def _change(*args: object) -> None:
    asyncio.run(change(*args))  # type: ignore[arg-type]  # `args` are its own


async def freshness(url: str, folder: Path, rate: int, seconds: float) -> None:
    """Follow while another process writes; how old each change was when the arrays had it."""
    async with Database.open(url, size=4) as db:
        index = SearchIndex(db, Folder(folder / "index"), clock=utc_now, poll=0.15, stale=5)
        running = asyncio.create_task(index.run())
        while (view := index.current(utc_now())) is None:  # noqa: ASYNC110  # it says nothing when it is there
            await asyncio.sleep(0.05)
        async with db.transaction() as tx:
            rows = await tx.fetch(
                "SELECT room_type_id, rate_plan_id, night FROM rate_night"
                " WHERE price IS NOT NULL AND night > $1 AND night < $1 + 400 ORDER BY random() LIMIT 20000",
                utc_now().date(),
            )
        keys = [(row["room_type_id"], row["rate_plan_id"], row["night"]) for row in rows]
        out = str(folder / "written.json")
        child = multiprocessing.get_context("spawn").Process(
            target=_change, args=(url, keys, rate, seconds, out)
        )
        header, prices = view.arrays["header"], view.arrays["price"]
        rates = int(header[RATES])
        child.start()
        cpu, seen = time.process_time(), dict[int, float]()
        while child.is_alive():
            await asyncio.sleep(0.01)
            now = time.time()
            for price in prices[:, :rates][prices[:, :rates] >= 1_000_000].tolist():
                seen.setdefault(price, now)
        print(f"following, and watching it: {(time.process_time() - cpu) / seconds * 100:.0f} % of a core")
        await asyncio.sleep(1)
        running.cancel()
    _tell(out, seen, rate)


def _tell(out: str, seen: dict[int, float], rate: int) -> None:
    written = json.loads(Path(out).read_text())
    ages = sorted(max(0.0, seen[price] - at) for *_, price, at in written if price in seen)
    print(
        f"{len(written)} changes at {rate}/s: {len(written) - len(ages)} overwritten or not seen; behind by"
        f" {statistics.median(ages) * 1000:.0f} ms (median), {ages[int(len(ages) * 0.99)] * 1000:.0f} (p99),"
        f" {ages[-1] * 1000:.0f} (most)"
    )


async def loading(url: str, folder: Path) -> None:
    """A fresh file."""
    async with Database.open(url, size=4) as db:
        began, cpu = time.monotonic(), time.process_time()
        longest, running = 0.0, True

        async def watch() -> None:
            nonlocal longest
            while running:
                before = time.monotonic()
                await asyncio.sleep(0)
                longest = max(longest, time.monotonic() - before)
                await asyncio.sleep(0.001)

        watching = asyncio.create_task(watch())
        writer = await load(db, folder / "file", now=utc_now())
        running = False
        await watching
        took, cpu = time.monotonic() - began, time.process_time() - cpu
    header, arrays = writer.header, writer.arrays
    nights = int(
        (arrays["free"][:, : header[TYPES]] > -1000).sum() + (arrays["price"][:, : header[RATES]] >= 0).sum()
    )
    print(
        f"loaded {nights:,} nights of {header[TYPES]} room types and {header[RATES]} rates in {took:.2f} s"
        f" ({nights / took:,.0f}/s; {cpu:.2f} s of this process), {arrays.bytes_used() / 2**20:.1f} MiB;"
        f" memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB;"
        f" nothing else ran for {longest * 1000:.0f} ms at most; ring of {ROWS} from"
        f" {date.fromordinal(int(header[FIRST_NIGHT]))}"
    )


async def selling(url: str, seconds: float) -> None:
    """Taking nights, with and without the row for followers: by turns, on eight connections."""
    pool = await asyncpg.create_pool(url, min_size=8, max_size=8)
    types = [
        row[0]
        for row in await pool.fetch(
            "SELECT room_type_id FROM room_night WHERE night = current_date + 100 AND capacity > 4 LIMIT 200"
        )
    ]
    night = await pool.fetchval("SELECT current_date + 100")
    rates: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(6):
        which = ("with", "without")[turn % 2]
        verb = "ENABLE" if which == "with" else "DISABLE"
        await pool.execute(f"ALTER TABLE room_night {verb} TRIGGER search_update")
        done, until = 0, time.monotonic() + seconds / 6

        async def sell(number: int, until: float = until) -> int:
            count = 0
            while time.monotonic() < until:
                kind = types[(number + count * 8) % len(types)]
                await pool.execute(_TAKEN, kind, night, 1)
                await pool.execute(_TAKEN, kind, night, -1)
                count += 2
            return count

        done = sum(await asyncio.gather(*(sell(number) for number in range(8))))
        rates[which].append(done / (seconds / 6))
    await pool.close()
    with_, without = (statistics.median(rates[which]) for which in ("with", "without"))
    print(
        f"inventory_change: {with_:.0f}/s with the row for followers, {without:.0f}/s without it"
        f" ({with_ / without:.2f})"
    )


def main() -> None:
    """All of it, in turn."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--properties", type=int, default=60)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=12)
    arguments = parser.parse_args()
    with throwaway(DURABLE) as cluster, tempfile.TemporaryDirectory() as folder:
        cluster.create_database("bench")
        url = cluster.url("bench")
        migrations.upgrade(url)
        asyncio.run(
            load_demo(url, seed=1, progress=lambda _what, _share: None, properties=arguments.properties)
        )
        asyncio.run(loading(url, Path(folder)))
        asyncio.run(freshness(url, Path(folder), arguments.rate, arguments.seconds))
        asyncio.run(selling(url, arguments.seconds))


if __name__ == "__main__":
    main()
