"""Part 5, mixed workloads: DeathStarBench's hotelReservation, and one that books a lot; closed and open loop.

Its operations as ours: a search is a search around a point, dated and priced in full; a recommendation by
distance, rate or price is a search of the same city in that order (stars for rate), also dated and priced,
which its own is not; signing in is a call that an API key is checked for; reserving is a quote and its hold.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, timedelta

from msgspec.structs import replace

from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue, catalogue_of, fill
from hotel_booking.bench.checks import CountingCheck
from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure
from hotel_booking.bench.floor import OURS, constant
from hotel_booking.bench.generator import Request
from hotel_booking.bench.measuring import RoundResult, Target, figure_of, percentile
from hotel_booking.bench.requests import Sender, get
from hotel_booking.bench.servers import Server
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.service import create_key
from hotel_booking.domains.identity.types import Scope

PART = "mixed"
HOTELS = 80
# Shares of 1,000 operations: search, recommend, sign in, reserve.
HOTEL_RESERVATION = (600, 390, 5, 5)
WRITE_HEAVY = (480, 312, 8, 200)
# Its own services, in Go, on two cores: operations a second by connections.
_THEIRS = {16: 360, 64: 458}
_TIMES = 10
_RATES = (500, 1_000, 2_000, 3_000)
_P99_MS = 50.0
_OPEN_CONNECTIONS = 256
_SORTS = ("distance", "stars", "price")


class _CheckedMix(CountingCheck):
    """Checks each operation as what it is."""

    def __call__(self, request: Request, status: int, body: bytes) -> str | None:
        if request.kind in ("search", "recommend"):
            return super().__call__(request, status, body)
        wanted = 201 if request.kind == "reserve" else 200
        return None if status == wanted else f"{request.kind}: status {status}: {body[:200]!r}"


def measure(context: Context) -> Iterator[Figure]:
    """Closed loop by connections and processes, then open loop at fixed rates, then the write-heavy mix."""
    catalogue = catalogue_of(HOTELS, utc_now().date(), each=HOTELS)
    url = context.database("mixed", lambda url: fill(url, catalogue))
    key = new_key(url)
    count = 1_000 if context.session.quick else 20_000
    mix, heavy = (
        _mixed(count, context.session.seed, catalogue, shares, key)
        for shares in (HOTEL_RESERVATION, WRITE_HEAVY)
    )
    with ExitStack() as stack:
        servers = {
            processes: stack.enter_context(context.server("ours", url, HOTEL_WORKERS=str(processes)))
            for processes in (1, 2)
        }
        closed = [
            _target(
                server, f"hotelReservation, {connections} connections, {_said(processes)}", mix, connections
            )
            for processes, server in servers.items()
            for connections in (16, 64)
        ]
        closed += [
            _target(server, f"a fifth bookings, 16 connections, {_said(processes)}", heavy, 16)
            for processes, server in servers.items()
        ]
        yield from _in_turns(context, servers[1], closed)
        yield from _open(context, servers[2], mix)


def _open(context: Context, server: Server, mix: list[Request]) -> Iterator[Figure]:
    """At each rate, on two processes, whether it can be kept up with or not."""
    targets = [
        replace(
            _target(server, f"hotelReservation at {rate:,}/s, 2 processes", mix, _OPEN_CONNECTIONS),
            rate=float(rate),
            limit=None,
            p99_below_ms=_P99_MS if rate == _RATES[-1] else None,
        )
        for rate in (_RATES[:1] if context.session.quick else _RATES)
    ]
    yield from _in_turns(context, server, targets)


def _in_turns(context: Context, first: Server, targets: Sequence[Target]) -> Iterator[Figure]:
    session = context.session
    everything = [constant(first), *targets]
    found: dict[str, list[RoundResult]] = {target.name: [] for target in everything}
    for number in range(session.rounds):
        for target in everything if number % 2 == 0 else everything[::-1]:
            session.say(f"{PART}: {target.name}, round {number + 1} of {session.rounds}")
            found[target.name].append(session.once(target))
    limits = [(round_.rate, round_.cpu_us()) for round_ in found[OURS]]
    for target in targets:
        mine = found[target.name]
        figure = figure_of(PART, target, mine, limits if target.limit else [])
        yield _with_theirs(figure, target, _kinds(mine))


def _with_theirs(figure: Figure, target: Target, note: str) -> Figure:
    """With what DeathStarBench's own services do, where that was measured."""
    note = "; ".join(filter(None, (note, figure.note)))
    theirs = _THEIRS.get(target.connections) if target.name.startswith("hotelReservation, ") else None
    if theirs is None or figure.rate is None:
        return replace(figure, answers=target.server.answers, note=note)
    times = figure.rate.median / theirs
    return replace(
        figure,
        answers=target.server.answers,
        goal=f"{_TIMES} times {theirs}/s",
        met=times >= _TIMES,
        note=f"{times:.2g} times its own services on two cores ({theirs}/s); {note}",
    )


def _kinds(mine: Sequence[RoundResult]) -> str:
    """Each operation's latencies."""
    names = {name for round_ in mine for name in round_.outcome.latencies}
    parts = []
    for name in ("search", "recommend", "sign-in", "reserve"):
        if name in names:
            middle, slow = (percentile(mine, share, name) for share in (0.5, 0.99))
            if middle is not None and slow is not None:
                parts.append(f"{name} {middle.median:.3g} / {slow.median:.3g}")
    return f"p50 / p99 ms: {', '.join(parts)}"


def _target(server: Server, name: str, requests: list[Request], connections: int) -> Target:
    return Target(
        name=name, server=server, requests=requests, check=_CheckedMix(), connections=connections, limit=OURS
    )


def _said(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def new_key(url: str) -> str:
    """The secret of a fresh API key that may do everything."""
    return asyncio.run(_key(url))


async def _key(url: str) -> str:
    async with Database.open(url, size=1) as database, database.transaction() as tx:
        return (await create_key(tx, name="bench", scopes=[Scope.ALL], now=utc_now())).secret


def _mixed(
    count: int, seed: int, catalogue: Catalogue, shares: tuple[int, int, int, int], key: str
) -> list[Request]:
    rng = random.Random(seed)  # noqa: S311  # draws of a bench
    april = _april(catalogue.first)
    kinds = rng.choices(("search", "recommend", "sign-in", "reserve"), shares, k=count)
    return [_operation(rng, kind, catalogue, april, key) for kind in kinds]


def _operation(rng: random.Random, kind: str, catalogue: Catalogue, april: date, key: str) -> Request:
    match kind:
        case "sign-in":
            return get(kind, "/api/v1/keys", {"limit": 1}, sender=Sender(key=key))
        case "reserve":
            return draws.reserve(rng, catalogue, dates=_dates(rng, april))
        case _:
            sort = "price" if kind == "search" else rng.choice(_SORTS)
            city = catalogue.towns[0]
            query: dict[str, object] = {
                "lat": round(city.lat + rng.uniform(-0.08, 0.08), 5),
                "lon": round(city.lon + rng.uniform(-0.08, 0.08), 5),
                "radius_km": 10,
                "adults": rng.randint(1, 2),
                "sort": sort,
                "limit": 5,
                **_dates(rng, april),
            }
            return get(kind, "/api/v1/search", query)


def _april(first: date) -> date:
    """The next 9 April that is still to come."""
    this = date(first.year, 4, 9)
    return this if this > first + timedelta(days=2) else date(first.year + 1, 4, 9)


def _dates(rng: random.Random, april: date) -> dict[str, object]:
    """One to five nights between 9 and 24 April."""
    nights = rng.randint(1, 5)
    arrival = april + timedelta(days=rng.randint(0, 15 - nights))
    return {"arrival": arrival, "departure": arrival + timedelta(days=nights)}
