"""What a hotel's surroundings look like, as far as data say so: what is not known is not drawn."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal, get_args

import msgspec.toml

from hotel_booking.domains.properties.surroundings import Surroundings
from hotel_booking.web.placeholder_art.brush import data

# `some`: how large the place is, is not known.
Size = Literal["some", "village", "town", "city", "metropolis"]
Trees = Literal["round", "palm", "cypress", "fir"]
Roofs = Literal["flat", "gabled", "tiled"]
Light = Literal["mild", "north", "warm", "hot", "dry"]

_AT_THE_BEACH, _SKIING = frozenset({238, 239, 382}), 272  # OpenTravel HAC
_KM = 111.2  # a degree of latitude


class Setting(msgspec.Struct, frozen=True):
    """The surroundings, as a picture shows them. Without anything known: a street."""

    size: Size = "some"
    sea: bool = False
    mountains: bool = False
    trees: Trees = "round"
    roofs: Roofs = "flat"
    light: Light = "mild"

    @property
    def code(self) -> str:
        """As it stands in addresses: city-sea-plain-palm-tiled-warm."""
        water, relief = ("sea" if self.sea else "land"), ("peaks" if self.mountains else "plain")
        return f"{self.size}-{water}-{relief}-{self.trees}-{self.roofs}-{self.light}"


UNKNOWN = Setting()
_WORDS = (get_args(Size), ("land", "sea"), ("plain", "peaks"), *map(get_args, (Trees, Roofs, Light)))
CODE = "-".join(f"(?:{'|'.join(words)})" for words in _WORDS)


def read(code: str) -> Setting:
    """The setting of a code that `CODE` matches."""
    size, water, relief, trees, roofs, light = code.split("-")
    fields = (size, water == "sea", relief == "peaks", trees, roofs, light)
    return msgspec.convert(dict(zip(Setting.__struct_fields__, fields, strict=True)), Setting)


@lru_cache(maxsize=4096)
def setting_of(at: Surroundings) -> Setting:
    """By the coast if its city is or the hotel says so; in the mountains likewise; plants, roofs and light by
    latitude, Europe apart from the rest; high houses only in the largest cities outside Europe."""
    lat, dry = abs(at.lat), _is_dry(at.lat, at.lon)
    europe = at.lat > 35.5 and -12 < at.lon < 42 and not dry
    sea = at.place in _seaside() or not _AT_THE_BEACH.isdisjoint(at.amenities)
    mountains = _SKIING in at.amenities or _in_range(at.lat, at.lon)
    light: Light = (
        "dry" if dry else "north" if lat >= 57 else "mild" if lat >= 43 else "warm" if lat >= 30 else "hot"
    )
    trees: Trees = "round"
    if light in ("dry", "hot") or (sea and lat < (44.5 if europe else 35)):
        trees = "palm"
    elif europe and lat < 45.6 and not (mountains and lat > 43):
        trees = "cypress"
    elif light == "north" or (mountains and lat >= 40):
        trees = "fir"
    roofs: Roofs = "flat" if not europe else "gabled" if lat >= 45.6 else "tiled"
    return Setting(_size(at.population, europe), sea, mountains, trees, roofs, light)


def _size(people: int | None, europe: bool) -> Size:
    if people is None:
        return "some"
    if people >= 2_000_000 and not europe:
        return "metropolis"
    return "city" if people >= 200_000 else "town" if people >= 30_000 else "village"


class _Range(msgspec.Struct, frozen=True):
    km: int
    crest: list[tuple[float, float]]


class _Landscape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ranges: dict[str, _Range]
    dry: dict[str, tuple[float, float, float, float]]


@cache
def _landscape() -> _Landscape:
    return msgspec.toml.decode(data("landscape.toml"), type=_Landscape)


@cache
def _seaside() -> frozenset[int]:
    rows = (line.split()[1:] for line in data("seaside.txt").splitlines() if not line.startswith("#"))
    return frozenset(int(place) for row in rows for place in row)


def _is_dry(lat: float, lon: float) -> bool:
    return any(s <= lat <= n and w <= lon <= e for s, n, w, e in _landscape().dry.values())


def _in_range(lat: float, lon: float) -> bool:
    """Whether the crest of a range is near enough, on a map that is flat around the point."""
    across = math.cos(math.radians(lat)) * _KM
    for one in _landscape().ranges.values():
        crest = [((east - lon) * across, (north - lat) * _KM) for north, east in one.crest]
        for (x, y), (to_x, to_y) in pairwise(crest if len(crest) > 1 else crest * 2):
            long = (to_x - x) ** 2 + (to_y - y) ** 2
            share = max(0.0, min(1.0, -(x * (to_x - x) + y * (to_y - y)) / long)) if long else 0.0
            if math.hypot(x + share * (to_x - x), y + share * (to_y - y)) <= one.km:
                return True
    return False
