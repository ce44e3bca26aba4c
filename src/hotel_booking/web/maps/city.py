"""A small plan of where a hotel lies: its city's centre, circles around it, and the hotel. Pure."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, hypot, radians

import msgspec

from hotel_booking.domains.search.area import EARTH_KM

WIDTH, HEIGHT = 400, 260
NEAR_KM = 60.0
"""Of its city's centre; a hotel further out is not said to be in it."""
_ROOM = 96  # how far from the centre the hotel may stand on the plan
_STEPS = (0.25, 0.5, 1, 2, 5, 10, 20, 50)  # of circles, in kilometres


class CityPlan(msgspec.Struct, frozen=True):
    """Points and circles on a sheet of 400 by 260; each circle has its label."""

    centre: tuple[int, int]
    hotel: tuple[int, int]
    rings: tuple[tuple[int, str], ...]


def city_plan(
    city: tuple[float, float], hotel: tuple[float, float], kilometres: Callable[[float], str]
) -> CityPlan:
    """The plan of a hotel near a city's centre, both by latitude and longitude."""
    degree = radians(1) * EARTH_KM
    east = (hotel[1] - city[1]) * degree * cos(radians(city[0]))
    north = (hotel[0] - city[0]) * degree
    far = max(hypot(east, north), 0.2)
    step = next((one for one in _STEPS if far / one <= 3), _STEPS[-1])
    scale = _ROOM / far
    # The centre moves away from the hotel, so that both are in the middle of the sheet.
    x, y = WIDTH / 2 - east * scale * 0.4, HEIGHT / 2 + 12 + north * scale * 0.3
    rings = tuple((round(step * n * scale), kilometres(step * n)) for n in range(1, 5))
    return CityPlan(
        (round(x), round(y)),
        (round(x + east * scale), round(y - north * scale)),
        tuple(ring for ring in rings if ring[0] >= 24),
    )
