"""Loads the whole chain in one transaction: a process killed half-way leaves an empty database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar
from uuid import UUID

import asyncpg

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.demo import inventory, pages, rates
from hotel_booking.demo.book import Bookkeeper, TermsOf
from hotel_booking.demo.building import Builder
from hotel_booking.demo.content import further_outlines, outlines
from hotel_booking.demo.countries import world
from hotel_booking.demo.history import write_history
from hotel_booking.demo.inventory import Shelf
from hotel_booking.demo.property import (
    City,
    Outline,
    Period,
    Plan,
    Property,
    RoomType,
)
from hotel_booking.demo.rates import Sheet
from hotel_booking.demo.writing import write_book, write_properties
from hotel_booking.domains.bookings.pricing import terms_key
from hotel_booking.domains.bookings.service.quote import sale_terms
from hotel_booking.domains.bookings.types import SaleTerms
from hotel_booking.domains.properties import group_pages
from hotel_booking.domains.properties.place_data import load_places, places_are_loaded, read_places
from hotel_booking.domains.rates.queries import load_catalogue

PROPERTIES = 52  # as many as are written by hand
NIGHTS = 540  # on sale, from yesterday on
# Nights before yesterday that those who stay and those who just left have slept.
_HISTORY = 14

Progress = Callable[[str, float], None]
_Item = TypeVar("_Item")


class NotEmpty(Conflict):
    """The database has hotels already. Nothing was changed."""

    code = "not_empty"


async def load(
    database_url: str,
    *,
    seed: int,
    progress: Progress,
    properties: int = PROPERTIES,
    bookings: int | None = None,
    today: date | None = None,
) -> None:
    """Fill an empty, migrated database with the chain: all of it, or nothing.

    The same seed, number of properties and `today` (default: the date in UTC) give the same data.
    With `bookings` there are years of history, so many bookings in all, and only a superuser can load them;
    their ids are drawn anew each time. `progress` is told what is done, with the share of the whole from 0 to
    1. Raises `NotEmpty`.
    """
    now = utc_now() if today is None else datetime.combine(today, datetime.min.time(), UTC)
    today = now.date()
    period = Period(today, now, today - timedelta(days=1 + _HISTORY), NIGHTS + _HISTORY)
    # A long history is nearly all of the work.
    steps = _Steps(progress, part=1.0 if bookings is None else 0.1)
    async with (
        Database.open(database_url, size=1, statement_timeout_ms=0) as db,
        db.transaction() as tx,
    ):
        if await tx.fetchval("SELECT EXISTS (SELECT FROM property)"):
            raise NotEmpty("the database has hotels already", fix="load the demo into a fresh database")
        await _triggers(tx, on=False)
        chain = await _load_hotels(tx, properties, seed, now, steps)
        known_terms: set[UUID] = set()
        stocked = await _load_bookings(tx, chain, period, seed, known_terms, steps)
        await _load_nights(tx, stocked, steps)
        if bookings is not None:
            steps = _Steps(progress)
            await write_history(
                tx,
                chain,
                bookings=bookings - await tx.fetchval("SELECT count(*) FROM booking"),
                today=today,
                seed=seed,
                terms=partial(_terms, tx),
                known_terms=known_terms,
                progress=steps.at,
            )
            steps.done("history", 0.95)
        await _books(tx, many=bookings is not None)
        await _triggers(tx, on=True)
        await _announce(tx)
    steps.done("saving", 1.0 if bookings is None else 0.97)
    if bookings is not None:
        await _vacuum(database_url)
        steps.done("tidying up", 1.0)


async def _load_hotels(
    tx: Transaction, properties: int, seed: int, now: datetime, steps: _Steps
) -> Sequence[Property]:
    if not await places_are_loaded(tx):
        await load_places(tx, read_places())
    steps.done("cities", 0.2)
    chain = await _chain(tx, properties, seed)
    await write_properties(tx, chain)
    await tx.copy(
        "exchange_rate",
        ("currency", "per_euro", "as_of", "updated_at"),
        ((code, one.per_euro, world().rates_as_of, now) for code, one in world().currency.items()),
    )
    await group_pages.load(tx, pages.texts(), now=now)
    steps.done(f"{len(chain)} hotels", 0.25)
    return chain


async def _load_bookings(
    tx: Transaction,
    chain: Sequence[Property],
    period: Period,
    seed: int,
    known_terms: set[UUID],
    steps: _Steps,
) -> list[tuple[Shelf, Sheet]]:
    """The bookings of the time around today; of each hotel what they leave free, and its prices."""
    stocked: list[tuple[Shelf, Sheet]] = []
    for number, property_ in enumerate(chain, start=1):
        sheet = Sheet(property_, period, seed)
        stocked.append((await _load_book(tx, sheet, period, seed, known_terms), sheet))
        steps.at("bookings", 0.25 + 0.2 * number / len(chain))
    await tx.execute("SELECT booking_entries_fill()")
    steps.done("bookings", 0.45)
    return stocked


async def _load_nights(tx: Transaction, stocked: Sequence[tuple[Shelf, Sheet]], steps: _Steps) -> None:
    nights = _with_steps(stocked, steps, "rooms", 0.45, 0.65)
    rooms = (row for shelf, sheet in nights for row in inventory.rows(shelf, sheet))
    await tx.copy("room_night", inventory.COLUMNS, rooms)
    steps.done("rooms", 0.65)
    priced = _with_steps(stocked, steps, "prices", 0.65, 0.9)
    await tx.copy("rate_night", rates.COLUMNS, (row for _, sheet in priced for row in rates.rows(sheet)))
    steps.done("prices", 0.9)


async def _announce(tx: Transaction) -> None:
    """Tell who reads what triggers write: the audit log, the search index; and PostgreSQL's planner."""
    await tx.execute("SELECT audit_write('insert', 'demo data', '', NULL, NULL, NULL, NULL)")
    await tx.execute("INSERT INTO search_change (what) VALUES ('all')")
    await tx.execute(
        "ANALYZE property, room_type, room, room_night, rate_night, rate_plan, room_use, booking,"
        " reservation, guest, payment, refund, ledger_entry, ledger_charge, sandbox_payment,"
        " booking_entry, booking_words"
    )


async def _books(tx: Transaction, *, many: bool) -> None:
    """What the sales owe in the ledger, and the payments in the sandbox's own books."""
    if many:  # as for the years of bookings: what refers to what is known to be there
        await tx.execute("SET LOCAL session_replication_role = replica")
    await tx.execute("SELECT ledger_charges_fill()")
    await tx.execute(
        "INSERT INTO sandbox_payment (id, status, amount, currency, captured, refunded, token, created_at)"
        " SELECT p.id, 'captured', p.amount, p.currency, p.amount, coalesce(r.amount, 0), 'tok_success',"
        "        p.created_at"
        "   FROM payment p"
        "   LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM refund GROUP BY payment_id) AS r"
        "     ON r.payment_id = p.id WHERE p.gateway = 'sandbox'"
    )
    await tx.execute(
        "INSERT INTO sandbox_refund (id, payment_id, amount) SELECT id, payment_id, amount FROM refund"
    )
    if many:
        await tx.execute("SET LOCAL session_replication_role = origin")


async def _triggers(tx: Transaction, *, on: bool) -> None:
    """Made-up lives are not changes that somebody made: for the audit log and the search index, the loading
    is one entry. The listing that staff search is written at once. Only the owner of the tables can do this,
    and they are locked until it is over."""
    triggers = await tx.fetch(
        "SELECT tgrelid::regclass::text AS table, tgname AS name FROM pg_trigger"
        " WHERE tgname ~ '^(audit|listed|search)' ORDER BY 1, 2"
    )
    for row in triggers:
        await tx.execute(f"ALTER TABLE {row['table']} {'ENABLE' if on else 'DISABLE'} TRIGGER {row['name']}")


async def _vacuum(database_url: str) -> None:
    """What autovacuum would do for minutes in the background, at once."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("VACUUM")
    finally:
        await connection.close()


class _Steps:
    """Tells progress what is going on, and at the end of a step how long it took."""

    def __init__(self, progress: Progress, part: float = 1.0) -> None:
        self._progress = progress
        self._part = part
        self._since = time.monotonic()

    def at(self, what: str, share: float) -> None:
        self._progress(what, share * self._part)

    def done(self, what: str, share: float) -> None:
        now = time.monotonic()
        self._progress(f"{what} ({now - self._since:.1f} s)", share * self._part)
        self._since = now


def _with_steps(
    items: Sequence[_Item], steps: _Steps, what: str, start: float, end: float
) -> Iterator[_Item]:
    for number, item in enumerate(items):
        steps.at(what, start + (end - start) * number / len(items))
        yield item


async def _chain(tx: Transaction, properties: int, seed: int) -> list[Property]:
    """The written properties, and composed ones where more are asked for."""
    chosen: list[Outline] = outlines()[:properties]
    more = properties - len(chosen)
    cities = {city.id: city for city in await _cities(tx, [outline.place for outline in chosen], more)}
    if more > 0:
        written = {outline.place for outline in chosen}
        free = [city for city in cities.values() if city.id not in written]
        taken = {outline.slug for outline in chosen}
        chosen += islice(further_outlines(free, seed=seed, taken=taken), more)
    builder = Builder(seed)
    return [builder.build(outline, cities[outline.place]) for outline in chosen]


async def _cities(tx: Transaction, ids: Sequence[int], more: int) -> list[City]:
    """The named cities, and the `more` largest others in countries that the chain knows."""
    rows = await tx.fetch(
        "SELECT id, name, country, lat, lon, timezone FROM place WHERE id = ANY ($1)"
        " UNION ALL (SELECT id, name, country, lat, lon, timezone FROM place"
        "  WHERE kind = 'city' AND country = ANY ($2) AND id <> ALL ($1)"
        "  ORDER BY population DESC, id LIMIT $3)",
        list(ids),
        list(world().country),
        max(more, 0),
    )
    return [City(**dict(row)) for row in rows]


async def _load_book(
    tx: Transaction, sheet: Sheet, period: Period, seed: int, known_terms: set[UUID]
) -> Shelf:
    """Draw and write one property's bookings. Returns what they leave on the shelf.

    Terms are stored by their hash, and two properties may sell on the same; `known_terms` grows.
    """
    property_ = sheet.property
    shelf = Shelf(property_, period, seed)
    keeper = Bookkeeper(property_, shelf, sheet, period, seed)
    bodies: dict[UUID, object] = {}
    bookings = list(keeper.bookings(await _terms(tx, property_, bodies)))
    new = {key: body for key, body in bodies.items() if key not in known_terms}
    known_terms.update(new)
    await write_book(tx, property_, bookings, new.items(), shelf)
    return shelf


async def _terms(tx: Transaction, property_: Property, bodies: dict[UUID, object]) -> TermsOf:
    """What sales are made on, read back from the database as a real sale would; bodies are collected."""
    catalogue = await load_catalogue(tx, property_.outline.slug)
    known: dict[tuple[int, int], tuple[UUID, SaleTerms]] = {}

    def terms_of(kind: RoomType, plan: Plan) -> tuple[UUID, SaleTerms]:
        found = known.get((kind.id, plan.id))
        if found is None:
            terms = sale_terms(catalogue, kind.outline.code, plan.code)
            key, body = terms_key(terms)
            bodies[key] = body
            found = known[kind.id, plan.id] = key, terms
        return found

    return terms_of
