"""The page as files: whole, with links that work anywhere, and drawn anew while the database is away."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.incidents import status_probes, status_told_late
from hotel_booking.domains.incidents.status_types import Outcome
from hotel_booking.ops import prober
from tests.clients.command_line import command
from tests.doubles.s3 import BUCKET, KEY, REGION, SECRET, S3Double
from tests.factories.status_history import history, looked, probed

AT = datetime(2030, 3, 1, 23, 58, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGES = {"index.html", *(f"{code}.html" for code in LANGUAGES if code != "en")}


def published(target: str, database_url: str, spool: Path, **more: str) -> str:
    ran = command(
        "status",
        "publish",
        target,
        seconds=120,
        HOTEL_ENVIRONMENT="test",
        DATABASE_URL=database_url,
        HOTEL_SPOOL_DIR=str(spool),
        HOTEL_STATUS_HOST="status.hotel.example",
        **more,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


async def test_files_stay_up_and_are_drawn_anew_while_the_database_is_away(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    now = utc_now()
    await history(db, now)
    folder, spool = tmp_path / "page", tmp_path / "spool"
    published(str(folder), database_url, spool)
    pages = {name: (folder / name).read_text() for name in PAGES}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for name, page in pages.items():
        links = set(re.findall(r'(?:href|src)="([^"#][^"]*)"', page))
        outside = {link for link in links if "://" in link}
        assert links - outside <= there, name
        assert all(link.startswith("http://localhost:8000/") for link in outside), name
    assert not [name for name in there if name.endswith(".part")]
    said = json.loads((folder / "api/v2/summary.json").read_text())
    assert said["page"]["url"] == "https://status.hotel.example"
    assert said["status"]["indicator"] == "major"
    assert "Cards are declined" in pages["index.html"]

    # The database is gone; the prober goes on, and finds all of it down.
    for minute in (1, 2):
        found = [
            prober.Finding(key, "down", 9, "no answer in time")
            for key in ("site", "api", "admin", "payments", "notifications", "search")
        ]
        prober.keep(spool / "status", now + minute * MINUTE, found)
    told = published(str(folder), "postgresql://nobody@127.0.0.1:9/none", spool)
    assert "published_without_database" in told
    assert json.loads((folder / "api/v2/summary.json").read_text())["status"]["indicator"] == "critical"
    again = (folder / "index.html").read_text()
    assert "The platform is down" in again
    assert "We cannot read newer data at the moment." in again
    assert "Cards are declined" in again


async def test_into_a_bucket(db: Database, database_url: str, tmp_path: Path) -> None:
    await history(db, utc_now())
    with S3Double() as s3:
        published(
            f"s3://{BUCKET}/status",
            database_url,
            tmp_path,
            HOTEL_S3_ENDPOINT=s3.url,
            HOTEL_S3_REGION=REGION,
            HOTEL_S3_ACCESS_KEY=KEY,
            HOTEL_S3_SECRET_KEY=SECRET,
            HOTEL_SECURITY_CONTACT="who@hotel.example",
        )
        names = {name.removeprefix("status/") for name in s3.objects}
        assert {*PAGES, "history.atom", "history.de.atom", "api/v2/summary.json"} <= names
        assert ".well-known/security.txt" in names
        assert "text/html; charset=utf-8" in s3.types


def test_an_empty_target_is_no_folder(database_url: str) -> None:
    ran = command("status", "publish", "", HOTEL_ENVIRONMENT="test", DATABASE_URL=database_url)
    assert ran.returncode == 2
    assert "where to is empty" in ran.stderr


def test_nothing_known_publishes_nothing(tmp_path: Path) -> None:
    ran = command(
        "status",
        "publish",
        str(tmp_path / "page"),
        seconds=120,
        HOTEL_ENVIRONMENT="test",
        DATABASE_URL="postgresql://nobody@127.0.0.1:9/none",
        HOTEL_SPOOL_DIR=str(tmp_path),
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "page").exists()


async def test_rounds_that_wait_count_as_they_will_in_the_database(db: Database) -> None:
    outcomes: list[Outcome] = ["up", "down", "down", "slow", "down", "down", "down", "up"]
    rounds = [looked(AT + number * MINUTE, outcome) for number, outcome in enumerate(outcomes)]
    for split in range(len(rounds)):
        async with db.transaction() as tx:
            await tx.execute("TRUNCATE status_probe, status_day, status_component")
        await probed(db, *rounds[:split])
        async with db.reading() as tx:
            words, days = await status_probes.last_words(tx), await status_probes.days(tx, since=AT.date())
        found = status_told_late.counted(words, days, rounds)
        await probed(db, *rounds[split:])
        async with db.reading() as tx:
            assert found[1] == await status_probes.days(tx, since=AT.date())
            assert [one.state for one in found[0]] == [
                one.state for one in await status_probes.last_words(tx)
            ]
