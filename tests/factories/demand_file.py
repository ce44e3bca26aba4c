"""A small file of bookings with every trap of the real one, and its figures recomputed from the text alone:
nothing here knows the code under test."""

from __future__ import annotations

import calendar
import csv
import gzip
import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HEADER = (
    "hotel,is_canceled,lead_time,arrival_date_year,arrival_date_month,arrival_date_day_of_month,"
    "stays_in_weekend_nights,stays_in_week_nights,adults,children,babies,country,reserved_room_type,"
    "assigned_room_type,agent,adr,reservation_status,reservation_status_date"
).split(",")

ARRIVAL = date(2016, 2, 26)  # stays cross the end of a leap February


def row(
    outcome: str = "Check-Out",
    *,
    arrival: date = ARRIVAL,
    lead: int = 10,
    weekend: int = 1,
    week: int = 2,
    party: tuple[str, str, str] = ("2", "0", "0"),
    kind: str = "A",
    adr: str = "100",
    status: int | None = None,
) -> dict[str, str]:
    """One row. `status` is the status date in days after the arrival; as booked unless given."""
    usual = {"Check-Out": weekend + week, "No-Show": 0, "Canceled": -3}[outcome]
    day = arrival + timedelta(days=usual if status is None else status)
    return {
        "hotel": "Resort Hotel",
        "is_canceled": str(int(outcome != "Check-Out")),
        "lead_time": str(lead),
        "arrival_date_year": str(arrival.year),
        "arrival_date_month": calendar.month_name[arrival.month],
        "arrival_date_day_of_month": str(arrival.day),
        "stays_in_weekend_nights": str(weekend),
        "stays_in_week_nights": str(week),
        "adults": party[0],
        "children": party[1],
        "babies": party[2],
        "country": "NULL",
        "reserved_room_type": kind,
        "assigned_room_type": "P",
        "agent": "NULL",
        "adr": adr,
        "reservation_status": outcome,
        "reservation_status_date": day.isoformat(),
    }


def traps() -> list[dict[str, str]]:
    """Every trap once, at least."""
    return [
        row(),
        row(),  # an exact duplicate is another booking
        row(weekend=0, week=0, status=0),
        row(party=("0", "NA", "0")),
        row(adr="0"),
        row(adr="-6.38"),
        row("Canceled", adr="0.00"),
        row(weekend=0, week=0, party=("0", "0", "0"), adr="0"),  # three reasons; the first counts
        row(party=("2", "NA", "0")),
        row(party=("0", "3", "0"), kind="G"),
        row(party=("0", "0", "2")),
        row(party=("55", "10", "10")),
        row(adr="5400", kind="L"),
        row(adr="0.26"),
        row(adr="77.005"),  # halves of a cent go up
        row(lead=0),
        row(lead=0, arrival=date(2016, 2, 29), weekend=0, week=1),
        row(status=1, week=4),  # left early, pays all
        row(status=0, week=4),  # left on the day of arrival
        row(status=0, week=4, lead=0),
        row(status=-2),  # checked out before the arrival
        row(status=6),  # checked out late: only the booked nights
        row(weekend=4, week=10, arrival=date(2016, 2, 20)),
        row("Canceled", lead=3),  # on the day of booking
        row("Canceled", lead=0, status=0),
        row("Canceled", status=0),
        row("Canceled", status=2),  # after the arrival
        row("Canceled", status=-60),  # before it was booked
        row("Canceled", status=40),  # after the departure
        row("No-Show"),
        row("No-Show", lead=0),
        row("No-Show", status=-5),
        row("No-Show", status=1),
        row("No-Show", status=30),
        row("No-Show", status=-111, lead=181),
        row("No-Show", status=-111, lead=20),  # before it was booked
        row(arrival=date(2016, 12, 30), week=4),  # over the end of a year
        row(lead=737),
    ]


def rows() -> list[dict[str, str]]:
    """The traps, and a busier fortnight around them; the same every time."""
    draw = random.Random(20)
    ordinary = [
        row(
            draw.choice(["Check-Out", "Check-Out", "Check-Out", "Canceled", "No-Show"]),
            arrival=ARRIVAL + timedelta(days=draw.randrange(14)),
            lead=draw.randrange(3, 40),
            weekend=draw.randrange(3),
            week=draw.randrange(1, 6),
            kind=draw.choice("AAADE"),
            adr=f"{draw.randrange(3000, 30000) / 100:.2f}",
        )
        for _ in range(40)
    ]
    return traps() + ordinary


def write(path: Path, records: list[dict[str, str]], *, lines: str = "\n") -> Path:
    """Write the file; `.gz` packs it."""
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator=lines)
        writer.writeheader()
        writer.writerows(records)
    return path


def figures(path: Path, limit: int | None = None) -> dict[str, Any]:
    """What the report must say of a file when nothing is sold out, straight from its text. Money in cents."""
    months = {name: number for number, name in enumerate(calendar.month_name) if name}
    found: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    slept: Counter[str] = Counter()
    revenue: Counter[str] = Counter()
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for number, record in enumerate(csv.DictReader(file)):
            if number == limit:
                break
            nights = int(record["stays_in_weekend_nights"]) + int(record["stays_in_week_nights"])
            persons = [record[name] for name in ("adults", "children", "babies")]
            adr = Decimal(record["adr"])
            if not nights:
                refused["no_nights"] += 1
                continue
            if not any(int(count) for count in persons if count not in ("NA", "NULL")):
                refused["no_guests"] += 1
                continue
            if adr <= 0:
                refused["price_not_positive"] += 1
                continue
            found["accepted"] += 1
            status = record["reservation_status"]
            found["cancelled"] += status == "Canceled"
            found["no_shows"] += status == "No-Show"
            if status != "Check-Out":
                continue
            found["stays"] += 1
            cents = int(adr * 100 + Decimal("0.5"))
            arrival = date(
                int(record["arrival_date_year"]),
                months[record["arrival_date_month"]],
                int(record["arrival_date_day_of_month"]),
            )
            left = date.fromisoformat(record["reservation_status_date"])
            for night in (arrival + timedelta(days=n) for n in range(nights)):
                month = night.isoformat()[:7]
                sold[month] += 1
                slept[month] += night < left
                revenue[month] += cents
    return {
        **found,
        "refused": dict(refused),
        "room_nights": sum(sold.values()),
        "nights_slept": sum(slept.values()),
        "revenue": sum(revenue.values()),
        "sold": dict(sold),
        "slept": {month: nights for month, nights in slept.items() if nights},
        "by_month": dict(revenue),
    }
