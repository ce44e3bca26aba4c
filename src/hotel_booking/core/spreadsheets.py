"""Lines of a file that spreadsheets open (CSV, RFC 4180), in UTF-8 with the mark that Excel knows it by.

    head = START + line(["booking", "guest", "paid"], "comma")
    line(["K7YBD-KABAA", "=Ana()", Money(12900, "EUR")], "comma")     K7YBD-KABAA,'=Ana(),129.00

A spreadsheet takes a cell that begins with one of `= + - @` for a formula, whoever wrote it: what people
wrote gets an apostrophe before it there, which stands for "a text". Numbers, money and days are written as
such, with the decimal sign that goes with the style: Excel in German, French or Spanish reads semicolons and
a decimal comma. Instants need the clock that they are told by: `clock`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from hotel_booking.core.formats import plain
from hotel_booking.core.money import Money

Style = Literal["comma", "semicolon"]
Cell = str | int | Decimal | Money | date | None

START = b"\xef\xbb\xbf"  # Excel reads the old code page without it
_DELIMITERS: dict[Style, str] = {"comma": ",", "semicolon": ";"}
# What begins a formula, of full width too, behind whatever is passed over.
_FORMULA = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def line(cells: Sequence[Cell], style: Style) -> bytes:
    """One line with its end."""
    held = io.StringIO(newline="")
    csv.writer(held, delimiter=_DELIMITERS[style]).writerow([_written(cell, style) for cell in cells])
    return held.getvalue().encode()


def clock(at: datetime | None, timezone: str) -> datetime | None:
    """An instant by the clocks of a place, to the second, as spreadsheets read one: without its zone, which a
    column of its own names."""
    return None if at is None else at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None, microsecond=0)


def _written(cell: Cell, style: Style) -> str:
    match cell:
        case None:
            return ""
        case str():
            text = _UNSEEN.sub(" ", cell)
            return f"'{text}" if _FORMULA.match(text) else text
        case Money():
            text = plain(cell.amount, cell.currency)
        case datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case date():
            return cell.isoformat()
        case _:
            text = f"{cell.normalize():f}" if isinstance(cell, Decimal) else str(cell)
    return text.replace(".", ",") if style == "semicolon" else text
