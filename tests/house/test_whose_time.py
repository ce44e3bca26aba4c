"""A time that the panel shows stands beside whose it is: the hotel's, whose clock it is written by, or UTC,
which its line says. Hotels are in many zones, and so are those who look after them."""

from __future__ import annotations

import re
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "src" / "hotel_booking" / "admin" / "templates"
# By UTC: without a zone, or by its name with a pattern that has hours. A date alone needs none.
_BY_UTC = re.compile(r'\|instant(?!\()|\|instant\("UTC"(?:\)|, "[^"]*H)')


def unsaid(text: str) -> list[str]:
    """The lines with a time by UTC that say so nowhere."""
    lines = [line for line in text.splitlines() if _BY_UTC.search(line)]
    return [line.strip() for line in lines if "UTC" not in line.replace('"UTC"', "")]


def test_every_time_in_the_panel_says_whose_it_is() -> None:
    files = sorted(TEMPLATES.rglob("*.html"))
    found = {str(file.relative_to(TEMPLATES)): unsaid(file.read_text()) for file in files}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert sum(bool(_BY_UTC.search(file.read_text())) for file in files) > 10


def test_a_time_that_does_not_say_it_is_found() -> None:
    assert unsaid("<td>{{ item.at|instant }}</td>")
    assert unsaid('<td>{{ item.at|instant("UTC", "HH:mm") }}</td>')
    assert not unsaid('<td data-label="Since (UTC)">{{ item.at|instant }}</td>')
    assert not unsaid("<td>{{ item.at|instant(hotel.timezone) }}</td>")
    assert not unsaid('<td>{{ item.at|instant("UTC", "d MMM y") }}</td>')
