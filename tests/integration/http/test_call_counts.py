"""What each call costs, in numbers that no busy machine changes: statements to the database, rows that they
read, bytes of the answer, memory while it is made. They stand in call_counts.toml; a change that makes a call
dearer has to change the table, for everybody to see, and so has one that makes it much cheaper.

`HOTEL_WRITE_COUNTS=1 .venv/bin/pytest tests/integration/http/test_call_counts.py` writes the table anew.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tomllib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from msgspec import structs

from hotel_booking.app import Application
from hotel_booking.bench.catalogue import catalogue_of, fill, slug
from hotel_booking.core import connections
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import running, settings_for
from tests.databases import copied, migrated, template

TABLE = Path(__file__).with_name("call_counts.toml")
WRITES = "HOTEL_WRITE_COUNTS"
HEAD = """# What each call costs: statements (one round trip each; BEGIN and COMMIT too), rows that they read
# (of tables, or entries of indexes), bytes of the answer's body, kilobytes at the peak while it is made.
# HOTEL_WRITE_COUNTS=1 .venv/bin/pytest tests/integration/http/test_call_counts.py writes it anew.
"""
# What may differ without a change of ours: PostgreSQL's version and plans, dates in words, Python's version.
SLACK = {"statements": (1.0, 0), "rows": (1.3, 30), "bytes": (1.1, 200), "peak_kb": (2.0, 400)}
HOTELS, NIGHTS = 30, 90
POOL = 2
DAY = (utc_now() + timedelta(days=30)).date()
STAY = {"arrival": str(DAY), "departure": str(DAY + timedelta(days=3)), "adults": 2}
GUEST = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com"}


class Counts(msgspec.Struct, frozen=True):
    """Of one call."""

    statements: int
    rows: int
    bytes: int
    peak_kb: int


COUNTED: ContextVar[bool] = ContextVar("counted", default=False)


class Statements:
    """How many there were since they were last set to none, of what is counted: tasks of the application that
    run besides are not."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, query: Any) -> None:
        # What asyncpg asks of a type once a connection: which one a call gets is not the call's cost.
        if not any(mark in query.query for mark in ("typeinfo_tree", "current_setting('jit')")):
            self.count += COUNTED.get()


class Meter:
    """Counts what happens between two looks."""

    def __init__(self, app: Application, url: str, statements: Statements) -> None:
        self.app, self.url, self.statements = app, url, statements

    async def rows(self, watch: asyncpg.Connection[Any]) -> int:
        """Rows read so far, by all; what each of the application's connections has counted is told first."""
        async with AsyncExitStack() as held:
            for _ in range(POOL):  # held together, so that none is asked twice
                tx = await held.enter_async_context(self.app.state.database.transaction())
                await tx.execute("SELECT pg_stat_force_next_flush()")
        await watch.execute("SELECT pg_stat_clear_snapshot()")
        found: int = await watch.fetchval(
            "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint"
            "     + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint"
        )
        return found

    async def count(self, send: Callable[[], Awaitable[httpx.Response]]) -> tuple[Counts, httpx.Response]:
        watch = await asyncpg.connect(self.url)
        before = await self.rows(watch)
        gc.collect()
        await asyncio.sleep(0)
        self.statements.count = 0
        token = COUNTED.set(True)
        tracemalloc.start()
        try:
            answer = await send()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            COUNTED.reset(token)
        await asyncio.sleep(0)  # the last statement is noted in the loop's next turn
        statements = self.statements.count
        rows = await self.rows(watch) - before
        await watch.close()
        return Counts(statements, rows, len(answer.content), peak // 1024), answer


async def in_step(app: Application) -> None:
    """Until the search index answers."""
    for _ in range(1_000):
        if app.state.search_index.current(utc_now()) is not None:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the search index was not loaded in 20 seconds")


@asynccontextmanager
async def metered(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, index: Path | None = None
) -> AsyncIterator[tuple[Meter, httpx.AsyncClient]]:
    """The application on a small catalogue, its statements counted; with a search index in this folder."""
    made = catalogue_of(HOTELS, utc_now().date())
    name = template(
        cluster,
        f"template_counts_{made.first:%Y%m%d}",
        lambda url: fill(url, made, nights=NIGHTS),
        base=migrated(cluster),
    )
    with copied(cluster, name) as url:
        # Or plans, and the rows that they read, would depend on whether autovacuum has been here.
        known = await asyncpg.connect(url)
        await known.execute("ANALYZE")
        await known.close()
        statements = Statements()
        init = connections.with_types  # where connections begin

        async def counted(connection: asyncpg.Connection[Any]) -> None:
            await init(connection)
            connection.add_query_logger(statements.note)

        monkeypatch.setattr(connections, "with_types", counted)
        settings = settings_for(url, pool_size=POOL)
        if index is not None:
            settings = structs.replace(settings, search_index=True, search_index_dir=str(index))
        async with running(settings) as (app, client):
            if index is not None:
                await in_step(app)
            yield Meter(app, url, statements), client


READS: dict[str, tuple[str, dict[str, Any]]] = {
    "GET /health/live": ("/health/live", {}),
    "GET /api/v1/places": ("/api/v1/places", {"q": "bench"}),
    "GET /api/v1/properties": ("/api/v1/properties", {}),
    "GET /api/v1/properties/{slug}": (f"/api/v1/properties/{slug(7)}", {}),
    "GET /api/v1/search, a city": ("/api/v1/search", {"place": 900_000_000, **STAY}),
    "GET /api/v1/search, by distance": (
        "/api/v1/search",
        {"lat": -50, "lon": -172, "sort": "distance", **STAY},
    ),
    "GET /api/v1/search, filtered": (
        "/api/v1/search",
        {"place": 900_000_000, "min_stars": 3, "refundable": "true", **STAY},
    ),
    "GET /api/v1/properties/{slug}/offers": (f"/api/v1/properties/{slug(7)}/offers", STAY),
    "GET /api/v1/properties/{slug}/offers, explained": (
        f"/api/v1/properties/{slug(7)}/offers",
        {**STAY, "explain": "true"},
    ),
    "GET /api/v1/properties/{slug}/calendar, 30 nights": (
        f"/api/v1/properties/{slug(7)}/calendar",
        {"from": str(DAY), "to": str(DAY + timedelta(days=29))},
    ),
    "GET /en/": ("/en/", {}),
    "GET /en/search": ("/en/search", {"place": 900_000_000, **STAY}),
    "GET /en/hotels/{slug}": (f"/en/hotels/{slug(7)}", STAY),
}


# What the search index answers.
INDEXED = ("search", "offers", "calendar", "hotels")


async def booked(step: Callable[[str, str, Any, str | None], Awaitable[Any]]) -> None:
    """A booking's whole life; `step` sends a POST (or, without a body, a GET) under a name."""
    room = {"room_type": "T4", "rate_plan": "FLEX", "adults": 2, "children": []}
    stay = {name: STAY[name] for name in ("arrival", "departure")}
    quote = await step("POST /api/v1/quotes", "/quotes", {"property": slug(7), **stay, "rooms": [room]}, None)
    held = await step("POST /api/v1/bookings", "/bookings", {"quote": quote["id"], "guest": GUEST}, None)
    token, path = held["access_token"], f"/bookings/{held['reference']}"
    name = "/api/v1/bookings/{reference}"
    await step(f"POST {name}/payments", f"{path}/payments", {"token": "tok_success"}, token)
    await step(f"GET {name}", path, None, token)
    await step(f"GET {name}/cancellation", f"{path}/cancellation", None, token)
    longer = {"departure": str(DAY + timedelta(days=4))}
    await step(f"POST {name}/amend, a preview", f"{path}/amend", {**longer, "preview": True}, token)
    await step(f"POST {name}/amend", f"{path}/amend", longer, token)
    await step(f"POST {name}/cancel", f"{path}/cancel", {}, token)


async def reads(meter: Meter, client: httpx.AsyncClient, names: Iterable[str]) -> dict[str, Counts]:
    """Calls that change nothing, by name. Each was made twice before, so that statements are prepared and
    caches filled."""
    found: dict[str, Counts] = {}
    for name in names:
        path, query = READS[name]
        for _ in range(2):
            answer = await client.get(path, params=query)
            assert answer.status_code == 200, (name, answer.text)
        twice = [(await meter.count(partial(client.get, path, params=query)))[0] for _ in range(2)]
        # Other tasks read and allocate meanwhile: the index is loaded, templates are compiled.
        found[name] = Counts(*(min(getattr(one, what) for one in twice) for what in SLACK))
    return found


async def writes(meter: Meter, client: httpx.AsyncClient) -> dict[str, Counts]:
    """A booking's calls by name, of the third that was made."""
    found: dict[str, Counts] = {}

    async def step(name: str, path: str, body: Any, token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        def send() -> Awaitable[httpx.Response]:
            if body is None:
                return client.get(f"/api/v1{path}", headers=headers)
            return client.post(f"/api/v1{path}", json=body, headers=headers)

        counts, answer = await meter.count(send)
        assert answer.is_success, (name, answer.text)
        found[name] = counts
        return answer.json()

    for _ in range(3):
        await booked(step)
    return found


def differences(known: dict[str, Counts], found: dict[str, Counts]) -> list[str]:
    """What is dearer than the table says, or so much cheaper that the table says nothing any more."""
    wrong = [f"{name}: not in the table" for name in found.keys() - known.keys()]
    wrong += [f"{name}: no such call" for name in known.keys() - found.keys()]
    for name in sorted(found.keys() & known.keys()):
        for what, (factor, more) in SLACK.items():
            was, now = getattr(known[name], what), getattr(found[name], what)
            if now > was * factor + more:
                wrong.append(f"{name}: {now} {what} instead of {was}")
            elif 1.5 * now * factor + more + 2 < was:
                wrong.append(f"{name}: only {now} {what} instead of {was}: write it down")
    return wrong


def written(found: dict[str, Counts]) -> str:
    lines = [
        f'"{name}" = {{ statements = {counts.statements}, rows = {counts.rows}, bytes = {counts.bytes},'
        f" peak_kb = {counts.peak_kb} }}"
        for name, counts in found.items()
    ]
    return HEAD + "\n" + "\n".join(lines) + "\n"


async def test_no_call_is_dearer_than_the_table_says(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with metered(cluster, monkeypatch) as (meter, client):
        found = {**await reads(meter, client, READS), **await writes(meter, client)}
    async with metered(cluster, monkeypatch, tmp_path / "index") as (meter, client):
        by_index = await reads(
            meter, client, [name for name in READS if any(part in name for part in INDEXED)]
        )
        found |= {f"{name}, by the index": counts for name, counts in by_index.items()}
    if os.environ.get(WRITES):
        TABLE.write_text(written(found))
    known = msgspec.convert(tomllib.loads(TABLE.read_text()), dict[str, Counts])
    wrong = differences(known, found)
    assert not wrong, f"{'; '.join(wrong)}. If it has to be so: {WRITES}=1 pytest {Path(__file__).name}"


def test_a_dearer_call_is_named() -> None:
    known = {"GET /": Counts(2, 100, 1000, 100)}
    assert differences(known, {"GET /": Counts(2, 120, 1050, 150)}) == []
    assert differences(known, {"GET /": Counts(3, 100, 1000, 100)}) == ["GET /: 3 statements instead of 2"]
    assert differences(known, {"GET /": Counts(1, 500, 300, 100)}) == [
        "GET /: 500 rows instead of 100",
        "GET /: only 300 bytes instead of 1000: write it down",
    ]
    assert differences(known, {}) == ["GET /: no such call"]
