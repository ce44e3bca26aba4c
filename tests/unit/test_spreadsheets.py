"""Lines that spreadsheets open: no text of anybody's is a formula, amounts and days are numbers and days."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hotel_booking.core.money import Money
from hotel_booking.core.spreadsheets import START, Cell, clock, line


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+351 21 123 456",
        "-2",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\r=1",
        "\n=1",
        "\u200b=1",
        "\u202e=1",
        "\u00a0+1",
        "＝1",  # noqa: RUF001  # of full width: Excel takes it for the other
        "＠A1",  # noqa: RUF001  # the same
        "\x00=1",
        '=HYPERLINK("https://evil.example","Ana")',
    ],
)
def test_what_people_wrote_is_no_formula(text: str) -> None:
    for style, delimiter in (("comma", ","), ("semicolon", ";")):
        written = line(["x", text], style).decode()  # type: ignore[arg-type]  # both styles
        _, cell = next(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter))
        assert cell.startswith("'"), written


def test_other_texts_stay_as_they_are() -> None:
    texts = ["Ana Example", 'Müller, "Jo"; née', "王小明", "آنا", "a=b", "O'Neil", "two\nlines", "7-8"]
    for style, delimiter in (("comma", ","), ("semicolon", ";")):
        written = line(texts, style)  # type: ignore[arg-type]  # both styles
        assert next(csv.reader(io.StringIO(written.decode(), newline=""), delimiter=delimiter)) == texts
    assert START.decode() == "\ufeff"


def test_amounts_and_days_are_written_as_such() -> None:
    at = clock(datetime(2026, 7, 1, 22, 30, 5, 9, UTC), "Europe/Lisbon")
    cells: list[Cell] = [
        Money(-129_00, "EUR"),
        Money(1200, "JPY"),
        Money(1250, "KWD"),
        Decimal("0.8150"),
        7,
        None,
    ]
    assert line([*cells, date(2026, 3, 1), at], "comma") == (
        b"-129.00,1200,1.250,0.815,7,,2026-03-01,2026-07-01 23:30:05\r\n"
    )
    assert line(cells, "semicolon") == b"-129,00;1200;1,250;0,815;7;\r\n"
