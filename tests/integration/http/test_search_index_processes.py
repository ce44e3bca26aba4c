"""The search index in the server's processes: who writes, who takes over, and what is refused."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY, generate_latest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.search.index import columns, layout
from hotel_booking.domains.search.index.files import Folder, FolderRefused
from hotel_booking.domains.search.index.layout import COMPLETE, FORMAT_AT, VERSION, Arrays, Capacity
from hotel_booking.domains.search.index.running import SearchIndex
from hotel_booking.domains.search.index.view import IndexView
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.factories.search_index import quiet, told
from tests.factories.small_hotel import SLUG, small_hotel, sold_from

pytestmark = pytest.mark.postgresql


@asynccontextmanager
async def process(db: Database, folder: Path) -> AsyncIterator[SearchIndex]:
    """An index as a process of the server has it: each holds its own lock."""
    index = SearchIndex(db, Folder(folder), clock=utc_now, poll=0.02, stale=5)
    task = asyncio.create_task(index.run())
    try:
        yield index
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not what():  # noqa: ASYNC110  # another process may be what makes it so
            await asyncio.sleep(0.02)


def prices(index: SearchIndex) -> set[int]:
    view = index.current(utc_now())
    if view is None:
        return set()
    return {
        night[0]
        for one in told(view.arrays)["properties"].values()
        for rate in one["nights of rates"].values()
        for night in rate.values()
    }


def properties(index: SearchIndex) -> list[dict[str, Any]]:
    view = index.current(utc_now())
    return list(told(view.arrays)["properties"].values()) if view else []


async def set_price(db: Database, price: int) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = $1", price)


def told_metrics() -> str:
    return generate_latest(REGISTRY).decode()


def failures() -> float:
    return REGISTRY.get_sample_value("hotel_booking_search_index_failures_total") or 0


@pytest.fixture
async def hotel(db: Database) -> Database:
    """A hotel with nights from today on."""
    await small_hotel(db)
    async with db.transaction() as tx:
        await sold_from(tx, utc_now().date())
    return db


async def test_one_writes_and_all_read_and_the_next_takes_over(hotel: Database, tmp_path: Path) -> None:
    async with process(hotel, tmp_path / "index") as second:
        async with process(hotel, tmp_path / "index") as first:
            await until(lambda: first.current(utc_now()) and second.current(utc_now()))
            assert {first.state, second.state} == {"following", "reading"}
            await set_price(hotel, 12_300)
            await until(lambda: prices(first) == prices(second) == {12_300})
        await set_price(hotel, 12_400)
        await until(lambda: prices(second) == {12_400} and second.state == "following")
    async with process(hotel, tmp_path / "index") as third:
        await set_price(hotel, 12_500)
        await until(lambda: prices(third) == {12_500})
        assert third.figures().generation == 1  # the file that was there was caught up with


def _write_until_killed(url: str, folder: Path) -> None:
    async def run() -> None:
        async with Database.open(url, size=2) as db, process(db, folder):
            await asyncio.sleep(60)

    asyncio.run(run())


async def test_a_writer_that_is_killed_is_followed_by_another(
    hotel: Database, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    child = multiprocessing.get_context("spawn").Process(
        target=_write_until_killed, args=(database_url, folder), daemon=True
    )
    child.start()
    try:
        await until(lambda: (folder / "current").exists())
        async with process(hotel, folder) as index:
            await until(lambda: index.current(utc_now()))
            assert index.state == "reading"
            assert child.pid
            os.kill(child.pid, signal.SIGKILL)
            await set_price(hotel, 12_300)
            await until(lambda: prices(index) == {12_300} and index.state == "following")
    finally:
        child.kill()
        child.join()


def laid_in_place(file: Path, content: bytes) -> None:
    """Another file of this name: a thread may still be reading the one that was mapped, and would be killed
    with its process where that ends earlier all at once."""
    other = file.with_suffix(".other")
    other.write_bytes(content)
    other.replace(file)


@pytest.mark.parametrize(
    "harm", ["torn", "half written", "garbage", "older format", "incomplete", "no pointer"]
)
async def test_a_file_that_cannot_be_used_is_made_anew(hotel: Database, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "index"
    async with process(hotel, folder) as index:
        await until(lambda: index.current(utc_now()))
    file, pointer = folder / "1.index", folder / "current"
    match harm:
        case "torn":
            laid_in_place(file, file.read_bytes()[: file.stat().st_size // 2])
        case "half written":
            Arrays(file, writable=True)["header"][VERSION] += 1
        case "garbage":
            laid_in_place(file, os.urandom(100_000))
        case "older format":
            Arrays(file, writable=True)["header"][FORMAT_AT] = 0
        case "incomplete":
            Arrays(file, writable=True)["header"][COMPLETE] = 0
        case "no pointer":
            pointer.write_bytes(b"{")
    async with process(hotel, folder) as index:
        await until(lambda: index.current(utc_now()))
        assert index.figures().generation == 2
        assert prices(index) == {10_000}
    assert [one.name for one in folder.glob("*.index")] == ["2.index"]


async def test_the_file_of_another_database_is_not_taken(hotel: Database, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    async with process(hotel, folder) as index:
        await until(lambda: index.current(utc_now()))
    pointer = folder / "current"
    pointer.write_bytes(pointer.read_bytes().replace(b'"identity":"', b'"identity":"9'))
    async with process(hotel, folder) as index:
        await until(lambda: index.current(utc_now()) and index.figures().generation == 2)


async def test_changes_that_were_forgotten_are_not_missed(hotel: Database, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    async with process(hotel, folder) as index:
        await until(lambda: index.current(utc_now()))
    await set_price(hotel, 12_300)
    await quiet(hotel)
    async with hotel.transaction() as tx:
        await tx.execute("DELETE FROM search_change")
        await tx.execute(
            "INSERT INTO search_change_mark (xid, made_at, purged)"
            " VALUES (pg_snapshot_xmin(pg_current_snapshot()), now(), true)"
        )
    async with process(hotel, folder) as index:
        await until(lambda: prices(index) == {12_300})
        assert index.figures().generation == 2


async def test_a_lost_connection_loses_no_change(hotel: Database, database_url: str, tmp_path: Path) -> None:
    async with Database.open(database_url, size=2) as other, process(other, tmp_path / "index") as index:
        await until(lambda: index.current(utc_now()))
        for price in range(12_300, 12_305):
            async with hotel.transaction() as tx:
                await tx.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await tx.execute("UPDATE rate_night SET price = $1", price)
            # Mypy knows no types of a lambda's defaults.
            await until(lambda price=price: prices(index) == {price})  # type: ignore[misc]
        assert index.figures().generation == 1


async def test_a_file_that_is_full_is_made_anew_with_more_room(
    hotel: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly full, it is followed until the larger one is there."""
    monkeypatch.setattr(
        "hotel_booking.domains.search.index.load.capacity_for",
        lambda _properties, _sizes, room=1: Capacity(
            properties=30 * room, types=30 * room, rates=60 * room, pairs=120 * room, heap=400_000 * room
        ),
    )
    async with process(hotel, tmp_path / "index") as index:
        await until(lambda: index.current(utc_now()))
        for number in range(90):
            async with hotel.transaction() as tx:
                await tx.execute(
                    "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
                    " VALUES ('more-' || $1::text, 'More', 'DE', 52.5, 13.4, 'Europe/Berlin', 'EUR')",
                    str(number),
                )
        await until(lambda: index.figures().properties == 91 and index.current(utc_now()))
        assert index.figures().generation > 1
        assert prices(index) == {10_000}


async def test_properties_that_came_later_are_sorted_in_before_they_are_many(
    hotel: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that stand in no order, every search looks at."""
    monkeypatch.setattr("hotel_booking.domains.search.index.running._TAIL", 5)
    async with process(hotel, tmp_path / "index") as index:
        await until(lambda: index.current(utc_now()))
        async with hotel.transaction() as tx:
            await tx.execute(
                "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
                " SELECT 'more-' || n, 'More', 'DE', 52.5 - n, 13.4, 'Europe/Berlin', 'EUR'"
                "   FROM generate_series(1, 8) AS n"
            )
        await until(lambda: index.figures().generation == 2 and index.current(utc_now()))
        view = index.current(utc_now())
        assert view is not None
        assert int(view.header[layout.SORTED]) == int(view.header[layout.PROPERTIES]) == 9
        assert prices(index) == {10_000}


async def test_a_mistake_in_the_middle_of_a_property_is_got_over(
    hotel: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was half written is read by nobody, and another file is loaded."""
    async with process(hotel, tmp_path / "index") as index:
        await until(lambda: index.current(utc_now()))
        real, failed = columns.pair_columns, list[bool]()

        def fails_once(*args: Any) -> dict[str, object]:
            if not failed:
                failed.append(True)
                raise OverflowError
            return real(*args)

        monkeypatch.setattr("hotel_booking.domains.search.index.writer.pair_columns", fails_once)
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE property SET name = 'Other'")
        await until(lambda: failed and index.figures().generation == 2 and index.current(utc_now()))
        assert [one["content"]["property"]["name"] for one in properties(index)] == ["Other"]


async def test_an_index_that_is_behind_or_asked_for_another_time_says_nothing(
    hotel: Database, tmp_path: Path
) -> None:
    async with process(hotel, tmp_path / "index") as index:
        await until(lambda: index.current(utc_now()))
        assert index.current(utc_now() + timedelta(minutes=1)) is None
        assert index.current(utc_now() - timedelta(minutes=1)) is None


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for name in ("open", "link"):
        with pytest.raises(FolderRefused):
            Folder(tmp_path / name)
    assert not list((tmp_path / "open").iterdir())


async def test_the_application_keeps_an_index_and_tells_of_it(
    hotel: Database, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, search_index=True, search_index_dir=str(tmp_path / "index"))
    async with running(settings) as (app, client):
        await until(lambda: app.state.search_index.current(utc_now()))

        async with asyncio.timeout(90):
            while 'search_index_entries{of="properties"} 1.0' not in (text := told_metrics()):  # noqa: ASYNC110  # told each second
                await asyncio.sleep(0.1)
        assert 'hotel_booking_search_index_processes{state="following"} 1.0' in text
        assert (await client.get("/health/ready")).status_code == 200
    async with running(settings_for(database_url)) as (app, _):
        assert app.state.search_index is None


async def test_a_folder_that_cannot_be_had_leaves_all_to_sql(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_for(database_url, search_index=True, search_index_dir=str(tmp_path / "file"))
    async with running(settings) as (app, client):
        assert app.state.search_index is None
        assert (await client.get("/health/ready")).status_code == 200


@pytest.mark.index_fails
async def test_where_the_index_makes_a_mistake_sql_answers_and_it_is_counted(
    hotel: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    night = utc_now().date() + timedelta(days=20)
    stay = f"arrival={night}&departure={night + timedelta(days=1)}"
    asked = (
        f"/api/v1/search?lat=38.7&lon=-9.1&{stay}",
        f"/api/v1/properties/{SLUG}/offers?{stay}",
        f"/api/v1/properties/{SLUG}/calendar?from={night}&to={night + timedelta(days=9)}",
        f"/en/search?lat=38.7&lon=-9.1&{stay}",
        f"/en/hotels/{SLUG}?{stay}",
    )
    settings = settings_for(database_url, search_index=True, search_index_dir=str(tmp_path / "index"))
    async with running(settings) as (app, client):
        await until(lambda: app.state.search_index.current(utc_now()))
        whole = [(await client.get(path)).text for path in asked[:3]]

        def mistaken(*_: Any) -> Any:
            raise IndexError("a column that is not there")

        monkeypatch.setattr(IndexView, "inside", mistaken)
        monkeypatch.setattr(IndexView, "slot", mistaken)
        before = failures()
        answers = [await client.get(path) for path in asked]
        assert [answer.status_code for answer in answers] == [200] * len(asked)
        assert [answer.text for answer in answers[:3]] == whole
        assert failures() >= before + len(asked)
        assert "the search index made a mistake" in caplog.text
        assert "a column that is not there" not in caplog.text


async def test_what_the_api_changes_is_in_the_answers_of_the_index(
    hotel: Database, database_url: str, tmp_path: Path
) -> None:
    """A price and the last room by the API; the index's answers come to say so, and then are those of SQL."""
    night = utc_now().date() + timedelta(days=20)
    asked = (
        f"/api/v1/search?lat=38.7&lon=-9.1&radius_km=5&arrival={night}&departure={night + timedelta(days=1)}"
    )

    async def total(client: httpx.AsyncClient) -> int | None:
        results = (await client.get(asked)).json()["results"]
        return results[0]["offer"]["total"]["amount"] if results else None

    indexed = settings_for(database_url, search_index=True, search_index_dir=str(tmp_path / "index"))
    headers = bearer(await api_key(hotel))
    async with running(indexed) as (app, client), running(settings_for(database_url)) as (_, by_sql):
        await until(lambda: app.state.search_index.current(utc_now()))

        async def comes_to_say(expected: int | None) -> None:
            assert await total(by_sql) == expected
            async with asyncio.timeout(90):
                while await total(client) != expected:  # noqa: ASYNC110  # another connection is followed
                    await asyncio.sleep(0.02)
            assert app.state.search_index.current(utc_now())
            assert (await client.get(asked)).json() == (await by_sql.get(asked)).json()

        await comes_to_say(9_000)
        for change, expected in (({"rate_plan": "FLEX", "price": 20_000}, 18_000), ({"capacity": 0}, None)):
            line = {"room_type": "DBL", "from": str(night), "to": str(night), **change}
            answer = await client.put(
                f"/api/v1/properties/{SLUG}/ari", json={"updates": [line]}, headers=headers
            )
            assert answer.status_code == 200, answer.text
            await comes_to_say(expected)
