"""A plan of where the hotels of a list lie, drawn from their positions alone: north is up. Where the group
has set an address of map tiles, these lie under it, and it is drawn in their projection. Pure.

Longitudes are narrowed by the cosine of the latitude, so that distances look the same in all directions; the
circles are kilometres around the centre of the city.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

WIDTH, HEIGHT = 420, 276  # about as many pixels as it has on a phone and beside the list
DOT = 15  # its radius: large enough for a finger
TILE = 256
_DEEPEST = 16
_MARGIN = 34
_EDGE = DOT + 3
_KM_PER_DEGREE = 111.2
_RINGS = (1, 2, 5, 10, 20, 50)
_SMALLEST_RING = 40.0
_LETTERS = 14.0  # how high a circle's name is
_APART = 30.0  # two numbers nearer than this are drawn side by side


class Dot(msgspec.Struct, frozen=True):
    """A hotel on the plan; `number` is its place in the list."""

    x: float
    y: float
    number: int


class Ring(msgspec.Struct, frozen=True):
    """A circle of so many kilometres around the centre, and how high on it its name stands, above the centre
    or below it."""

    radius: float
    km: int
    name_y: float


class Tile(msgspec.Struct, frozen=True):
    """A picture of the ground, TILE units wide and high, and where its corner lies."""

    x: float
    y: float
    address: str


class ResultsPlan(msgspec.Struct, frozen=True):
    """What is drawn, in units of a picture of WIDTH by HEIGHT."""

    centre: tuple[float, float]
    dots: tuple[Dot, ...]
    rings: tuple[Ring, ...]
    tiles: tuple[Tile, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT


def plan_of(centre: tuple[float, float], points: Sequence[tuple[float, float]]) -> ResultsPlan:
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
    return ResultsPlan(
        centre=(round(left, 1), round(top, 1)),
        dots=tuple(Dot(round(x, 1), round(y, 1), number) for number, (x, y) in enumerate(dots, start=1)),
        rings=_rings(top, scale),
    )


def tiled_plan_of(
    centre: tuple[float, float], points: Sequence[tuple[float, float]], template: str
) -> ResultsPlan:
    """The same on map tiles in Web Mercator (EPSG:3857), as large as the picture holds; `template` is their
    address with {z}, {x} and {y}."""
    zoom, places = _DEEPEST, [(0.0, 0.0)]
    for zoom in range(_DEEPEST, 1, -1):
        places = [_mercator(point, centre[1], zoom) for point in (centre, *points)]
        wide = max(x for x, _ in places) - min(x for x, _ in places)
        high = max(y for _, y in places) - min(y for _, y in places)
        if wide <= WIDTH - 2 * _MARGIN and high <= HEIGHT - 2 * _MARGIN:
            break
    left = (max(x for x, _ in places) + min(x for x, _ in places) - WIDTH) / 2
    top = (max(y for _, y in places) + min(y for _, y in places) - HEIGHT) / 2
    across = 2**zoom
    # Kilometres are the longer on paper, the nearer to a pole.
    scale = TILE * across / (360 * _KM_PER_DEGREE * math.cos(math.radians(centre[0])))
    return ResultsPlan(
        centre=(round(places[0][0] - left, 1), round(places[0][1] - top, 1)),
        dots=tuple(
            Dot(round(x, 1), round(y, 1), number)
            for number, (x, y) in enumerate(_apart([(x - left, y - top) for x, y in places[1:]]), start=1)
        ),
        rings=_rings(places[0][1] - top, scale),
        tiles=tuple(
            Tile(
                round(column * TILE - left, 1),
                round(row * TILE - top, 1),
                template.replace("{z}", str(zoom))
                .replace("{x}", str(column % across))
                .replace("{y}", str(row)),
            )
            for row in range(math.floor(top / TILE), math.floor((top + HEIGHT) / TILE) + 1)
            for column in range(math.floor(left / TILE), math.floor((left + WIDTH) / TILE) + 1)
            if 0 <= row < across
        ),
    )


def _rings(centre_y: float, scale: float) -> tuple[Ring, ...]:
    """At most three circles, each with its name in the picture; `scale` are units a kilometre. A circle whose
    name would lie outside says nothing."""
    rings = []
    for km in _RINGS:
        radius = km * scale
        above, below = centre_y - radius - 4, centre_y + radius + _LETTERS
        if radius < _SMALLEST_RING:
            continue
        if above >= _LETTERS:
            rings.append(Ring(round(radius, 1), km, round(above, 1)))
        elif below <= HEIGHT - 4:
            rings.append(Ring(round(radius, 1), km, round(below, 1)))
    return tuple(rings[:3])


def _mercator(point: tuple[float, float], meridian: float, zoom: int) -> tuple[float, float]:
    """Where a place lies on the world's picture; east and west of `meridian` without a seam between."""
    latitude = math.radians(min(max(point[0], -85.0), 85.0))
    longitude = meridian + (point[1] - meridian + 180) % 360 - 180
    size = TILE * 2**zoom
    return (longitude + 180) / 360 * size, (1 - math.asinh(math.tan(latitude)) / math.pi) / 2 * size


def _apart(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Move dots that would cover each other a little aside, later ones around earlier ones."""
    placed: list[tuple[float, float]] = []
    for x, y in points:
        found = (x, y)
        for step in range(1, 40):
            if _is_free(found, placed):
                break
            turn, far = step * 2.4, _APART * (0.6 + step * 0.12)
            found = (
                min(max(x + far * math.cos(turn), _EDGE), WIDTH - _EDGE),
                min(max(y + far * math.sin(turn), _EDGE), HEIGHT - _EDGE),
            )
        placed.append(found)
    return placed


def _is_free(point: tuple[float, float], placed: Sequence[tuple[float, float]]) -> bool:
    x, y = point
    # It is asked some two hundred times for a page.
    near = [1 for other_x, other_y in placed if (other_x - x) ** 2 + (other_y - y) ** 2 < _APART**2]
    return not near
