"""docs/CONFIGURATION.md is what the declarations of the settings say (`make docs`), and says no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from hotel_booking.core import environment
from hotel_booking.core.config import Settings
from hotel_booking.core.setting import declared
from hotel_booking.core.settings_page import filled

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "CONFIGURATION.md").read_text()


def test_the_page_is_made_of_the_declarations() -> None:
    assert filled(PAGE) == PAGE, "run `make docs`"


def test_every_setting_is_declared_and_stands_there_once() -> None:
    by_other_names = {"database_url", "read_database_url", "redis_url"}
    names = [setting.name for setting in declared(Settings)]
    assert sorted(names) == sorted(set(Settings.__struct_fields__) - by_other_names)
    cells = re.findall(r"^\| `(HOTEL_[A-Z0-9_]+)` \| [^|]+ \| [^|]+ \| [^|]{4,} \|", PAGE, re.MULTILINE)
    assert cells == [setting.variable for setting in declared(Settings)]


def test_no_setting_is_named_that_is_none() -> None:
    known = {setting.variable for setting in declared(Settings)} | set(environment.OTHERS)
    assert set(re.findall(r"HOTEL_[A-Z0-9_]+", PAGE)) == known


def test_what_the_database_and_redis_are_named_by_stands_there_too() -> None:
    read = set(re.findall(r"[\"']((?:DATABASE|DB|REDIS)_[A-Z]+)[\"']", inspect.getsource(environment)))
    assert {"DATABASE_URL", "DB_HOST", "REDIS_URL"} <= read
    assert set(re.findall(r"`((?:DATABASE|DB|REDIS)_[A-Z]+)`", PAGE)) == read
