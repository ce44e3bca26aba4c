"""What people type is read as the one amount it can be, or refused with what it could have been; in Python
and in the grid's script alike."""

# ruff: noqa: RUF001  # digits and signs of many scripts are what it is about

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotel_booking.core import formats
from hotel_booking.core.amounts import (
    Ambiguous,
    TooPrecise,
    Unreadable,
    read_money,
    read_percent,
    words,
)
from hotel_booking.core.errors import Invalid
from hotel_booking.core.iso_codes import CURRENCIES
from hotel_booking.core.money import exponent, step
from hotel_booking.http.ui import assets
from hotel_booking.http.ui.forms import Form
from tests.clients.node import node

READ: list[tuple[str, str, int]] = [
    ("EUR", "129", 12900),
    ("EUR", "129.5", 12950),
    ("EUR", "3,50", 350),
    ("EUR", "3.50", 350),
    ("EUR", ".5", 50),
    ("EUR", "0.120", 12),
    ("EUR", "12.3400", 1234),
    ("EUR", "1.234,50", 123450),
    ("EUR", "1,234.50", 123450),
    ("EUR", "1 234,50", 123450),
    ("EUR", "1\u00a0200,50", 120050),
    ("EUR", "1\u202f200,50", 120050),
    ("EUR", "1 200", 120000),
    ("EUR", "1'200.50", 120050),
    ("EUR", "1\u2019200.50", 120050),
    ("EUR", "1.234.567", 123456700),
    ("EUR", "1,23,456.50", 12345650),
    ("EUR", "007", 700),
    ("EUR", "€ 12", 1200),
    ("JPY", "JP¥ 1000", 1000),
    ("AUD", "A$12", 1200),
    ("XOF", "F\u202fCFA 1000", 1000),
    ("EUR", "12\u00a0€", 1200),
    ("EUR", "12 EUR", 1200),
    ("EUR", "eur12", 1200),
    ("EUR", "-€5", -500),
    ("EUR", "€-5", -500),
    ("EUR", "\u22127,50", -750),
    ("EUR", "- 7", -700),
    ("EUR", "+5", 500),
    ("EUR", "-0", 0),
    ("EUR", "\u200f12.50\u200e", 1250),
    ("EUR", "١٢٫٥٠", 1250),
    ("EUR", "١٬٢٣٤٫٥٠", 123450),
    ("EUR", "۱۲۳", 12300),
    ("EUR", "१२.५", 1250),
    ("EUR", "１２．５０", 1250),
    ("EUR", "𝟙𝟚", 1200),
    ("USD", "US$12", 1200),
    ("USD", "$1,234.50", 123450),
    ("SEK", "12 kr", 1200),
    ("CHF", "Fr. 12.50", 1250),
    ("BRL", "R$ 1.234,00", 123400),
    ("JPY", "12000", 12000),
    ("JPY", "12.00", 12),
    ("JPY", "¥12,000,000", 12000000),
    ("KWD", "1.20", 1200),
    ("KWD", "0.500", 500),
    ("KWD", "1234.560", 1234560),
    ("MGA", "5000", 500000),
    ("RSD", "1.234,5", 123450),
]
REFUSED: list[tuple[str, str, type[Invalid], str]] = [
    ("EUR", "1.200", Ambiguous, "type 1200 or 1.20"),
    ("EUR", "1,200", Ambiguous, "type 1200 or 1.20"),
    ("EUR", "1.000", Ambiguous, "type 1000 or 1.00"),
    ("EUR", "12.345", Ambiguous, "type 12345 or 12.34 or 12.35"),
    ("EUR", "-1.200", Ambiguous, "type -1200 or -1.20"),
    ("JPY", "12.000", Ambiguous, "type 12000 or 12"),
    ("JPY", "12,000", Ambiguous, "type 12000 or 12"),
    ("KWD", "1.234", Ambiguous, "type 1234 or 1.23 or 1.24"),
    ("EUR", "0.123", TooPrecise, "type 0.12 or 0.13"),
    ("EUR", "1234.567", TooPrecise, "type 1234.56 or 1234.57"),
    ("EUR", "1.234,567", TooPrecise, "type 1234.56 or 1234.57"),
    ("EUR", "-0.005", TooPrecise, "type -0.01 or 0.00"),
    ("JPY", "12.5", TooPrecise, "type 12 or 13"),
    ("KWD", "1.2340", TooPrecise, "type 1.23 or 1.24"),
    ("MGA", "50.50", TooPrecise, "type 50.00 or 51.00"),
    ("MRU", "1.30", TooPrecise, "type 1.20 or 1.40"),
    *[
        ("EUR", text, Unreadable, "")
        for text in (
            *("", " ", ".", ",", "12.", "1.2.3", "12 50", "1.23.456", "12,-", "--5", "-€-5", "€12€", "1e3"),
            *("nan", "inf", "1_000", "0x10", "½", "10²", "Ⅻ", "(12)", "12-", "1" * 16, "12\x00", "1.234'567"),
            *("$12", "USD 12", "12 kr", "0.123.456", "0,123,456", "1 2,50", "twelve", "1.234 567"),
        )
    ],
]


@pytest.mark.parametrize(("currency", "text", "minor"), READ)
def test_an_amount_is_read(currency: str, text: str, minor: int) -> None:
    assert read_money(text, currency) == minor


@pytest.mark.parametrize(("currency", "text", "error", "fix"), REFUSED)
def test_an_amount_that_is_none_or_two_is_refused(
    currency: str, text: str, error: type[Invalid], fix: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read_money(text, currency, name="price")
    assert type(caught.value) is error
    assert caught.value.fix
    if fix:
        assert caught.value.fix == fix
        for typed in fix.removeprefix("type ").split(" or "):
            read_money(typed, currency)  # what it tells to type is read


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(-(10**9), 10**9))
def test_what_a_form_holds_is_read_back_as_the_same(currency: str, steps: int) -> None:
    minor = steps * step(currency)
    assert read_money(formats.for_field(minor, currency), currency) == minor


@given(st.text(max_size=70), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_whatever_is_typed_it_is_an_amount_or_a_refusal(text: str, currency: str) -> None:
    for what in (currency, None):
        with suppress(Invalid):
            assert isinstance(read_money(text, what) if what else read_percent(text), int)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("19", 190_000),
        ("8.875", 88_750),
        ("8,875 %", 88_750),
        ("7,5", 75_000),
        ("%12", 120_000),
        ("٪١٢", 120_000),
        ("0.0001", 1),
        ("100", 1_000_000),
    ],
)
def test_a_percentage_is_read(text: str, parts: int) -> None:
    assert read_percent(text) == parts


@pytest.mark.parametrize("text", ["", "abc", "101", "-1", "1.2.3", "12.12345", "1.234.5", "1e1", "12 5"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_percent(text)


def test_a_percentage_that_could_be_two_is_refused_where_both_may_be() -> None:
    assert read_percent("1.000") == 10_000  # a thousand per cent is none here
    with pytest.raises(Ambiguous) as caught:
        read_percent("1.000", low=-100, high=1000)
    assert caught.value.fix == "type 1000 or 1"


def test_the_grid_reads_as_the_server_does() -> None:
    """The script is given every case; it answers with the same text for a form, or the same refusal."""
    cases = [(case[0], case[1]) for case in READ] + [(case[0], case[1]) for case in REFUSED]
    asked: list[dict[str, Any]] = [
        {
            "text": text,
            "money": {
                "currency": currency,
                "digits": exponent(currency),
                "step": step(currency),
                "words": words(currency),
            },
        }
        for currency, text in cases
    ]
    script = (
        "const { readMoney } = await import(process.argv[1]);"
        "const out = JSON.parse(process.argv[2]).map(({ text, money }) => {"
        "  try { return [readMoney(text, money), '']; } catch (error) { return ['', error.message]; }"
        "});"
        "console.log(JSON.stringify(out));"
    )
    module = Path(assets.__file__).parent / "assets" / "amounts.js"
    done = subprocess.run(
        [node(), "--input-type=module", "-e", script, module.as_uri(), json.dumps(asked)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for (currency, text), (value, problem) in zip(cases, json.loads(done.stdout), strict=True):
        assert (value, problem) == _as_the_server(currency, text, problem), (currency, text)


def _as_the_server(currency: str, text: str, problem: str) -> tuple[str, str]:
    try:
        return formats.for_field(read_money(text, currency), currency), ""
    except Unreadable:
        return "", problem or "a refusal"  # in words of its own
    except Invalid as error:
        return "", Form.of().failed(error).errors[""]


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_what_the_panel_shows_is_read_back(currency: str) -> None:
    amount = 1_234_567_000 * step(currency)
    shown = formats.money(amount, currency, "en_GB")
    assert read_money(shown, currency) == amount
    assert read_money(f"-{shown}", currency) == -amount
