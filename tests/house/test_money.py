"""Money is written in one place and read in one place; everything else calls these."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "hotel_booking"


def _with(pattern: str, *suffixes: str) -> set[str]:
    found = re.compile(pattern)
    return {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*")
        if path.suffix in suffixes and "vendor" not in path.parts and found.search(path.read_text())
    }


def test_money_is_formatted_in_one_place() -> None:
    babel = r"format_currency|format_compact_currency|currency_formats|get_currency_precision|currency_digits"
    assert _with(babel, ".py") == {"core/formats.py"}
    # A decimal of money outside is either drawn (a chart's curve) or already wrong.
    assert _with(r"\bto_decimal\b", ".py") == {"core/money.py", "core/formats.py", "admin/today.py"}


def test_scripts_and_templates_format_no_money() -> None:
    script = r"style:\s*[\"']currency|currencyDisplay|\.toFixed\(|parseFloat\("
    assert _with(script, ".js") == set()
    assert _with(r"/\s*100\b|%\.2f|round\(", ".html", ".txt") == set()


def test_typed_amounts_are_read_in_one_place() -> None:
    """Whoever makes a number of what came from outside by hand has rules of its own."""
    found = _with(r"\bDecimal\((?!\d|\"|Fraction)|ROUND_", ".py")
    assert found == {
        "core/amounts.py",
        "core/money.py",  # minor units, which are integers
        "domains/properties/service/taxes.py",  # parts per million, which are integers
        "cli/exchange_rates.py",  # rates, which are written as programs write them
        "integrations/ecb.py",
        "replay/demand.py",  # a data set's own decimals
        "replay/report.py",
    }


def test_what_is_owed_is_computed_in_one_place() -> None:
    """By `due.still_open`, `balance` and `overpaid`: who takes off by hand what was paid has rules of
    its own. Others only divide what was paid between the guest and the hotel."""
    less = r"[-+]\s*\(?\w*\.?due_at\(|\bdue_at\([^)]*\)\s*[-+<>]|[-+<>]=?\s*\w+\.(paid|reserved)\b"
    assert _with(less, ".py", ".html") == {
        "domains/bookings/due.py",
        "admin/no_shows.py",  # what went back
        "domains/bookings/money_back.py",
        "domains/bookings/service/cancel.py",
        "domains/bookings/invariants.py",  # computes everything again, on purpose by a way of its own
    }
