"""Placeholder art: pictures for every property and room type that has no photo yet.

A picture shows what data say of the hotel and nothing else: its surroundings (`setting`), the beds of a room
type. The rest is drawn by the slug, always the same for the same hotel. All that a picture is drawn from
stands in its address, with the fingerprint of this package: so serving one asks no database, and browsers
keep it for ever.

    placeholder_art.address("grand-lisbon", setting)                      the hotel: its cover
    placeholder_art.address("grand-lisbon", setting, "evening")           the same place at dusk
    placeholder_art.address("grand-lisbon", setting, "room-DBL", beds)    the room type DBL with its beds
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.errors import NotFound
from hotel_booking.domains.properties.beds import bed_kind
from hotel_booking.domains.properties.types import Bed
from hotel_booking.http.access import public
from hotel_booking.web.placeholder_art import interiors
from hotel_booking.web.placeholder_art.brush import HEIGHT, WIDTH, Hand, Palette
from hotel_booking.web.placeholder_art.scenes import view
from hotel_booking.web.placeholder_art.setting import CODE, UNKNOWN, Setting, read

COVER, EVENING, LOBBY, BATHROOM, BREAKFAST = "cover", "evening", "lobby", "bathroom", "breakfast"
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_BEDS = re.compile(r"[0-9]{1,2}_[a-z_]{1,40}(?:\+[0-9]{1,2}_[a-z_]{1,40}){0,19}", re.ASCII)
_NAME = re.compile(
    r"(cover|evening|lobby|bathroom|breakfast|room-[A-Za-z0-9_-]{1,40})"
    rf"(?:\.({CODE}))?(?:\.({_BEDS.pattern}))?(?:\.([0-9a-f]{{12}}))?\.svg",
    re.ASCII,
)
_MOST_BEDS = 20
_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


class NoSuchPicture(NotFound):
    """Nothing is drawn under this name."""

    code = "no_such_picture"


def address(slug: str, setting: Setting, name: str = COVER, beds: Iterable[Bed] = ()) -> str:
    """Where a picture is served: one of the names above, or `room-` with a room type's code and its beds."""
    kinds = "+".join(f"{bed.count}_{re.sub('[^a-z_]', '', bed_kind(bed.type)) or 'bed'}" for bed in beds)
    parts = (name, setting.code, *([kinds] if kinds else []), fingerprint())
    return f"/art/{slug}/{'.'.join(parts)}.svg"


@cache
def fingerprint() -> str:
    """Changes with what draws, so that an address is never used for another picture."""
    sources = sorted((entry for entry in files(__name__).iterdir() if entry.is_file()), key=str)
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]


@lru_cache(maxsize=256)
def draw(slug: str, name: str = COVER, setting: Setting = UNKNOWN, beds: str = "") -> str:
    """The picture as SVG, 1600 by 1000; `beds` as in addresses."""
    light = _light(slug, name, setting)
    counted = [bed.split("_", 1) for bed in beds.split("+") if bed]
    kinds = [kind for count, kind in counted for _ in range(int(count))][:_MOST_BEDS]
    defs, shapes = view(setting, Hand(slug, "place"), light)
    if name not in (COVER, EVENING):
        draw_inside = interiors.ROOMS.get(name, interiors.room)
        defs, shapes = draw_inside(interiors.Inside(Hand(slug, name), light), (defs, shapes), kinds)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} preserveAspectRatio="xMidYMid slice">'
    return f"{start}<defs>{''.join(defs)}</defs>{''.join(shapes)}</svg>"


def _light(slug: str, name: str, setting: Setting) -> Palette:
    """By day, the evening at dusk, and some rooms too."""
    dusk = name == EVENING or (name.startswith("room-") and Hand(slug, name, "light").chance(0.25))
    return Palette.chosen(Hand(slug, "light"), "dusk" if dusk else setting.light)


@lru_cache(maxsize=256)
def _packed(slug: str, name: str, setting: Setting, beds: str) -> bytes:
    return gzip.compress(draw(slug, name, setting, beds).encode(), 9, mtime=0)


@get("/art/{slug:str}/{name:str}", opt=public(), include_in_schema=False, sync_to_thread=False)
def serve(request: Request[Any, Any, State], slug: str, name: str) -> Response[bytes]:
    """A picture. Under its fingerprint it is kept for ever, under any other name for an hour."""
    found = _NAME.fullmatch(name) if len(name) <= 400 and len(slug) <= 80 and _SLUG.fullmatch(slug) else None
    if found is None:
        raise NoSuchPicture("there is no such picture")
    kind, code, beds, mark = found.groups()
    etag = f'"{fingerprint()}"'
    headers = {
        "cache-control": f"public, max-age={'31536000, immutable' if mark == fingerprint() else '3600'}",
        "etag": etag,
        "vary": "accept-encoding",
        "content-security-policy": _POLICY,
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type="image/svg+xml")
    setting = read(code) if code else UNKNOWN
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = _packed(slug, kind, setting, beds or "")
        headers["content-encoding"] = "gzip"
    else:
        body = draw(slug, kind, setting, beds or "").encode()
    return Response(body, headers=headers, media_type="image/svg+xml")


handlers = [serve]
