"""How long a booking takes while the database is taken care of (db-maintenance.sh), beside the same without.

    .venv/bin/python -m benchmarks.care [--seconds 20] [--rounds 3]

A server of its own, guests at half the rate that eight at once reach, each from an address of their own.
Before each round tables and indexes are worn (half of the nights written anew three times, autovacuum off)
and nights of four years ago put back; then `ops database maintenance --now --archive 3y` mends and moves them
while guests book. Care, guests and server share the machine's cores, which production's do not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from benchmarks.booking_guests import LIMITS, Generator, booked, guests, said
from hotel_booking import migrations
from hotel_booking.bench.catalogue import catalogue_of, fill
from hotel_booking.bench.servers import serving
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.child_processes import start, stop_children
from hotel_booking.ops.embedded import DURABLE, throwaway

_HOTELS = 300
_WORN = """
INSERT INTO room_night (room_type_id, night, physical)
    SELECT t.id, current_date - 1500 + n, 5 FROM room_type t, generate_series(0, 199) AS n
    ON CONFLICT DO NOTHING;
UPDATE room_night SET closed = closed WHERE room_type_id % 2 = 0;
UPDATE room_night SET closed = closed WHERE room_type_id % 2 = 0;
UPDATE room_night SET closed = closed WHERE room_type_id % 2 = 0;
DROP INDEX IF EXISTS worn;
CREATE INDEX worn ON room_night (taken, night);
UPDATE room_night SET closed = closed WHERE room_type_id % 3 = 0;
"""


def _worn(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER TABLE room_night SET (autovacuum_enabled = false)")
        db.execute(_WORN)
        db.execute("SELECT pg_stat_force_next_flush()")
        db.execute("CHECKPOINT")  # or the guests without it would pay for the wear


def _care(url: str, folder: Path, number: int) -> tuple[float, str]:
    """Seconds that it took, and its last line."""
    (folder / "store").mkdir(exist_ok=True)
    log = folder / f"care-{number}.log"
    environ = {
        **os.environ,
        "DATABASE_URL": url,
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_OPS_DIR": str(folder / "ops"),
        "HOTEL_SPOOL_DIR": str(folder / "spool"),
        "HOTEL_BACKUP_STORE": str(folder / "store"),
        "HOTEL_BACKUP_KEY": "of this measurement alone",
    }
    began = time.monotonic()
    words = ("ops", "database", "maintenance", "--now", "--budget", "10m", "--archive", "3y")
    children = {"care": start(*words, environ=environ, log=log)}
    try:
        code = children["care"].wait(900)
    finally:
        stop_children(children)
    lines = log.read_text(errors="replace").splitlines()
    if code not in (0, 3):
        sys.exit("\n".join(lines[-20:]))
    return time.monotonic() - began, lines[-1]


def measure(*, seconds: float, rounds: int) -> None:
    """Print the figures."""
    catalogue = catalogue_of(_HOTELS, utc_now().date())
    slower: list[float] = []
    with throwaway({**DURABLE, "max_connections": "200"}) as cluster, tempfile.TemporaryDirectory() as place:
        folder, url = Path(place), cluster.url("cared_for")
        cluster.create_database("cared_for")
        migrations.upgrade(url)
        fill(url, catalogue)
        with serving("ours", url, folder, {**LIMITS, "HOTEL_WORKERS": "1"}) as server:
            alone = booked(Generator(folder, "guests", guests(catalogue, 1, server, seconds, None)).outcome())
            said("eight at once", alone)
            rate = alone.rate / 2
            for number in range(rounds):
                _worn(url)
                job = guests(catalogue, 10 + 2 * number, server, seconds, rate)
                before = booked(Generator(folder, "guests", job).outcome())
                said("without", before)
                generator = Generator(
                    folder, "guests", guests(catalogue, 11 + 2 * number, server, seconds, rate)
                )
                took, last = _care(url, folder, number)
                during = booked(generator.outcome())
                said(f"while it is cared for ({took:.0f} s)", during)
                print(f"{'':28} {last}", flush=True)
                slower.append(during.slow / before.slow)
    print(f"p99 of a booking: {statistics.median(slower):.1f} times what it is without")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with suppress(KeyboardInterrupt):
        measure(seconds=asked.seconds, rounds=asked.rounds)


if __name__ == "__main__":
    main()
