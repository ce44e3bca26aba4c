"""Uploaded pictures: what is kept of them, and what is refused."""

from __future__ import annotations

import resource
import struct
import sys
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from hotel_booking.domains.properties import decoding, images
from hotel_booking.domains.properties.errors import NotAPhoto
from hotel_booking.domains.properties.images import render
from hotel_booking.domains.properties.types import MAX_PHOTO_BYTES

SECRET = b"48.8584 N, taken by Ana with camera 4711"


def picture(
    size: tuple[int, int] = (2000, 1000), kind: str = "JPEG", mode: str = "RGB", **options: object
) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new(mode, size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    """A file of ours, decoded."""
    image = Image.open(BytesIO(body), formats=("WEBP",))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_four_formats_become_webp_in_three_widths(kind: str) -> None:
    renditions = render(picture(kind=kind))
    assert [(one.width, one.height) for one in renditions] == [(480, 240), (960, 480), (1600, 800)]
    for one in renditions:
        image = opened(one.body)
        assert (image.format, image.size) == ("WEBP", (one.width, one.height))


@pytest.mark.parametrize(
    ("wide", "widths"), [(300, [300]), (480, [480]), (700, [480, 700]), (1600, [480, 960, 1600])]
)
def test_nothing_is_enlarged(wide: int, widths: list[int]) -> None:
    assert [one.width for one in render(picture((wide, 400)))] == widths


def test_where_and_by_whom_it_was_taken_is_gone() -> None:
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Author", SECRET.decode())
    for data in (
        picture(exif=exif, comment=SECRET, xmp=b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"),
        picture(kind="PNG", pnginfo=chunks, exif=exif),
        picture(kind="WEBP", exif=exif, xmp=SECRET),
    ):
        assert SECRET[:10] in data or b"eXIf" in data
        for one in render(data):
            image = opened(one.body)
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)
            assert b"EXIF" not in one.body
            assert b"XMP " not in one.body
            assert SECRET[:10] not in one.body


def test_a_picture_is_turned_upright_before_its_orientation_is_forgotten() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    first = render(picture((1000, 600), exif=exif))[0]
    image = opened(first.body).convert("RGB")
    assert (first.width, first.height) == (480, 800)
    top, bottom = image.getpixel((240, 100)), image.getpixel((240, 700))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > 60 > top[2]
    assert bottom[2] > 200 > 60 > bottom[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "size",
    [(600, 1000), *(pytest.param(size, marks=pytest.mark.nightly) for size in ((1000, 600), (2400, 1500)))],
)
def test_every_orientation_is_that_of_the_standard(orientation: int, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "white")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    image.paste("blue", (size[0] // 2, 0, size[0], size[1] // 2))
    out = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(out, "PNG", exif=exif)
    ours = opened(render(out.getvalue())[0].body)
    right = ImageOps.exif_transpose(Image.open(BytesIO(out.getvalue()))).resize(ours.size)
    for x in (1, 3):
        for y in (1, 3):
            spot = (ours.width * x // 4, ours.height * y // 4)
            one, other = ours.getpixel(spot), right.getpixel(spot)
            assert isinstance(one, tuple)
            assert isinstance(other, tuple)
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40


def test_broken_metadata_is_no_metadata() -> None:
    assert render(picture(exif=b"Exif\0\0" + b"\xff" * 200))


def test_what_lies_behind_the_picture_is_not_kept() -> None:
    payload = b"<script>alert(1)</script>PK\x03\x04"
    for one in render(picture() + payload):
        assert b"script" not in one.body
        assert one.body.startswith(b"RIFF")
        assert struct.unpack("<I", one.body[4:8])[0] + 8 == len(one.body)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16", "1"])
def test_grey_transparent_and_indexed_pictures(mode: str) -> None:
    out = BytesIO()
    Image.new(mode, (600, 400)).save(out, "PNG")
    image = opened(render(out.getvalue())[-1].body)
    assert image.mode == "RGB"
    assert image.getpixel((10, 10)) == ((255, 255, 255) if mode == "RGBA" else (0, 0, 0))


def test_pictures_in_cmyk_come_out_in_rgb() -> None:
    out = BytesIO()
    Image.new("CMYK", (600, 400)).save(out, "JPEG")
    assert opened(render(out.getvalue())[-1].body).getpixel((5, 5)) == (255, 255, 255)


def bomb(wide: int, high: int) -> bytes:
    """A PNG of some bytes that says it is large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "picture can't be read"),
        (b"hello", "picture can't be read"),
        (b"<!doctype html><script>alert(1)</script>", "picture can't be read"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "picture can't be read"),
        (b"%PDF-1.7", "picture can't be read"),
        (b"GIF89a/*" + picture(), "picture can't be read"),
        (b"<html>" + picture(), "picture can't be read"),
        (picture(kind="GIF"), "picture can't be read"),
        (picture(kind="TIFF"), "picture can't be read"),
        (picture(kind="BMP"), "picture can't be read"),
        (picture()[:2000], "picture can't be read"),
        (b"\0" * (MAX_PHOTO_BYTES + 1), "larger than 10 MB"),
        (bomb(8000, 5001), "40 megapixels"),
        (bomb(60_000, 60_000), "40 megapixels"),
        (bomb(2**31 - 1, 2**31 - 1), "40 megapixels"),
        (bomb(4000, 3000), "picture can't be read"),
        (picture((199, 400)), "199 by 400"),
        (picture((2000, 300)), "long and narrow"),
    ],
)
def test_what_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(NotAPhoto, match=said):
        render(data)


def _webp(wide: int, high: int) -> bytes:
    """The smallest WebP of a size: one colour, about a kilobyte whatever it unpacks to."""
    out = BytesIO()
    Image.new("RGB", (wide, high), "teal").save(out, "WEBP", lossless=True, method=0)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["VP8X", "VP8L", "VP8 "])
def test_a_small_webp_of_many_pixels_is_refused_by_its_header(kind: str) -> None:
    """Nothing is decoded: the size stands in the first bytes, and what follows need not even be there."""
    wide, high = 6_500, 6_000
    head = b"RIFF\x00\x04\x00\x00WEBP" + kind.encode() + b"\x00\x04\x00\x00"
    match kind:
        case "VP8X":
            head += bytes(4) + (wide - 1).to_bytes(3, "little") + (high - 1).to_bytes(3, "little")
        case "VP8L":
            head += b"\x2f" + (wide - 1 | high - 1 << 14).to_bytes(4, "little")
        case _:
            head += bytes(3) + b"\x9d\x01\x2a" + wide.to_bytes(2, "little") + high.to_bytes(2, "little")
    with pytest.raises(NotAPhoto, match="more than 20 megapixels"):
        images.check_size(head.ljust(64, b"\x00"))


async def test_what_takes_too_much_memory_ends_its_own_process_alone() -> None:
    small = await decoding.render(_webp(900, 600))
    assert [one.width for one in small] == [480, 900]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = _webp_bomb()
    with pytest.raises(NotAPhoto, match="more than 20 megapixels"):
        await decoding.render(data)
    with pytest.raises(NotAPhoto, match="this picture can't be read"):
        await decoding.render(b"GIF89a" + bytes(100))
    # A kilobyte more than the limit of the process: the serving one does not grow by it.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


async def test_the_process_is_bounded_whatever_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit that no picture fits in, the process ends and the file is named as the cause."""
    script = (
        "from hotel_booking.domains.properties import decoding, images;"
        "images.render = lambda data: [bytearray(10**9)]; decoding.main()"
    )
    monkeypatch.setattr(decoding, "_CALL", (sys.executable, "-P", "-c", script))
    with pytest.raises(NotAPhoto, match="more memory or time"):
        await decoding.render(b"x" * 100)


def _webp_bomb() -> bytes:
    head = b"RIFF\x00\x04\x00\x00WEBPVP8L\x00\x04\x00\x00\x2f"
    return (head + (6_500 - 1 | (6_000 - 1) << 14).to_bytes(4, "little")).ljust(1_000, b"\x00")
