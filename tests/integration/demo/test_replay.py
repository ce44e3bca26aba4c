"""Files of bookings replayed: the report is what the file says, to the cent."""

from __future__ import annotations

import asyncio
import calendar
import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import invariants
from hotel_booking.replay.demand import read
from hotel_booking.replay.events import Plan, lay_out
from hotel_booking.replay.over_http import Server, play_on
from hotel_booking.replay.report import Outcome
from hotel_booking.replay.sizing import need
from tests.clients.command_line import command
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.factories.demand_file import (
    figures,
    row,
    rows,
    write,
)

RESORT = "booking-demand-resort.csv.gz"
FIGURES = ("accepted", "cancelled", "no_shows", "stays", "refused", "room_nights", "nights_slept", "revenue")


def replayed(folder: Path, file: Path, *arguments: str, url: str | None = None) -> dict[str, Any]:
    """The report of a replay in this database, or in one of its own."""
    out = folder / "report.json"
    where = ["--database-url", url] if url else []
    result = command("replay", str(file), "--json", str(out), *where, *arguments)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(out.read_text())
    return report


def assert_is(report: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {name: report[name] for name in FIGURES} == {name: expected[name] for name in FIGURES}
    assert report["oversold_nights"] == 0
    assert report["open"] == 0
    months = {month["month"]: month for month in report["months"]}
    for name, by_month in (("room_nights", "sold"), ("nights_slept", "slept"), ("revenue", "by_month")):
        found = {month: figures[name] for month, figures in months.items() if figures[name]}
        assert found == expected[by_month]
    rooms = sum(room["rooms"] for room in report["capacity"])
    for name, month in months.items():
        days = calendar.monthrange(int(name[:4]), int(name[5:]))[1]
        assert month["rooms_available"] == rooms * days
        assert float(month["occupancy"]) == pytest.approx(month["nights_slept"] / (rooms * days), abs=6e-5)
        assert float(month["revpar"]) == pytest.approx(month["revenue"] / 100 / (rooms * days), abs=6e-3)
        if month["room_nights"]:
            adr = month["revenue"] / 100 / month["room_nights"]
            assert float(month["adr"]) == pytest.approx(adr, abs=6e-3)


async def test_every_trap_comes_out_as_the_file_says(tmp_path: Path, database_url: str, db: Database) -> None:
    file = write(tmp_path / "demand.csv", rows())
    report = await asyncio.to_thread(replayed, tmp_path, file, url=database_url)
    assert_is(report, figures(file))
    assert report["rows"] == len(rows())
    assert set(report["odd_dates"]) == {
        "cancelled_after_arrival",
        "cancelled_before_booking",
        "check_out_before_arrival",
        "check_out_early",
        "check_out_late",
        "no_show_after_arrival",
        "no_show_before_arrival",
        "no_show_before_booking",
    }
    assert all(room["rooms"] == room["needed"] for room in report["capacity"])
    assert [difference async for difference in invariants.check(db)] == []


def test_a_packed_file_in_a_database_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path / "demand.csv.gz", rows())
    assert_is(replayed(tmp_path, file, "--limit", "30"), figures(file, 30))


def test_as_many_rooms_as_needed_refuse_nobody_and_one_less_does(tmp_path: Path, database_url: str) -> None:
    one_type = [record for record in rows() if record["reserved_room_type"] == "A"]
    file = write(tmp_path / "demand.csv", one_type)
    needed = sum(need(lay_out(read(file))).values())
    enough = replayed(tmp_path, file, "--rooms", str(needed), url=database_url)
    assert_is(enough, figures(file))
    less = replayed(tmp_path, file, "--rooms", str(needed - 1), url=database_url)
    assert less["refused"]["sold_out"] >= 1


async def test_too_few_rooms_refuse_and_never_oversell(
    tmp_path: Path, database_url: str, db: Database
) -> None:
    file = write(tmp_path / "demand.csv", rows())
    whole = figures(file)
    report = await asyncio.to_thread(replayed, tmp_path, file, "--rooms", "6", url=database_url)
    assert report["refused"]["sold_out"] > 5
    assert report["accepted"] + report["refused"]["sold_out"] == whole["accepted"]
    assert {k: v for k, v in report["refused"].items() if k != "sold_out"} == whole["refused"]
    assert report["oversold_nights"] == 0
    assert sum(room["rooms"] for room in report["capacity"]) == 6
    assert report["stays"] + report["cancelled"] + report["no_shows"] == report["accepted"]
    assert [difference async for difference in invariants.check(db)] == []
    async with db.transaction() as tx:  # the file names nobody, so nobody is written to
        assert await tx.fetchval("SELECT count(*) FROM guest WHERE email = ''") == report["accepted"]
        assert await tx.fetchval("SELECT count(*) FROM mail_message") == 0


async def test_two_hotels_of_one_file_share_no_rooms(tmp_path: Path, database_url: str) -> None:
    twice = [{**record, "hotel": hotel} for record in rows() for hotel in ("City Hotel", "Resort Hotel")]
    file = write(tmp_path / "demand.csv", twice)
    report = await asyncio.to_thread(replayed, tmp_path, file, url=database_url)
    assert_is(report, figures(file))
    assert {room["hotel"] for room in report["capacity"]} == {"City Hotel", "Resort Hotel"}


def test_a_file_that_nobody_could_sell_is_an_empty_report(tmp_path: Path, database_url: str) -> None:
    file = write(tmp_path / "demand.csv", [row(adr="0")])
    report = replayed(tmp_path, file, url=database_url)
    assert (report["accepted"], report["refused"], report["months"]) == (0, {"price_not_positive": 1}, [])
    assert report["revenue"] == report["oversold_nights"] == 0


async def test_the_same_over_http(tmp_path: Path, database_url: str, db: Database) -> None:
    file = write(tmp_path / "demand.csv", rows())
    plan = lay_out(read(file))
    settings = settings_for(database_url, hold_minutes=15)
    key = await api_key(db)
    async with running(settings) as (_, client):
        client.headers.update(bearer(key))
        outcome = await over_http(client, plan)
    expected = figures(file)
    totals = outcome.totals
    found = (totals.accepted, totals.cancelled, totals.no_shows, totals.stays)
    assert found == tuple(expected[name] for name in ("accepted", "cancelled", "no_shows", "stays"))
    assert (totals.room_nights, totals.nights_slept) == (expected["room_nights"], expected["nights_slept"])
    assert totals.revenue == expected["revenue"]
    assert outcome.oversold == 0
    assert {m.month: m.revenue for m in outcome.months if m.revenue} == expected["by_month"]
    assert {m.month: m.nights_slept for m in outcome.months if m.nights_slept} == expected["slept"]
    assert [difference async for difference in invariants.check(db)] == []


async def over_http(client: httpx.AsyncClient, plan: Plan) -> Outcome:
    days: list[date] = []
    outcome = await play_on(
        Server(client), plan, need(plan), lambda day, _done: days.append(day), asyncio.Event()
    )
    assert days == sorted(days)
    return outcome


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "cannot read"),
        (["."], "Is a directory"),
        (["other.csv"], "lacks the columns lead_time"),
        (["bad.csv"], "line 3: adr is 'much'"),
        (["good.csv", "--http", "http://127.0.0.1:9", "--api-key", "hbk_x"], "no answer from"),
        (["good.csv", "--http", "http://127.0.0.1:9"], "--api-key"),
        (["good.csv", "--http", "ftp//nowhere", "--api-key", "hbk_x"], "nowhere"),
        (["good.csv", "--database-url", "postgresql:///none?host=/nowhere"], "cannot be used"),
        (["good.csv", "--json", "no/such/folder.json"], "there is no folder"),
        (["good.csv", "--json", "."], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    write(tmp_path / "good.csv", [row()])
    write(tmp_path / "bad.csv", [row(), row(adr="much")])
    arguments = [
        str(tmp_path / text) if text.endswith((".csv", ".json")) or text == "." else text
        for text in arguments
    ]
    result = command("replay", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_ctrl_c_stops_after_a_day_and_reports_what_was_done(tmp_path: Path) -> None:
    many = rows() * 20
    file, out = write(tmp_path / "demand.csv", many), tmp_path / "report.json"
    program = "from hotel_booking.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "replay", str(file), "--json", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "FORCE_COLOR": "1"},
    ) as process:
        assert process.stderr is not None
        seen = b""
        while b"2015" not in seen and b"2016" not in seen:  # the progress bar shows the day it lives in
            seen += os.read(process.stderr.fileno(), 4096)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert process.returncode == 130
    report = json.loads(out.read_text())
    assert 0 < report["events_done"] < report["events"]
    assert report["stopped_after"] is not None
    assert report["oversold_nights"] == 0


def test_the_resort_s_first_rows(tmp_path: Path, database_url: str, shared_data: Path) -> None:
    file = shared_data / RESORT
    report = replayed(tmp_path, file, "--limit", "600", url=database_url)
    assert_is(report, figures(file, 600))


@pytest.mark.nightly
def test_the_resort_s_two_years(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / RESORT
    report = replayed(tmp_path, file)
    assert_is(report, figures(file))
    assert report["odd_dates"]["no_show_before_arrival"] == {"count": 1, "lines": [7037]}


@pytest.mark.nightly
def test_the_resort_with_too_few_rooms(tmp_path: Path, shared_data: Path) -> None:
    report = replayed(tmp_path, shared_data / RESORT, "--rooms", "150")
    assert report["oversold_nights"] == 0
    assert report["refused"]["sold_out"] > 0
    assert report["accepted"] + sum(report["refused"].values()) == report["rows"]
