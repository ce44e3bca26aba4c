"""Regions and countries by their codes, as addresses have them: "Portland, OR", "Sydney NSW", "Paris, FR"."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

Way = tuple[str, str, str, int, int]
"""A way to read a text: its name, what that lies in, what lies around both, and the GeoNames ids of the
regions that the latter two are the codes of, 0 where they are none."""


def with_codes(ways: Iterable[tuple[str, str, str]]) -> list[Way]:
    """The ways, and each once more for every region that a part of it is the code of. What is a country's
    code is compared with that by who asks."""
    found: list[Way] = []
    for name, inside, around in ways:
        found.append((name, inside, around, 0, 0))
        found += [(name, inside, around, region, 0) for region in _by_code().get(inside, ())]
        found += [(name, inside, around, 0, region) for region in _by_code().get(around, ())]
    return found


def ends_in_code(form: str) -> bool:
    """Whether the last of several words is the code of a region or a country."""
    before, _, last = form.rpartition(" ")
    return bool(before) and (last in _by_code() or last in _countries())


@cache
def _by_code() -> dict[str, tuple[int, ...]]:
    """By the second part of what ISO 3166-2 has for them, in small letters; those of digits nobody types."""
    found: dict[str, tuple[int, ...]] = {}
    for line in _lines():
        _code, number, iso, _rest = line.split("\t", 3)
        code = iso.partition("-")[2].lower()
        if len(code) > 1 and code.isalpha():
            found[code] = (*found.get(code, ()), int(number))
    return found


@cache
def _countries() -> frozenset[str]:
    return frozenset(line[:2].lower() for line in _lines())


def _lines() -> list[str]:
    table = (files("hotel_booking.domains.properties") / "data" / "regions.tsv").read_text("utf-8")
    return table.splitlines()[1:]
