"""Reading the bookings of a file, row by row: the Hotel Booking Demand data set and files like it.

Nothing is kept but what a replay needs. `NULL` and `NA` are texts in this data; nights are the two stays
columns added up; equal rows are different bookings.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Literal

import msgspec

from hotel_booking.core.dates import FIRST_NIGHT, LAST_NIGHT, MAX_NIGHTS
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import MAX_AMOUNT, exponent

CURRENCY = "EUR"

Outcome = Literal["cancelled", "no_show", "stay"]
# Why a row is refused before any hotel is asked, in the order in which they are looked for.
Unsellable = Literal["no_nights", "no_guests", "price_not_positive", "too_many_nights"]

COLUMNS = (
    "lead_time",
    "arrival_date_year",
    "arrival_date_month",
    "arrival_date_day_of_month",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "children",
    "babies",
    "reserved_room_type",
    "adr",
    "reservation_status",
    "reservation_status_date",
)
_OUTCOMES: dict[str, Outcome] = {"Canceled": "cancelled", "No-Show": "no_show", "Check-Out": "stay"}
_MONTHS = {
    month: number
    for number, month in enumerate(
        "january february march april may june july august september october november december".split(), 1
    )
}
_ROOM_TYPE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOTHING = frozenset(("", "NA", "NULL"))
_MOST_PERSONS = 100  # in one room, and
_MOST_CHILDREN = 50  # children of them, as the platform books it
_BABY, _CHILD = 0, 8  # the file has no ages; the agreed price does not depend on them
_ONLY_HOTEL = "Hotel"
_LONGEST_NAME = 100


class UnreadableFile(Invalid):
    """The file is not there, or is no such CSV."""

    code = "unreadable_file"


class Kind(msgspec.Struct, frozen=True, order=True):
    """A room type of one of the file's hotels."""

    hotel: str
    room_type: str


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row that a hotel can sell. `price` is in minor units a night; `line` is its line in the file."""

    line: int
    kind: Kind
    created: date
    arrival: date
    departure: date
    adults: int
    children: int
    babies: int
    price: int
    outcome: Outcome
    status_date: date

    @property
    def nights(self) -> int:
        """The booked nights."""
        return (self.departure - self.arrival).days

    @property
    def ages(self) -> tuple[int, ...]:
        """The children's ages as booked: the file counts children and babies without ages. Party size
        refuses no row, so what a room cannot have by any rule (more than 100 persons) is left out."""
        everyone = (_BABY,) * self.babies + (_CHILD,) * self.children
        return everyone[: min(_MOST_CHILDREN, _MOST_PERSONS - self.adults)]


class UnsellableRow(msgspec.Struct, frozen=True):
    """One row that no hotel could sell."""

    line: int
    reason: Unsellable


def read(path: Path, limit: int | None = None) -> Iterator[Row | UnsellableRow]:
    """The file's rows in its order, at most `limit`; `.gz` is unpacked on the way.

    Raises `UnreadableFile` with one line that names what is wrong: the file, a missing column, or the line
    of a row that cannot be understood.
    """
    with _opened(path) as lines:
        reader = csv.reader(lines)
        try:
            header = next(reader, None)
            places = _places(path, header)
            done = 0
            for cells in reader:
                if not cells:
                    continue  # a blank line, as at the end of some files
                if done == limit:
                    return
                done += 1
                if len(cells) != len(header or ()):
                    raise _bad(path, reader.line_num, f"{len(cells)} columns instead of {len(header or ())}")
                yield _row(path, reader.line_num, places, cells)
        except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error):
            raise UnreadableFile(f"{path} is not a CSV file, or its .gz is damaged") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"cannot read {path}: {error.strerror}") from None
    with raw:
        # The first bytes decide, not the name: browsers unpack .gz files and keep their name.
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        unpacked = gzip.GzipFile(fileobj=raw) if packed else raw
        with io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="") as lines:
            yield lines


def _places(path: Path, header: list[str] | None) -> dict[str, int]:
    """Where each column stands. The data set is also about with names like `ArrivalDateYear`."""
    if not header:
        raise UnreadableFile(f"{path} is empty; it needs a header and a row for each booking")
    found = {name.strip().replace("_", "").lower(): place for place, name in enumerate(header)}
    missing = [name for name in COLUMNS if name.replace("_", "") not in found]
    if missing:
        raise UnreadableFile(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            fix="it needs those of the Hotel Booking Demand data set; see docs/REPLAY.md",
        )
    return {
        name: found[name.replace("_", "")] for name in (*COLUMNS, "hotel") if name.replace("_", "") in found
    }


def _bad(path: Path, line: int, what: str) -> UnreadableFile:
    return UnreadableFile(f"{path}, line {line}: {what}")


class _Cells:
    """One row's cells by column; each reader names the column where it does not understand the text."""

    def __init__(self, places: dict[str, int], cells: list[str]) -> None:
        self._places = places
        self._cells = cells

    def text(self, name: str) -> str:
        return self._cells[self._places[name]].strip()

    def hotel(self) -> str:
        name = (self.text("hotel") if "hotel" in self._places else "") or _ONLY_HOTEL
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise ValueError(f"hotel is not a name of at most {_LONGEST_NAME} visible characters")
        return name

    def count(self, name: str, *, may_lack: bool = False, most: int = 100_000) -> int:
        """A whole number from 0; `2.0` is one too, as some copies of the data have it."""
        text = self.text(name)
        if may_lack and text in _NOTHING:
            return 0
        try:
            value = Decimal(text)
            whole = int(value) if 0 <= value <= most and value == int(value) else None
        except ArithmeticError:
            whole = None
        if whole is None:
            raise ValueError(f"{name} is {text!r}, not a whole number from 0 to {most}")
        return whole

    def arrival(self) -> date:
        month = self.text("arrival_date_month")
        number = _MONTHS.get(month.lower()) or (int(month) if month.isascii() and month.isdecimal() else 0)
        year, day = self.count("arrival_date_year"), self.count("arrival_date_day_of_month")
        try:
            arrival = date(year, number, day)
        except ValueError:
            raise ValueError(f"there is no {day} {month} {year} to arrive on") from None
        if not FIRST_NIGHT <= arrival < LAST_NIGHT:
            raise ValueError(f"the arrival {arrival} does not lie between 2000 and 2100")
        return arrival

    def adr(self) -> Decimal:
        text = self.text("adr")
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or abs(value) >= MAX_AMOUNT // 1000:
            raise ValueError(f"adr is {text!r}, not a price")
        return value


def _minor(adr: Decimal) -> int:
    """The file's averages have more decimals than money has: the nearest minor unit."""
    return int(adr.scaleb(exponent(CURRENCY)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _row(path: Path, line: int, places: dict[str, int], values: list[str]) -> Row | UnsellableRow:
    cells = _Cells(places, values)
    try:
        return _understood(line, cells)
    except ValueError as error:
        raise _bad(path, line, str(error)) from None


def _understood(line: int, cells: _Cells) -> Row | UnsellableRow:
    arrival = cells.arrival()
    nights = cells.count("stays_in_weekend_nights") + cells.count("stays_in_week_nights")
    adults = cells.count("adults", may_lack=True, most=_MOST_PERSONS)
    children = cells.count("children", may_lack=True, most=_MOST_PERSONS)
    babies = cells.count("babies", may_lack=True, most=_MOST_PERSONS)
    adr = cells.adr()
    room_type, status = cells.text("reserved_room_type"), cells.text("reservation_status")
    if not _ROOM_TYPE.fullmatch(room_type):
        raise ValueError(f"reserved_room_type is {room_type!r}, not a room type's code")
    if status not in _OUTCOMES:
        raise ValueError(f"reservation_status is {status!r}, not one of {', '.join(_OUTCOMES)}")
    try:
        status_date = date.fromisoformat(cells.text("reservation_status_date"))
    except ValueError:
        raise ValueError(
            f"reservation_status_date is {cells.text('reservation_status_date')!r}, not a date as 2016-05-31"
        ) from None
    reason: Unsellable | None = None
    if not nights:
        reason = "no_nights"
    elif not adults + children + babies:
        reason = "no_guests"
    elif adr <= 0:
        reason = "price_not_positive"
    elif nights > MAX_NIGHTS or arrival + timedelta(days=nights) > LAST_NIGHT:
        reason = "too_many_nights"
    if reason:
        return UnsellableRow(line, reason)
    return Row(
        line=line,
        kind=Kind(cells.hotel(), room_type),
        created=arrival - timedelta(days=cells.count("lead_time", most=10_000)),
        arrival=arrival,
        departure=arrival + timedelta(days=nights),
        adults=max(1, adults),
        children=children,
        babies=babies,
        price=_minor(adr),
        outcome=_OUTCOMES[status],
        status_date=status_date,
    )
