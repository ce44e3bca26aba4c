"""Placeholder art: a picture for every property and room type that has no photo yet.

Pictures are drawn from the slug alone: a place (sea, mountains, a city, gardens) in some light, always the
same for the same hotel, and its rooms with that view in their windows. They are SVG of a few kilobytes,
served under an address that holds the fingerprint of this code, so a browser keeps them for ever.

    art.address("grand-lisbon")                  the hotel: its cover
    art.address("grand-lisbon", "evening")       the same place at dusk
    art.address("grand-lisbon", "room-DBL")      the room type DBL
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.errors import NotFound
from hotel_booking.http.access import public
from hotel_booking.web.placeholder_art.brush import (
    DAY,
    DUSK,
    HEIGHT,
    WIDTH,
    Hand,
    Palette,
)
from hotel_booking.web.placeholder_art.interiors import room
from hotel_booking.web.placeholder_art.scenes import view

COVER = "cover"
EVENING = "evening"
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_NAME = re.compile(r"(cover|evening|room-[A-Za-z0-9_-]{1,40})(?:\.([0-9a-f]{12}))?\.svg", re.ASCII)
_SOURCES = ("__init__", "brush", "scenery", "scenes", "interiors")
_TELLING = {
    "sea": set(
        "sea seaside seaview beach ocean coast harbour harbor bay lagoon island marina cove shore".split()
    ),
    "mountains": set("alp alps alpine alpin mountain mountains peak ski chalet summit berg valley".split()),
    "garden": set("garden gardens villa vineyard farm finca quinta country lodge orchard manor".split()),
    "city": set("city central grand exchange station airport arcade court quarter".split()),
}
_OFTEN = ("city", "city", "city", "sea", "sea", "garden", "mountains")
_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


class NoSuchPicture(NotFound):
    """Nothing is drawn under this name."""

    code = "no_such_picture"


def address(slug: str, name: str = COVER) -> str:
    """Where a picture is served: `cover`, `evening`, or `room-` with a room type's code."""
    return f"/art/{slug}/{name}.{fingerprint()}.svg"


@cache
def fingerprint() -> str:
    """Changes with the code that draws, so that an address is never used for another picture."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / f"{name}.py").read_bytes() for name in _SOURCES)).hexdigest()[:12]


def scene_of(slug: str) -> str:
    """Which kind of place a hotel stands in: what its name says, else most likely a city."""
    words = set(slug.split("-"))
    for scene, telling in _TELLING.items():
        if words & telling:
            return scene
    return Hand(slug, "scene").one_of(_OFTEN)


@lru_cache(maxsize=256)
def draw(slug: str, name: str) -> str:
    """The picture as SVG, 1600 by 1000."""
    light = _light(slug, name)
    defs, shapes = view(scene_of(slug), Hand(slug, "place"), light)
    if name.startswith("room-"):
        defs, shapes = room(Hand(slug, name), light, (defs, shapes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="xMidYMid slice">'
        f"<defs>{''.join(defs)}</defs>{''.join(shapes)}</svg>"
    )


def _light(slug: str, name: str) -> Palette:
    """By day or at dusk: a cover by the hotel, the evening of course at dusk, rooms some of each."""
    hand = Hand(slug, "light")
    day, dusk = hand.one_of(DAY), hand.one_of(DUSK)
    at_dusk = hand.chance(0.3)
    if name == EVENING:
        return day if at_dusk else dusk  # the other light than the cover's
    if name != COVER:
        at_dusk = Hand(slug, name, "light").chance(0.25)
    return dusk if at_dusk else day


@lru_cache(maxsize=256)
def _packed(slug: str, name: str) -> bytes:
    return gzip.compress(draw(slug, name).encode(), 9, mtime=0)


@get("/art/{slug:str}/{name:str}", opt=public(), include_in_schema=False, sync_to_thread=False)
def serve(request: Request[Any, Any, State], slug: str, name: str) -> Response[bytes]:
    """A picture. Under its fingerprint it is kept for ever, under any other name for an hour."""
    found = _NAME.fullmatch(name)
    if found is None or len(slug) > 80 or not _SLUG.fullmatch(slug):
        raise NoSuchPicture("there is no such picture")
    kept = found[2] == fingerprint()
    etag = f'"{fingerprint()}"'
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if kept else "public, max-age=3600",
        "etag": etag,
        "vary": "accept-encoding",
        "content-security-policy": _POLICY,
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type="image/svg+xml")
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(_packed(slug, found[1]), headers=headers, media_type="image/svg+xml")
    return Response(draw(slug, found[1]).encode(), headers=headers, media_type="image/svg+xml")


handlers = [serve]
