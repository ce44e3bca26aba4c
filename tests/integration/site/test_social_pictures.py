"""The picture of a hotel, and of the group, that others show with a link to its page: a JPEG of 1200 by 630,
drawn or photographed."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from PIL import Image

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.properties import group_pages
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.integrations.media import DiskMedia
from tests.clients.http_client import running, settings_for
from tests.factories.small_hotel import SLUG, small_hotel

TAG = re.compile(r'property="og:image" content="https://hotel\.example(/social/[^"]+)"')
FILE = "0123456789abcdef" * 2


async def test_every_page_of_a_hotel_names_a_jpeg_that_is_there(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await small_hotel(db)
    settings = settings_for(database_url, public_url="https://hotel.example", media_dir=str(tmp_path))
    async with running(settings) as (_, client):
        named = set()
        for language in ("en", "de", "fr", "es", "ar"):
            page = (await client.get(f"/{language}/hotels/{SLUG}")).text
            found = TAG.search(page)
            assert found is not None, language
            site = translations(language).gettext("Hotel Booking")
            assert f'<meta property="og:site_name" content="{site}">' in page
            named.add(found[1])
        (path,) = named
        drawn = await client.get(path)
        assert drawn.headers["content-type"] == "image/jpeg"
        assert Image.open(BytesIO(drawn.content)).size == (1200, 630)
        assert Image.open(BytesIO(drawn.content)).format == "JPEG"
        assert len(drawn.content) < 300_000
        # A photo takes its place, under another name.
        photo = BytesIO()
        Image.new("RGB", (900, 600), "teal").save(photo, "WEBP")
        await DiskMedia(tmp_path).put(f"{FILE}-900.webp", photo.getvalue())
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO property_photo (property_id, file, widths, width, height, alt, sort, created_at)"
                " SELECT id, $1, '{900}', 900, 600, 'The sea', 1, now() FROM property", FILE
            )  # fmt: skip
        again = TAG.search((await client.get(f"/en/hotels/{SLUG}")).text)
        assert again is not None
        assert again[1] != path
        shown = await client.get(again[1])
        picture = Image.open(BytesIO(shown.content))
        assert (picture.format, picture.size) == ("JPEG", (1200, 630))
        assert picture.getpixel((600, 300))[2] > 100  # type: ignore[index]  # a picture of three channels
        for odd in ("/social/nowhere.0123456789ab.jpg", "/social/x.jpg", "/social/..%2f.0123456789ab.jpg"):
            assert (await client.get(odd)).status_code == 404, odd


async def test_all_other_pages_that_may_be_found_name_the_groups(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await group_pages.write(tx, kind="help", language="ar", body="مرحبا", version=0, now=utc_now())
    named = set()
    async with running(settings_for(database_url, public_url="https://hotel.example")) as (_, client):
        for language in ("en", "de", "fr", "es", "ar"):
            for inner in ("", "hotels", "help", "search"):
                page = (await client.get(f"/{language}/{inner}")).text
                found = TAG.search(page)
                assert found is not None, (language, inner)
                named.add(found[1])
                url = f'<meta property="og:url" content="https://hotel.example/{language}/{inner}">'
                assert url in page
                title = re.search(r"<title>(.*) · [^·]*</title>", page)
                assert title is not None
                assert f'<meta property="og:title" content="{title[1]}">' in page
                assert page.count("og:image:width") == 1
        # What belongs to one guest is shown to nobody.
        assert "og:" not in (await client.get("/en/booking")).text
        (path,) = named
        drawn = await client.get(path)
        assert drawn.headers["cache-control"] == "public, max-age=31536000"
        picture = Image.open(BytesIO(drawn.content))
        assert (picture.format, picture.size) == ("JPEG", (1200, 630))
        assert picture.getpixel((530, 225)) != picture.getpixel((600, 20))  # the sign stands there
        assert len(drawn.content) < 300_000
        old = await client.get("/social/0123456789ab.jpg")
        assert (old.content, old.headers["cache-control"]) == (drawn.content, "public, max-age=3600")
