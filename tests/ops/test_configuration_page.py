"""docs/CONFIGURATION.md has every setting, with its default and bounds, and no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import msgspec

from hotel_booking.core import config
from hotel_booking.core.config import _BOUNDS, _CHOICES, _FLAGS, _OTHERS, ECB_RATES, Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "CONFIGURATION.md").read_text()
# Where a database and Redis are is set by names that are not ours alone.
SET_OTHERWISE = {"database_url", "redis_url"}


def rows() -> dict[str, list[str]]:
    """The cells behind each setting's name, as they stand in the page."""
    found: dict[str, list[str]] = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if named := re.fullmatch(r"`HOTEL_([A-Z0-9_]+)`", cells[0]):
            assert named[1] not in found, f"{named[1]} stands there twice"
            found[named[1]] = cells[1:]
    return found


def test_every_setting_stands_in_the_page_and_no_other() -> None:
    settings = {name.upper() for name in Settings.__struct_fields__ if name not in SET_OTHERWISE}
    assert set(rows()) == settings | set(_OTHERS)
    assert set(re.findall(r"HOTEL_([A-Z0-9_]+)", PAGE)) == set(rows())


def test_what_the_database_and_redis_are_named_by_stands_there_too() -> None:
    read = set(re.findall(r"[\"']((?:DATABASE|DB|REDIS)_[A-Z]+)[\"']", inspect.getsource(config)))
    assert {"DATABASE_URL", "DB_HOST", "REDIS_URL"} <= read
    assert set(re.findall(r"`((?:DATABASE|DB|REDIS)_[A-Z]+)`", PAGE)) == read


def test_the_defaults_are_the_codes() -> None:
    page = rows()
    for field in msgspec.structs.fields(Settings):
        if field.name in SET_OTHERWISE:
            continue
        default = ECB_RATES if field.name == "exchange_rates_url" else field.default
        text = str(default).lower() if isinstance(default, bool) else str(default)
        shown = "none" if default in (None, "", ()) else f"`{text}`"
        assert page[field.name.upper()][0] == shown, field.name


def test_the_bounds_and_choices_are_the_codes() -> None:
    page = rows()
    for name, (low, high) in _BOUNDS.items():
        assert page[name.upper()][1].replace(",", "") == f"{low} to {high}", name
    for name, choices in {**_CHOICES, **dict.fromkeys(_FLAGS, ("true", "false"))}.items():
        assert page[name.upper()][1] == ", ".join(f"`{choice}`" for choice in choices), name
