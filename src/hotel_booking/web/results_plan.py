"""A plan of where the hotels of a list lie, drawn from their positions alone: north is up, no tiles are
fetched. Pure.

Longitudes are narrowed by the cosine of the latitude, so that distances look the same in all directions; the
circles are kilometres around the centre of the city.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

WIDTH, HEIGHT = 640, 420
_MARGIN = 44
_KM_PER_DEGREE = 111.2
_RINGS = (1, 2, 5, 10, 20, 50)
_APART = 26.0  # two numbers nearer than this are drawn side by side


class Dot(msgspec.Struct, frozen=True):
    """A hotel on the plan; `number` is its place in the list."""

    x: float
    y: float
    number: int


class Ring(msgspec.Struct, frozen=True):
    """A circle of so many kilometres around the centre."""

    radius: float
    km: int


class Plan(msgspec.Struct, frozen=True):
    """What is drawn, in units of a picture of WIDTH by HEIGHT."""

    centre: tuple[float, float]
    dots: tuple[Dot, ...]
    rings: tuple[Ring, ...]
    width: int = WIDTH
    height: int = HEIGHT


def plan_of(centre: tuple[float, float], points: Sequence[tuple[float, float]]) -> Plan:
    """The plan of a city's centre and the hotels around it, all (latitude, longitude) in degrees."""
    narrow = math.cos(math.radians(centre[0]))

    def flat(point: tuple[float, float]) -> tuple[float, float]:
        east = (point[1] - centre[1] + 180) % 360 - 180
        return east * narrow * _KM_PER_DEGREE, -(point[0] - centre[0]) * _KM_PER_DEGREE

    places = [flat(point) for point in points]
    xs, ys = [0.0, *(x for x, _ in places)], [0.0, *(y for _, y in places)]
    wide, high = max(max(xs) - min(xs), 0.4), max(max(ys) - min(ys), 0.4)
    scale = min((WIDTH - 2 * _MARGIN) / wide, (HEIGHT - 2 * _MARGIN) / high)
    left = WIDTH / 2 - scale * (max(xs) + min(xs)) / 2
    top = HEIGHT / 2 - scale * (max(ys) + min(ys)) / 2
    dots = _apart([(left + x * scale, top + y * scale) for x, y in places])
    rings = tuple(Ring(round(km * scale, 1), km) for km in _RINGS if 40 <= km * scale <= WIDTH)[:3]
    return Plan(
        centre=(round(left, 1), round(top, 1)),
        dots=tuple(Dot(round(x, 1), round(y, 1), number) for number, (x, y) in enumerate(dots, start=1)),
        rings=rings,
    )


def _apart(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Move dots that would cover each other a little aside, later ones around earlier ones."""
    placed: list[tuple[float, float]] = []
    for x, y in points:
        found = (x, y)
        for step in range(1, 40):
            if all(math.dist(found, other) >= _APART for other in placed):
                break
            turn, far = step * 2.4, _APART * (0.6 + step * 0.12)
            found = (
                min(max(x + far * math.cos(turn), 16), WIDTH - 16),
                min(max(y + far * math.sin(turn), 16), HEIGHT - 16),
            )
        placed.append(found)
    return placed
