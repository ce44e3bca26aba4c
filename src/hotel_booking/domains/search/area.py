"""Distances and boxes on the globe. Pure."""

from __future__ import annotations

from math import asin, cos, degrees, isfinite, radians, sin, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from hotel_booking.domains.search.errors import InvalidArea
from hotel_booking.domains.search.types import Around, Box

EARTH_KM = 6371.0088  # mean radius (IUGG)
MAX_RADIUS_KM = 500.0


def around(lat: float, lon: float, radius_km: float) -> Around:
    """A circle. Raises `InvalidArea` where the point is not on earth or the radius is not 0 to 500 km."""
    _check_degrees("lat", lat, 90)
    _check_degrees("lon", lon, 180)
    if not (isfinite(radius_km) and 0 < radius_km <= MAX_RADIUS_KM):
        raise InvalidArea(f"radius_km must be more than 0 and at most {MAX_RADIUS_KM:.0f}", field="radius_km")
    return Around(lat, lon, radius_km)


def box(south: float, west: float, north: float, east: float) -> Box:
    """A box; `west` above `east` crosses the 180th meridian. Raises `InvalidArea`."""
    for value, most in ((south, 90), (north, 90), (west, 180), (east, 180)):
        _check_degrees("bbox", value, most)
    if south > north:
        raise InvalidArea(
            "the box's south is north of its north",
            field="bbox",
            fix="bbox=south,west,north,east, such as 48.0,11.3,48.3,11.8",
        )
    return Box(south, west, north, east)


def bounds(where: Around | Box) -> tuple[float, float, list[tuple[float, float]]]:
    """South, north, and the one or two ranges of meridians that hold everything in the area."""
    if isinstance(where, Box):
        if where.west <= where.east:
            return where.south, where.north, [(where.west, where.east)]
        return where.south, where.north, [(where.west, 180.0), (-180.0, where.east)]
    # A hair wider than the circle: the exact distance decides later.
    reach = where.radius_km / EARTH_KM * 1.000001 + 1e-9
    south, north = where.lat - degrees(reach), where.lat + degrees(reach)
    if south <= -90 or north >= 90:
        return max(south, -90.0), min(north, 90.0), [(-180.0, 180.0)]
    wide = degrees(asin(min(1.0, sin(reach) / cos(radians(where.lat))))) + 1e-7
    west, east = where.lon - wide, where.lon + wide
    if west < -180:
        return south, north, [(west + 360, 180.0), (-180.0, east)]
    if east > 180:
        return south, north, [(west, 180.0), (-180.0, east - 360)]
    return south, north, [(west, east)]


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """The great-circle distance (haversine formula; within 0.5 % of the ellipsoid's)."""
    up, over = radians(lat2 - lat1) / 2, radians(lon2 - lon1) / 2
    h = sin(up) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(over) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(h)))


def on_sphere(lat: float, lon: float) -> tuple[float, float, float]:
    """A point of a sphere of radius 1: towards the meridian of Greenwich, towards the east, and up."""
    up, over = radians(lat), radians(lon)
    return cos(up) * cos(over), cos(up) * sin(over), sin(up)


def distances(
    where: Around, lats: npt.ArrayLike, lons: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Of many points, which lie in the circle, and their distances from its centre in whole metres. Whoever
    searches an area uses this one, so that all round alike."""
    up, over = np.radians(np.subtract(lats, where.lat)) / 2, np.radians(np.subtract(lons, where.lon)) / 2
    h = np.sin(up) ** 2 + cos(radians(where.lat)) * np.cos(np.radians(lats)) * np.sin(over) ** 2
    kilometres = 2 * EARTH_KM * np.arcsin(np.minimum(1.0, np.sqrt(h)))
    return kilometres <= where.radius_km, np.rint(kilometres * 1000).astype(np.int64)


def _check_degrees(field: str, value: float, most: int) -> None:
    if not (isfinite(value) and -most <= value <= most):
        raise InvalidArea(f"{field} has a value outside {-most} to {most} degrees", field=field)
