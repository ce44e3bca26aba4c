"""A hotel's picture for those who show links to its page, and the group's for all other pages: JPEG of 1200
by 630, which all of them read; WebP and SVG they do not."""

from __future__ import annotations

import asyncio
import re
from functools import cache, lru_cache
from hashlib import sha256
from io import BytesIO

from litestar import Response, get

from hotel_booking.core.db import Database
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.properties.errors import NoSuchProperty
from hotel_booking.domains.properties.queries import Photo, covers, file_name, property_by_slug
from hotel_booking.domains.properties.surroundings import surroundings
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.http.access import public
from hotel_booking.http.ui import assets
from hotel_booking.web import placeholder_art
from hotel_booking.web.placeholder_art.brush import HEIGHT, WIDTH
from hotel_booking.web.placeholder_art.setting import Setting, setting_of

SIZE = (1200, 630)
_NAME = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.([0-9a-f]{12})\.jpg", re.ASCII)
_GROUP = re.compile(r"([0-9a-f]{12})\.jpg", re.ASCII)
_GROUPS_SETTING = Setting("town", sea=True, mountains=True, trees="cypress", roofs="tiled", light="warm")
_SIGN = 220  # how large the group's sign is, of the picture's 630
_drawing_alone = asyncio.Semaphore(1)


class NoSuchSocialPicture(NotFound):
    """No hotel has a picture under this name."""

    code = "no_such_picture"


def address(slug: str, cover: Photo | None, setting: Setting) -> str:
    """Where the picture is served: its name changes with what it shows."""
    return f"/social/{slug}.{_mark(cover, setting)}.jpg"


@cache
def group_address() -> str:
    """The same for pages that are of no hotel."""
    return f"/social/{_group_mark()}.jpg"


@cache
def _group_mark() -> str:
    sign = assets.find("favicon.svg").name
    return sha256(f"{placeholder_art.fingerprint()}{_GROUPS_SETTING.code}{sign}".encode()).hexdigest()[:12]


def _mark(cover: Photo | None, setting: Setting) -> str:
    if cover is not None:
        return cover.file[:12]
    return sha256(f"{placeholder_art.fingerprint()}{setting.code}".encode()).hexdigest()[:12]


@get("/social/{name:str}", opt=public(), include_in_schema=False)
async def serve(database: Database, media: MediaStore, name: str) -> Response[bytes]:
    """The picture, drawn one at a time. Under a name of before it is the one of now, and kept for an hour."""
    if (of_group := _GROUP.fullmatch(name)) is not None:
        async with _drawing_alone:
            body = await asyncio.to_thread(_of_group)
        return _jpeg_response(body, kept=of_group[1] == _group_mark())
    found = _NAME.fullmatch(name) if len(name) <= 100 else None
    if found is None:
        raise NoSuchSocialPicture("there is no such picture")
    slug = found[1]
    try:
        async with database.transaction() as tx:
            hotel = await property_by_slug(tx, slug, active_only=True)
            cover = (await covers(tx, [hotel.id])).get(hotel.id)
            setting = setting_of((await surroundings(tx, [hotel.id]))[hotel.id])
    except NoSuchProperty:
        raise NoSuchSocialPicture("there is no such picture") from None
    stored = await media.get(file_name(cover.file, cover.widths[-1])) if cover is not None else None
    async with _drawing_alone:
        if stored is None:
            body = await asyncio.to_thread(_of_drawing, slug, setting)
        else:
            body = await asyncio.to_thread(_of_photo, stored)
    return _jpeg_response(body, kept=found[2] == _mark(cover, setting))


def _jpeg_response(body: bytes, *, kept: bool) -> Response[bytes]:
    headers = {"cache-control": f"public, max-age={31_536_000 if kept else 3600}"}
    return Response(body, media_type="image/jpeg", headers=headers)


@cache
def _of_group() -> bytes:
    """A place by the sea, and the group's sign in its middle."""
    sign = assets.find("favicon.svg").body.decode()
    at = f'x="{(SIZE[0] - _SIGN) // 2}" y="{(SIZE[1] - _SIGN) // 2}" width="{_SIGN}" height="{_SIGN}"'
    cover = _cut("group", _GROUPS_SETTING)
    whole = f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE[0]}" height="{SIZE[1]}">'
    return _of_svg(f"{whole}{cover}{sign.replace('<svg ', f'<svg {at} ', 1)}</svg>")


@lru_cache(maxsize=64)
def _of_drawing(slug: str, setting: Setting) -> bytes:
    return _of_svg(_cut(slug, setting))


def _cut(slug: str, setting: Setting) -> str:
    """The cover that is drawn for the hotel, cut to the size around its middle."""
    high = WIDTH * SIZE[1] // SIZE[0]
    whole = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    cut = f'viewBox="0 {(HEIGHT - high) // 2} {WIDTH} {high}" width="{SIZE[0]}" height="{SIZE[1]}"'
    return placeholder_art.draw(slug, placeholder_art.COVER, setting).replace(whole, cut)


def _of_svg(svg: str) -> bytes:
    import resvg_py  # here and below: only a picture that is drawn needs them

    return _jpeg(bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)))


@lru_cache(maxsize=64)
def _of_photo(stored: bytes) -> bytes:
    """A photo that we have rendered ourselves, cut to the size around its middle."""
    return _jpeg(stored)


def _jpeg(picture: bytes) -> bytes:
    from PIL import Image, ImageOps

    out = BytesIO()
    ImageOps.fit(Image.open(BytesIO(picture)).convert("RGB"), SIZE).save(
        out, "JPEG", quality=82, optimize=True
    )
    return out.getvalue()


handlers = [serve]
