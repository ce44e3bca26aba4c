"""Part 7, growth: what booking, looking at a booking and the panel's pages cost with millions of bookings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from functools import partial

import msgspec
import psycopg

from hotel_booking.api.booking_answers import BookingAnswer
from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue, slug
from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure, grown
from hotel_booking.bench.floor import OURS, constant
from hotel_booking.bench.generator import Request
from hotel_booking.bench.measuring import Target
from hotel_booking.bench.mixed import new_key
from hotel_booking.bench.requests import Sender, get
from hotel_booking.bench.search import database, hold
from hotel_booking.bench.servers import Server
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.service.sessions import start
from hotel_booking.domains.bookings.reference import new_reference
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http import cookies

PART = "growth"
_SIZES = (100_000, 1_000_000, 5_000_000)
_QUICK_SIZES = (1_000, 3_000)
_MOST = 1.1
_PAGE_MS = 300.0
_LOOKED_AT = 5_000
_MADE = 200  # holds, as guests make them, that the rest are copies of
_PAGES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("bookings", "/admin/bookings", {}),
    ("bookings of a name", "/admin/bookings", {"q": "silva"}),
    ("bookings held", "/admin/bookings", {"status": "held"}),
    ("today", "/admin/today", {"property": slug(7)}),
)


def measure(context: Context) -> Iterator[Figure]:
    """At each size, one after the other: the table only grows."""
    url, catalogue = database(context, context.sizes[0])
    session = _signed_in(url)
    key = new_key(url)
    firsts: dict[str, float] = {}
    with context.server("ours", url, HOTEL_MFA_REQUIRED="false") as server:
        hold(context, server, catalogue, _MADE)
        for size in _QUICK_SIZES if context.session.quick else _SIZES:
            context.session.say(f"{PART}: {size:,} bookings")
            _grow(url, size)
            targets = list(_targets(context, server, catalogue, url, key, size))
            pages = [_page(server, name, path, query, session, size) for name, path, query in _PAGES]
            for figure in context.session.measure(PART, [constant(server), *targets, *pages])[1:]:
                yield figure
                name = figure.name.partition(",")[0]
                if (cost := figure.cost()) is not None:
                    if name in firsts:
                        beside = f"{name}: its cost at {size:,} beside the first"
                        yield grown(PART, beside, cost / firsts[name], most=_MOST)
                    firsts.setdefault(name, cost)


def _targets(
    context: Context, server: Server, catalogue: Catalogue, url: str, key: str, size: int
) -> Iterator[Target]:
    seed = context.session.seed + size
    count = 500 if context.session.quick else 20_000
    yield Target(
        name=f"a quote and its hold, {size:,} bookings",
        server=server,
        requests=draws.many(count, seed, partial(draws.reserve, catalogue=catalogue)),
        check=_held,
        limit=OURS,
    )
    references = _referenced(url)
    sender = Sender(key=key)
    yield Target(
        name=f"a look at a booking, {size:,} bookings",
        server=server,
        requests=[get("look", f"/api/v1/bookings/{reference}", sender=sender) for reference in references],
        check=_looked,
        limit=OURS,
    )


def _referenced(url: str) -> list[str]:
    """References of bookings from all over the table; copies are given ones that can be typed."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = 'replica'")
        rows = connection.execute(
            "SELECT id FROM booking WHERE status = 'checked_out' ORDER BY md5(id::text) LIMIT %s",
            (_LOOKED_AT,),
        ).fetchall()
        references = [new_reference() for _ in rows]
        connection.execute(
            "UPDATE booking SET reference = u.reference"
            "  FROM unnest(%s::uuid[], %s::text[]) AS u (id, reference) WHERE booking.id = u.id",
            ([row[0] for row in rows], references),
        )
    return references


def _page(server: Server, name: str, path: str, query: dict[str, str], session: str, size: int) -> Target:
    asked = get("page", path, query, sender=Sender(cookie=f"{cookies.STAFF}={session}"))
    return Target(
        name=f"panel: {name}, {size:,} bookings",
        server=server,
        requests=[asked],
        check=_shown,
        connections=1,
        p99_below_ms=_PAGE_MS,
    )


def _held(_request: Request, status: int, body: bytes) -> str | None:
    return None if status == 201 else f"status {status}: {body[:200]!r}"


def _looked(_request: Request, status: int, body: bytes) -> str | None:
    if status != 200:
        return f"status {status}: {body[:200]!r}"
    found = msgspec.json.decode(body, type=BookingAnswer, strict=False)
    return None if found.reservations else f"{found.reference} has no room"


def _shown(_request: Request, status: int, body: bytes) -> str | None:
    return None if status == 200 and body.rstrip().endswith(b"</html>") else f"status {status}"


def _signed_in(url: str) -> str:
    """The session of an owner of the group."""

    async def begin() -> str:
        async with Database.open(url, size=1) as database, database.transaction() as tx:
            owner = await tx.fetchval(
                "INSERT INTO staff (email, name, created_at) VALUES ($1, 'Bench', $2) RETURNING id",
                f"bench-{random.getrandbits(32)}@example.com",  # a name
                utc_now(),
            )
            await tx.execute(
                "INSERT INTO staff_grant (staff_id, role) VALUES ($1, $2)", owner, Role.OWNER.value
            )
            visitor = Visitor("127.0.0.1", "127.0.0.1", "bench")
            return await start(tx, STAFF, owner_id=owner, visitor=visitor, now=utc_now())

    return asyncio.run(begin())


def _grow(url: str, size: int) -> None:
    """Copies of bookings that were made, of guests of the last two years, until there are so many."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = 'replica'")
        connection.execute("SET synchronous_commit = off")
        row = connection.execute("SELECT count(*) FROM booking").fetchone()
        there = int(row[0]) if row else 0
        for statement in _GROW.split(";"):
            numbered = statement.replace(":first", str(there + 1)).replace(":last", str(size))
            connection.execute(numbered.encode())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


# The made ones are numbered, and each copy is of one of them: rooms, prices and terms fit each other. How
# many there are is asked apart, or the join could not be by hash, and would take an hour.
_GROW = """
CREATE TEMP TABLE made ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY b.created_at, b.id) - 1 AS number, b.id AS booking
  FROM booking b WHERE b.status = 'held' AND EXISTS (SELECT FROM booking_entry e WHERE e.booking_id = b.id);
CREATE TEMP TABLE copy ON COMMIT DROP AS
SELECT i, md5('b' || i)::uuid AS id, md5('g' || i)::uuid AS guest, made.booking AS of,
       now() - interval '90 days' - (i % 700) * interval '1 day' AS at,
       now()::date - 80 - (i % 700)::int AS arrival
  FROM generate_series(:first, :last) AS i JOIN made ON made.number = i % (SELECT count(*) FROM made);
INSERT INTO guest (id, given_name, family_name, email, country, created_at)
SELECT guest, 'Given' || i % 500, 'Family' || i % 5000, 'guest' || i % 60000 || '@example.org', 'PT', at
  FROM copy;
INSERT INTO booking (id, reference, property_id, guest_id, status, currency, total, due_now, access_hash,
                     created_at, hold_expires_at)
SELECT c.id, 'COPY-' || c.i, b.property_id, c.guest, 'checked_out', b.currency, b.total, b.due_now,
       sha256(c.id::text::bytea), c.at, c.at + interval '15 minutes'
  FROM copy c JOIN booking b ON b.id = c.of;
INSERT INTO reservation (id, booking_id, position, room_type_id, rate_plan_id, arrival, departure, taken,
                         status, adults, children, terms_id, night_prices, net, tax, total)
SELECT md5('r' || c.i || '-' || r.position)::uuid, c.id, r.position, r.room_type_id, r.rate_plan_id,
       c.arrival, c.arrival + (r.departure - r.arrival),
       daterange(c.arrival, c.arrival + (r.departure - r.arrival)), 'checked_out', r.adults, r.children,
       r.terms_id, r.night_prices, r.net, r.tax, r.total
  FROM copy c JOIN reservation r ON r.booking_id = c.of;
INSERT INTO booking_entry (booking_id, property_id, status, arrival, departure, created_at, total, paid)
SELECT c.id, b.property_id, 'checked_out', c.arrival, c.arrival + 2, c.at, b.total, b.total
  FROM copy c JOIN booking b ON b.id = c.of;
INSERT INTO booking_words (booking_id, words)
SELECT id, array_to_tsvector(ARRAY['given' || i % 500, 'family' || i % 5000]) FROM copy
"""
