"""Expand, migrate, contract in a rolling world: what a release declares of schemas is held to at its start,
by readiness and by the migration."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import psycopg
import pytest

from hotel_booking import migrations
from hotel_booking.core import schema
from hotel_booking.core.db import Database
from hotel_booking.domains.properties.place_data import PlaceData, load_places, read_places
from hotel_booking.migrations import Contracted
from hotel_booking.ops.embedded import Cluster
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.databases import copied, placed
from tests.migrations.next_release import LATER, NEXT, NextRelease

pytestmark = pytest.mark.postgresql

# With the view of it that people with read-only access have.
DROPPED = "ALTER TABLE property DROP COLUMN stars CASCADE"
_VERSIONS = Path(migrations.__file__).parent / "versions"


def tell(url: str, revision: str, serves: str) -> None:
    """What a newer release's migrations leave."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        connection.execute(schema.serving(serves))


def found(url: str) -> tuple[str, str]:
    with psycopg.connect(url) as connection:
        row = connection.execute(schema.FOUND).fetchone()
    assert row is not None
    return schema.read(str(row[0]))


def test_the_migrations_say_whom_they_serve(database_url: str) -> None:
    assert found(database_url) == (schema.NEWEST, schema.SERVES)
    said = [
        getattr(importlib.import_module(f"hotel_booking.migrations.versions.{path.stem}"), "serves", "")
        for path in _VERSIONS.glob("[0-9]*.py")
    ]
    assert max(said) == schema.SERVES <= schema.NEWEST


async def test_it_starts_on_what_it_declares_and_on_nothing_else(database_url: str) -> None:
    def serve() -> tuple[int, str]:
        done = command("worker", DATABASE_URL=database_url, HOTEL_ENVIRONMENT="demo", HOTEL_GATEWAY="none")
        return done.returncode, done.stderr

    async with running(settings_for(database_url)) as (_, client):

        async def ready() -> tuple[int, str]:
            answer = await client.get("/health/ready")
            return answer.status_code, answer.json()["checks"]["schema"]

        tell(database_url, LATER, schema.NEWEST)
        assert migrations.unfit(database_url) == [], "it only expands"
        assert await ready() == (200, f"{LATER} is newer than {schema.NEWEST}")
        assert migrations.upgrade(database_url) == [], "a release that was gone back to migrates nothing"

        tell(database_url, LATER, NEXT)
        wrong = f"{LATER} serves releases from {NEXT} on, and this one is of {schema.NEWEST}"
        assert await ready() == (503, wrong)
        code, said = await asyncio.to_thread(serve)
        assert (code, f"this release is too old for the database: the schema {wrong}" in said) == (2, True)
        assert "Traceback" not in said
        for act in (migrations.upgrade, migrations.pending):
            with pytest.raises(Contracted, match=f"serves releases from {NEXT} on"):
                act(database_url)

        tell(database_url, "0001", "0001")
        assert (await ready())[0] == 503
        code, said = await asyncio.to_thread(serve)
        assert (code, "run `hotel-booking migrate`" in said) == (2, True)


def test_it_is_not_contracted_under_a_release_that_runs(cluster: Cluster, tmp_path: Path) -> None:
    later = NextRelease.made(tmp_path, serves=NEXT, statement=DROPPED)
    with copied(cluster, placed(cluster)) as url:
        with psycopg.connect(url, application_name=f"hotel-booking {schema.NEWEST}"):
            done = later.command("migrate", url)
            assert done.returncode == 1, done.stderr
            assert f"serves releases from {NEXT} on, and older ones are running; nothing was" in done.stderr
            assert f"a release of {schema.NEWEST}, from this machine" in done.stderr
            assert "Traceback" not in done.stderr
        assert found(url) == (schema.NEWEST, schema.SERVES)
        # Its own processes, and who is of no release, keep nobody from it.
        with (
            psycopg.connect(url, application_name=f"hotel-booking {NEXT}"),
            psycopg.connect(url, application_name="psql"),
        ):
            done = later.command("migrate", url)
        assert done.returncode == 0, done.stderr
        assert found(url) == (NEXT, NEXT)
        with pytest.raises(Contracted):
            migrations.upgrade(url)


def test_one_that_fails_half_way_leaves_the_schema_to_the_release_that_runs(
    cluster: Cluster, tmp_path: Path
) -> None:
    broken = NextRelease.made(tmp_path, serves=NEXT, statement=f"{DROPPED}; SELECT 1 / 0")
    with copied(cluster, placed(cluster)) as url:
        for _ in range(2):
            done = broken.command("migrate", url)
            assert done.returncode == 1, done.stdout
            assert "a migration failed, and nothing of its revision was done: division by zero" in done.stderr
            assert "Traceback" not in done.stderr
            assert found(url) == (schema.NEWEST, schema.SERVES)
            assert migrations.unfit(url) == []
        with psycopg.connect(url) as connection:
            connection.execute("SELECT stars FROM property")


def test_the_job_can_run_twice_at_once_and_again(cluster: Cluster, tmp_path: Path) -> None:
    expands = NextRelease.made(
        tmp_path, serves=None, statement="ALTER TABLE property ADD COLUMN seen boolean"
    )
    with copied(cluster, placed(cluster)) as url:
        both = [expands.start("migrate", url) for _ in range(2)]
        said = [child.communicate(timeout=120) for child in both]
        assert [child.returncode for child in both] == [0, 0], said
        assert sum(f"done: schema {schema.NEWEST} -> {NEXT}" in out for out, _ in said) == 1
        again = expands.command("migrate", url)
        assert (again.returncode, "nothing to do" in again.stdout) == (0, True), again.stderr
        assert found(url) == (NEXT, schema.SERVES), "an expansion serves whom the schema served"
        assert migrations.unfit(url) == []


@pytest.mark.nightly
def test_guests_search_while_places_are_renewed(cluster: Cluster) -> None:
    data = read_places()
    some = PlaceData(data.places[:50], data.rows[:0])
    asked = "SELECT count(*) FROM place_name WHERE name LIKE 'lisb%'"

    async def renewed(url: str) -> None:
        async with Database.open(url, size=2) as database:
            async with database.transaction() as tx:
                await load_places(tx, some)
                async with database.transaction() as guest:
                    await guest.execute("SET LOCAL lock_timeout = '1s'")
                    assert await guest.fetchval(asked) > 0, "until it is done they find what there was"
            async with database.transaction() as guest:
                assert await guest.fetchval(asked) == 0

    with copied(cluster, placed(cluster)) as url:
        asyncio.run(renewed(url))
