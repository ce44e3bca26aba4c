"""Photos: what was uploaded is decoded and written anew, in a few widths; only the picture itself is kept.

Nothing of the file survives: no EXIF (where and by whom it was taken), no profile, no comment, nothing behind
the picture. What it is, its first bytes say to Pillow; name and declared type are not looked at.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

from hotel_booking.domains.properties.errors import NotAPhoto
from hotel_booking.domains.properties.types import MAX_PHOTO_BYTES, WIDTHS, Rendition

MAX_PIXELS = 40_000_000
# A WebP or AVIF cannot be decoded small, and takes 20 bytes a pixel; cameras make neither.
MAX_PIXELS_WHOLE = 20_000_000
MIN_SIDE = 200
MAX_RATIO = 4  # of the longer side to the shorter
_QUALITY = 80
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
# Pillow fails in many ways on files that are broken on purpose.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, OverflowError, IndexError, KeyError, TypeError)


def render(data: bytes) -> tuple[Rendition, ...]:
    """The picture in at most three widths (480, 960, 1600), narrowest first, never enlarged.

    Costs about a second of CPU and, for the largest pictures, memory: 70 MB for a JPEG, 210 for a PNG, 400
    for a WebP. `decoding.render` does it in a process of its own, one at a time.
    Raises `NotAPhoto`.
    """
    check_size(data)
    try:
        picture = _decode(data)
    except _BROKEN as error:
        raise NotAPhoto(
            "this picture can't be read", field="file", fix="send a JPEG, PNG, WebP or AVIF file"
        ) from error
    wide, high = picture.size
    if min(wide, high) < MIN_SIDE:
        raise NotAPhoto(
            f"the picture is only {wide} by {high} pixels",
            field="file",
            fix=f"send one of {MIN_SIDE} or more on each side; 1600 and more look best",
        )
    if max(wide, high) > MAX_RATIO * min(wide, high):
        raise NotAPhoto(
            "the picture is too long and narrow", field="file", fix="cut it to at most four times its height"
        )
    widths = [width for width in WIDTHS if width < wide] + [wide]
    return tuple(_encode(picture, width) for width in widths)


def check_size(data: bytes) -> None:
    """Raise `NotAPhoto` for a file that is too large, or a WebP with too many pixels, by its first bytes:
    Pillow makes room for a whole WebP when it opens it."""
    if len(data) > MAX_PHOTO_BYTES:
        raise NotAPhoto("the file is larger than 10 MB", field="file", fix="save it smaller, or as JPEG")
    wide, high = _webp_size(data[:64])
    if wide * high > MAX_PIXELS_WHOLE:
        raise _too_many(MAX_PIXELS_WHOLE)


def _webp_size(head: bytes) -> tuple[int, int]:
    """The size that a WebP's header tells; (0, 0) for anything else."""
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return 0, 0

    def number(start: int, end: int) -> int:
        return int.from_bytes(head[start:end], "little")

    match head[12:16]:
        case b"VP8X":
            return number(24, 27) + 1, number(27, 30) + 1
        case b"VP8L":
            bits = number(21, 25)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return number(26, 28) & 0x3FFF, number(28, 30) & 0x3FFF
    return 0, 0


def _decode(data: bytes) -> Image.Image:
    """The picture upright, in sRGB, no larger than needed. Raises `NotAPhoto` for too many pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures; their size is checked here
        try:
            opened = Image.open(BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError:
            raise _too_many(MAX_PIXELS) from None
        with opened:
            # Nothing is decoded before this line.
            limit = MAX_PIXELS_WHOLE if opened.format in ("WEBP", "AVIF") else MAX_PIXELS
            if opened.width * opened.height > limit:
                raise _too_many(limit)
            profile: Any = opened.info.get("icc_profile")
            # A JPEG can be decoded at a half, a quarter or an eighth of its size: that is many times faster.
            opened.draft(None, (WIDTHS[-1], WIDTHS[-1]))
            opened.seek(0)
            opened.load()
            turn = _UPRIGHT.get(_orientation(opened))
            # Made small first and turned then, so that the whole picture is in memory only once.
            box = (WIDTHS[-1], WIDTHS[-1] * MAX_RATIO)
            small = _continuous(opened)
            small.thumbnail(box[::-1] if turn in _SIDEWAYS else box, Image.Resampling.LANCZOS)
            upright = small if turn is None else small.transpose(turn)
            return _plain(_srgb(upright, profile))


_ORIENTATION = 0x0112  # the EXIF tag, and what makes a picture upright
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_UPRIGHT[value] for value in (5, 6, 7, 8)}


def _orientation(picture: Image.Image) -> int:
    try:
        found: int = picture.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1  # broken metadata is no metadata
    return found


def _too_many(limit: int) -> NotAPhoto:
    return NotAPhoto(
        f"the picture has more than {limit // 1_000_000} megapixels",
        field="file",
        fix="make it smaller: 1600 pixels wide is enough",
    )


def _continuous(picture: Image.Image) -> Image.Image:
    """In a mode that can be made smaller smoothly: palettes and more than eight bits cannot."""
    if picture.mode.startswith(("I", "F")):
        return picture.convert("I").point(lambda level: level / 256).convert("L")
    if picture.mode in ("1", "P", "PA"):
        return picture.convert("RGBA")
    return picture


def _srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """In the colours of the web: without its profile a picture would look paler, or wrong."""
    if not profile or picture.mode not in ("RGB", "CMYK", "L"):
        return picture
    try:
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, *_BROKEN):
        return picture  # a broken profile is no profile
    return converted or picture


def _plain(picture: Image.Image) -> Image.Image:
    """The bare pixels: transparent ones on white, nothing attached."""
    plain = Image.new("RGB", picture.size, "white")
    if "A" in picture.getbands() or "a" in picture.getbands():
        layer = picture.convert("RGBA")
        plain.paste(layer, mask=layer.getchannel("A"))
    else:
        plain.paste(picture.convert("RGB"))
    return plain


def _encode(picture: Image.Image, width: int) -> Rendition:
    height = max(1, round(picture.height * width / picture.width))
    sized = picture if width == picture.width else picture.resize((width, height), Image.Resampling.LANCZOS)
    out = BytesIO()
    sized.save(out, "WEBP", quality=_QUALITY, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return Rendition(sized.width, sized.height, out.getvalue())
