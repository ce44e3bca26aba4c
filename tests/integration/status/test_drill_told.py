"""What a drill came to, from its report to the metrics that alerts look at and to the status page."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.metrics import DRILL_DONE, DRILL_FIGURES
from hotel_booking.worker.database_metrics import measure
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for

GOOD = """{"at": "2030-03-03T03:23:00Z", "succeeded": true, "detail":
 {"gigabytes": 1, "acknowledged": 900, "lost": 31, "rpo_seconds": 8.2, "rto_seconds": 61.4}}"""
NOTHING_LOST = GOOD.replace("03-03", "03-10").replace('"lost": 31', '"lost": 0')
BAD = '{"at": "2030-03-17T03:23:00Z", "succeeded": false, "detail": {}}'


def drilled(database_url: str, folder: Path, report: str, code: int = 0) -> str:
    """What `hotel-booking ops backup drilled` said of a report."""
    file = folder / "drill.json"
    file.write_text(report)
    done = command("ops", "backup", "drilled", str(file), seconds=60, DATABASE_URL=database_url)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def figures() -> dict[str, float]:
    [family] = DRILL_FIGURES.collect()
    return {sample.labels["figure"]: sample.value for sample in family.samples}


def done() -> float:
    [family] = DRILL_DONE.collect()
    return family.samples[0].value


async def test_a_drills_report_is_told_in_metrics_and_on_the_status_page(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    async def shown() -> dict[str, str]:
        async with running(settings_for(database_url)) as (app, client):
            del app
            pages = {code: (await client.get(f"/status/{code}")).text for code in LANGUAGES}
        return {
            code: text.partition('id="drill"')[2].partition("</section>")[0] for code, text in pages.items()
        }

    now = utc_now()
    await measure(db, now)
    assert done() == 0
    assert set(figures().values()) == {-1}
    assert "Not tried yet." in (await shown())["en"]

    assert "the drill of 2030-03-03 03:23 UTC succeeded" in drilled(database_url, tmp_path, GOOD)
    drilled(database_url, tmp_path, GOOD)  # again: nothing more
    assert await count(db) == 1
    await measure(db, now)
    assert done() == 1898738580
    assert figures() == {"succeeded": 1, "lost_bookings": 31, "rpo_seconds": 8.2, "rto_seconds": 61.4}
    pages = await shown()
    assert "Bookings worked again after 62 seconds, with 9 seconds of bookings missing" in pages["en"]
    assert "nach 62 Sekunden" in pages["de"]
    assert len(set(pages.values())) == len(LANGUAGES), "one is not translated"

    drilled(database_url, tmp_path, NOTHING_LOST)
    assert "and none was missing" in (await shown())["en"]

    assert "failed" in drilled(database_url, tmp_path, BAD)
    await measure(db, now)
    assert figures() == {"succeeded": 0, "lost_bookings": -1, "rpo_seconds": -1, "rto_seconds": -1}
    pages = await shown()
    assert "failed" in pages["en"]


@pytest.mark.parametrize("report", ["", "[]", '{"at": "yesterday"}', GOOD.replace("succeeded", "did")])
async def test_what_is_no_report_is_told_to_nobody(
    db: Database, database_url: str, tmp_path: Path, report: str
) -> None:
    said = drilled(database_url, tmp_path, report, code=2)
    assert "is no report of a drill" in said
    assert "  hotel-booking ops backup drill --report FILE" in said
    assert await count(db) == 0


def test_a_database_that_does_not_answer_is_said(tmp_path: Path) -> None:
    said = drilled("postgresql://nobody@127.0.0.1:1/none", tmp_path, GOOD, code=1)
    assert "the database does not take it" in said


async def count(db: Database) -> int:
    async with db.reading() as tx:
        found: int = await tx.fetchval("SELECT count(*) FROM operations_result WHERE kind = 'drill'")
    return found
