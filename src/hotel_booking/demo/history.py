"""Years of stays that are over, by the million: what a large chain's database is full of.

Prices are computed once for each kind of stay (room type, plan, length, party, month) and property; the stays
themselves are drawn inside PostgreSQL, room by room one after the other, so no room and no night is ever sold
twice, nothing is sent over the wire, and memory stays flat. Constraints and indexes of the tables that grow
are made again afterwards, which is several times faster than keeping them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from hotel_booking.core.db import Transaction
from hotel_booking.demo import guests, seasons
from hotel_booking.demo.book import (
    LENGTHS,
    TermsOf,
    choose_plan,
    party_for,
)
from hotel_booking.demo.countries import pleasant
from hotel_booking.demo.draws import draws
from hotel_booking.demo.property import Property
from hotel_booking.domains.bookings.types import SaleTerms
from hotel_booking.domains.rates.cancellation import due_now, fee_amount, fee_at
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import NightPrice

DAYS = 3 * 365
# The nights before today that the loader's own books cover.
RECENT = 8
# Of a hundred bookings, how many were cancelled; the rest took rooms.
_CANCELLED = 7
_VARIANTS = 2
# Guests who cancelled did so at least this many days before: for all policies, before the first deadline.
_CANCELLED_BEFORE = 10
_GROWING = (
    "guest", "booking", "reservation", "payment", "refund", "ledger_entry", "room_use", "booking_entry",
    "booking_words",
)  # fmt: skip
_PRICE_COLUMNS = (
    "period", "kind", "nights", "variant", "plan_id", "advance", "adults", "children", "terms_id", "price",
    "net", "tax", "total", "due", "cancel_fee", "no_show_fee",
)  # fmt: skip

PriceRow = tuple[Any, ...]
TermsLoader = Callable[[Property, dict[UUID, object]], Awaitable[TermsOf]]


async def write_history(
    tx: Transaction,
    chain: Sequence[Property],
    *,
    bookings: int,
    today: date,
    seed: int,
    terms: TermsLoader,
    known_terms: set[UUID],
    progress: Callable[[str, float], None],
) -> None:
    """Add about `bookings` bookings whose stays ended before `today`.

    Only a superuser can do it: foreign keys and triggers rest meanwhile, and what triggers would have written
    is written here.

    `progress` is told what is going on, with the share from 0.1 to 0.95 of all the loading.
    """
    until = today - timedelta(days=RECENT)
    first = until - timedelta(days=DAYS)
    # Hashing suits all of what follows.
    for setting in (
        "session_replication_role = replica",
        "jit = off",
        "work_mem = '128MB'",
        "maintenance_work_mem = '512MB'",
    ):
        await tx.execute(f"SET LOCAL {setting}")
    await tx.execute("SELECT setseed($1)", draws(seed, "history").random())
    await tx.execute(_sql("tables"))
    await tx.copy("history_name", ("kind", "position", "name"), _names())
    await tx.execute("ANALYZE pg_temp.history_name")
    restore = await _drop_indexes(tx)
    gaps = _plan_gaps(chain, bookings)
    bodies: dict[UUID, object] = {}
    terms_of = await terms(chain[0], bodies)
    rows = await asyncio.to_thread(_prices, chain[0], first, until, seed, terms_of)
    for number, property_ in enumerate(chain):
        new = {key: body for key, body in bodies.items() if key not in known_terms}
        known_terms.update(new)
        await tx.copy("sale_terms", ("id", "body"), new.items())
        following = chain[number + 1] if number + 1 < len(chain) else None
        bodies = {}
        if following is None:
            await _write_property(tx, property_, rows, first, until, gaps)
        else:
            terms_of = await terms(following, bodies)
            # One core prices the next property while the other writes this one.
            _, rows = await asyncio.gather(
                _write_property(tx, property_, rows, first, until, gaps),
                asyncio.to_thread(_prices, following, first, until, seed, terms_of),
            )
        progress("years of bookings", 0.1 + 0.65 * (number + 1) / len(chain))
    for number, statement in enumerate(restore):
        progress("indexes", 0.75 + 0.2 * number / len(restore))
        await tx.execute(statement)
    await tx.execute("SET LOCAL session_replication_role = origin")


async def _write_property(
    tx: Transaction,
    property_: Property,
    rows: Sequence[PriceRow],
    first: date,
    until: date,
    gaps: tuple[int, float],
) -> None:
    await tx.execute("TRUNCATE pg_temp.history_price, pg_temp.history_stay")
    await tx.copy("history_price", _PRICE_COLUMNS, rows)
    await tx.execute("ANALYZE pg_temp.history_price")
    lengths, given = _lengths(property_), len(guests.GIVEN)
    await tx.execute(
        _sql("stays"),
        property_.id,
        first,
        until,
        lengths,
        gaps[0],
        math.ceil(2 * DAYS / (2 * min(lengths) + gaps[0] - 1)),
        sorted(_boundaries(property_)),
        _periods(property_, first, until),
        _VARIANTS,
        given,
        len(guests.many_families()),
        gaps[1],
    )
    await tx.execute(_sql("cancelled"), _CANCELLED / (100 - _CANCELLED), _CANCELLED_BEFORE, given)
    await tx.execute("ANALYZE pg_temp.history_stay")
    await tx.execute(_sql("guest"), len(guests.COUNTRIES))
    await tx.execute(_sql("booking"), property_.id, property_.currency, len(guests.REQUESTS))
    await tx.execute(_sql("reservation"))
    await tx.execute(_sql("payment"), property_.currency)
    await tx.execute(_sql("refund"))
    await tx.execute(_sql("ledger"), property_.currency)
    await tx.execute(_sql("room_use"))
    await tx.execute(_sql("entry"), property_.id)
    await tx.execute(_sql("words"))
    await tx.execute(_sql("room_night"), property_.id, first, until)


@cache
def _sql(name: str) -> str:
    """One statement of history.sql, by the name above it."""
    text = files(__package__).joinpath("history.sql").read_text()
    for part in text.split("-- @")[1:]:
        title, _, body = part.partition("\n")
        if title.strip() == name:
            return body.strip().removesuffix(";")
    raise KeyError(name)


def _names() -> Iterator[tuple[str, int, str]]:
    for kind, names in (
        ("given", guests.GIVEN),
        ("family", guests.many_families()),
        ("country", guests.COUNTRIES),
        ("request", guests.REQUESTS),
    ):
        for position, name in enumerate(names):
            yield kind, position, name


def _plan_gaps(chain: Sequence[Property], bookings: int) -> tuple[int, float]:
    """Free nights between two stays of a room are drawn from 0 up to, but not, the first number: the most
    that still give enough bookings. The second is the share of the stays that are kept."""
    wanted = bookings * (100 - _CANCELLED) / 100

    def expected(gaps: int) -> float:
        return sum(
            # Of the last stay of a room, half lies beyond the end.
            property_.outline.rooms * (DAYS / (_mean(property_) + (gaps - 1) / 2) - 0.5)
            for property_ in chain
        )

    gaps = 1
    while gaps < 2 * DAYS and expected(gaps + 1) >= wanted:
        gaps += 1
    return gaps, min(1.0, wanted / expected(gaps))


def _mean(property_: Property) -> float:
    lengths = _lengths(property_)
    return sum(lengths) / len(lengths)


def _lengths(property_: Property) -> list[int]:
    return [nights + (2 if property_.character.week == "resort" else 0) for nights in LENGTHS]


def _boundaries(property_: Property) -> set[date]:
    """Days on which a tax of the property changes: a price holds on one side of them."""
    return {day for tax in property_.taxes for day in (tax.valid_from, tax.valid_to) if day is not None}


def _periods(property_: Property, first: date, until: date) -> list[date]:
    """The first days of the periods within which a stay of one kind costs the same: months, cut where taxes
    change."""
    starts = {first, *(day for day in _boundaries(property_) if first < day < until)}
    month = first.replace(day=1)
    while month < until:
        starts.add(max(month, first))
        month = (month + timedelta(days=32)).replace(day=1)
    return sorted(starts)


def _prices(property_: Property, first: date, until: date, seed: int, terms_of: TermsOf) -> list[PriceRow]:
    rng = draws(seed, property_.outline.slug, "history")
    rows: list[PriceRow] = []
    for period, start in enumerate(_periods(property_, first, until), start=1):
        season = seasons.season_of(property_.outline.season, start.replace(day=15))
        for kind in property_.room_types:
            amount = pleasant(kind.level * season * rng.randrange(97, 104) // 10_000, property_.currency)
            for nights in sorted(set(_lengths(property_))):
                for variant in range(_VARIANTS):
                    plan = choose_plan(rng, property_, nights, 30)
                    terms_id, terms = terms_of(kind, plan)
                    party = party_for(rng, property_, kind)
                    rows.append(
                        (
                            period, kind.id, nights, variant, plan.id, plan.min_advance_days or 0,
                            party.adults, list(party.children), terms_id, amount,
                            *_priced(property_, terms, start, nights, amount, party),
                        )
                    )  # fmt: skip
    return rows


def _priced(
    property_: Property, terms: SaleTerms, start: date, nights: int, amount: int, party: Any
) -> tuple[int, int, int, int, int, int]:
    """Net, tax, total, what was due at once, and the fees for cancelling in time and for not coming."""
    whole = price(terms.rules, [NightPrice(start + timedelta(days=i), amount) for i in range(nights)], party)
    shares = night_totals(whole)
    cancel_fee = fee_at(
        terms.policy,
        arrival=start,
        timezone=property_.city.timezone,
        total=whole.total,
        night_totals=shares,
        at=datetime.combine(start - timedelta(days=_CANCELLED_BEFORE), time(), UTC),
        currency=whole.currency,
    )
    return (
        whole.net,
        whole.tax,
        whole.total,
        due_now(terms.deposit, whole.total, shares, currency=whole.currency),
        cancel_fee,
        fee_amount(terms.policy.no_show, total=whole.total, night_totals=shares, currency=whole.currency),
    )


async def _drop_indexes(tx: Transaction) -> list[str]:
    """Drop what would have to be kept in order row by row; the statements that make it again."""
    restore = []
    # A primary key that others refer to stays.
    for row in await tx.fetch(
        "SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS body"
        "  FROM pg_constraint c WHERE conrelid = ANY ($1::regclass[])"
        "   AND (contype IN ('u', 'x') OR (contype = 'p' AND NOT EXISTS"
        "        (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.conrelid)))",
        list(_GROWING),
    ):
        await tx.execute(f'ALTER TABLE {row["owner"]} DROP CONSTRAINT "{row["name"]}"')
        restore.append(f'ALTER TABLE {row["owner"]} ADD CONSTRAINT "{row["name"]}" {row["body"]}')
    for row in await tx.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS body FROM pg_index"
        " WHERE indrelid = ANY ($1::regclass[]) AND NOT indisprimary",
        list(_GROWING),
    ):
        await tx.execute(f"DROP INDEX {row['name']}")
        restore.append(row["body"])
    return restore
