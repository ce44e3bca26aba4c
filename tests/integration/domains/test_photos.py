"""Photos: uploaded by staff, kept as files, served to everybody."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Row
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.properties.service import photos
from hotel_booking.integrations.media import DiskMedia
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.worker import run
from tests.clients.http_client import client_of, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.http.test_access import contents

PAGE = f"/admin/properties/{SLUG}/photos"


def picture(size: tuple[int, int] = (1200, 800), kind: str = "JPEG", **options: object) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


@asynccontextmanager
async def hotel(db: Database, url: str, folder: Path) -> AsyncIterator[Application]:
    """The application over a small hotel with an empty folder for its photos."""
    await small_hotel(db)
    settings = settings_for(url, mfa_required=False, media_dir=str(folder))
    async with running(settings) as (app, _):
        yield app


@asynccontextmanager
async def editing(db: Database, url: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may edit the small hotel."""
    async with hotel(db, url, folder) as app, signed_in(app, db, (Role.REVENUE, SLUG)) as client:
        yield client


async def upload(
    client: httpx.AsyncClient, data: bytes, *, alt: str = "The pool", **form: Any
) -> httpx.Response:
    name = form.pop("name", "../../etc/passwd.jpg")
    return await client.post(PAGE, data={"alt": alt, **form}, files={"file": (name, data, "image/jpeg")})


async def rows(db: Database) -> list[Row]:
    async with db.transaction() as tx:
        return await tx.fetch("SELECT * FROM property_photo ORDER BY sort, id")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_photo_is_kept_in_its_widths_and_served_to_everybody(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    async with hotel(db, database_url, tmp_path) as app, signed_in(app, db, (Role.REVENUE, SLUG)) as client:
        done = await upload(client, picture(), room_type="DBL")
        assert (done.status_code, done.headers["location"]) == (303, PAGE)
        (row,) = await rows(db)
        assert (row["widths"], row["width"], row["height"], row["alt"]) == (
            [480, 960, 1200],
            1200,
            800,
            "The pool",
        )
        assert files(tmp_path) == [f"{row['file']}-{width}.webp" for width in (1200, 480, 960)]
        page = await client.get(PAGE)
        assert f"/media/{row['file']}-480.webp" in page.text
        assert "Cover" in page.text
        async with client_of(app) as anybody:
            answer = await anybody.get(f"/media/{row['file']}-480.webp")
            assert answer.status_code == 200
            assert Image.open(BytesIO(answer.content)).size == (480, 320)
            assert answer.headers["content-type"] == "image/webp"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            same = await anybody.get(
                f"/media/{row['file']}-480.webp", headers={"if-none-match": answer.headers["etag"]}
            )
            assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.webp",
        "..%2fsecret.webp",
        "%2e%2e%2fsecret.webp",
        "....//secret.webp",
        "/etc/passwd",
        "%00.webp",
        "secret.webp",
        "a" * 32 + "-480.webp",
        "a" * 32 + "-480.webp.part",
        "a" * 32 + "-480.webp%0a",
        "A" * 32 + "-480.webp",
        "a" * 5000,
    ],
)
async def test_only_our_names_are_looked_for(
    db: Database, database_url: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.webp").write_bytes(b"secret")
    (tmp_path / "media").mkdir()
    async with hotel(db, database_url, tmp_path / "media") as app, client_of(app) as anybody:
        answer = await anybody.get(f"/media/{name}")
        assert answer.status_code == 404
        assert b"secret" not in answer.content.replace(name.encode(), b"")


async def test_a_store_takes_no_names_but_its_own(tmp_path: Path) -> None:
    store = DiskMedia(tmp_path / "media")
    for name in ("../x.webp", "a/b.webp", "", "x", "a" * 32 + "-480.png", "a" * 32 + "-480.webp\n"):
        with pytest.raises(ValueError, match="no name"):
            await store.put(name, b"x")
        with pytest.raises(ValueError, match="no name"):
            await store.remove([name])
        assert await store.get(name) is None
    assert files(tmp_path) == []


async def test_a_folder_that_cannot_be_used_is_told_to_staff_and_to_who_runs_it(
    db: Database, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = tmp_path / "file"
    closed.write_text("in the way")  # root may write into a folder that is closed
    async with editing(db, database_url, closed / "media") as client:
        answer = await upload(client, picture())
    assert answer.status_code == 503
    assert "storage of photos cannot be used" in answer.text
    (told,) = [record for record in caplog.records if "HOTEL_MEDIA_DIR" in record.getMessage()]
    assert told.__dict__["reason"] == "Not a directory"
    assert await rows(db) == []


def bomb() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10**6))


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        (
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            422,
            "be read",
        ),
        (b"<!doctype html><script>alert(1)</script>", 422, "be read"),
        (b"GIF89a/*" + picture(), 422, "be read"),
        (bomb(), 422, "40 megapixels"),
        (b"\xff\xd8\xff" + b"\0" * 10_000_001, 422, "larger than 10 MB"),
        (b"\xff\xd8\xff" + b"\0" * 30_000_000, 422, "larger than 10 MB"),
        (b"\xff\xd8\xff" + b"\0" * 41_000_000, 413, ""),
        (b"", 422, ""),
    ],
    ids=["svg", "html", "polyglot", "bomb", "large", "larger", "far too large", "empty"],
)
async def test_what_is_no_photo_is_refused_and_leaves_nothing(
    db: Database, database_url: str, tmp_path: Path, data: bytes, status: int, text: str
) -> None:
    async with editing(db, database_url, tmp_path) as client:
        before = await contents(db)
        answer = await upload(client, data, name="holiday.jpg")
        assert answer.status_code == status
        assert text in answer.text
        assert await contents(db) == before
    assert files(tmp_path) == []


async def test_large_bodies_are_taken_only_here(db: Database, database_url: str, tmp_path: Path) -> None:
    async with editing(db, database_url, tmp_path) as client:
        answer = await client.post(
            f"/admin/properties/{SLUG}/details", files={"file": ("a", b"0" * 2_000_000, "image/jpeg")}
        )
    assert answer.status_code == 413


async def test_a_photo_that_is_too_large_keeps_what_was_typed(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    async with editing(db, database_url, tmp_path) as client:
        answer = await upload(
            client, b"\xff\xd8\xff" + b"\0" * 25_000_000, alt="The harbour at dusk", room_type="DBL"
        )
        assert answer.status_code == 422
        assert 'value="The harbour at dusk"' in answer.text
        assert re.search(r'<option value="DBL" selected', answer.text)
        assert "larger than 10 MB" in answer.text
        assert 'data-most="10000000"' in answer.text
    assert await rows(db) == []


async def test_what_it_shows_must_be_said(db: Database, database_url: str, tmp_path: Path) -> None:
    async with editing(db, database_url, tmp_path) as client:
        for alt, text in (("", "filled in"), ("x" * 301, "longer than 300"), ("a\x00b", "be stored")):
            answer = await upload(client, picture(), alt=alt)
            assert answer.status_code == 422
            assert text in answer.text
        answer = await upload(client, picture(), room_type="NONE")
        assert answer.status_code == 422
        assert "no such room type" in answer.text
        done = await upload(client, picture(), alt="<script>alert(1)</script>\"' onload=x")
        assert done.status_code == 303
        page = await client.get(PAGE)
    assert "<script>alert" not in page.text
    assert len(await rows(db)) == 1


async def test_order_cover_and_words_change(db: Database, database_url: str, tmp_path: Path) -> None:
    async with editing(db, database_url, tmp_path) as client:
        for alt in "abc":
            await upload(client, picture((300, 300)), alt=alt)
        ids = {row["alt"]: row["id"] for row in await rows(db)}

        async def order() -> str:
            return "".join(row["alt"] for row in await rows(db))

        for alt, to, expected in (
            ("c", "up", "acb"),
            ("a", "up", "acb"),
            ("a", "down", "cab"),
            ("b", "down", "cab"),
            ("b", "first", "bca"),
        ):
            answer = await client.post(f"{PAGE}/{ids[alt]}/move", data={"to": to})
            assert answer.status_code == 303
            assert await order() == expected
        assert (await client.post(f"{PAGE}/{ids['a']}/move", data={"to": "sideways"})).status_code == 422
        assert (await client.post(f"{PAGE}/999999/move", data={"to": "up"})).status_code == 404
        answer = await client.post(f"{PAGE}/{ids['a']}", data={"alt": "The bar", "room_type": "DBL"})
        assert answer.status_code == 303
        answer = await client.post(f"{PAGE}/{ids['a']}", data={"alt": ""})
        assert answer.status_code == 422
    assert [row["alt"] for row in await rows(db)] == ["b", "c", "The bar"]


async def test_files_go_once_the_removal_is_committed(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    async with editing(db, database_url, tmp_path) as client:
        await upload(client, picture())
        (row,) = await rows(db)
        assert (await client.post(f"{PAGE}/{row['id']}/delete", data={})).status_code == 303
        assert await rows(db) == []
        assert len(files(tmp_path)) == 3
        assert (await client.post(f"{PAGE}/{row['id']}/delete", data={})).status_code == 404
    await run(database_url, lambda _db: Gateways(SandboxGateway()), media=DiskMedia(tmp_path), wait=False)
    assert files(tmp_path) == []


async def test_files_that_no_photo_knows_of_are_swept(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    store = DiskMedia(tmp_path)
    async with editing(db, database_url, tmp_path) as client:
        await upload(client, picture((300, 300)))
    (row,) = await rows(db)
    lost = "b" * 32
    await store.put(f"{lost}-480.webp", b"x")
    (tmp_path / "bb" / f"{lost}-960.webp.{'c' * 32}.part").write_bytes(b"half")
    now = utc_now()
    assert await photos.sweep(db, store, now=now) == 0
    assert await photos.sweep(db, store, now=now + timedelta(days=2)) == 2
    assert files(tmp_path) == [f"{row['file']}-300.webp"]


async def test_who_may_not_changes_nothing(db: Database, database_url: str, tmp_path: Path) -> None:
    async with hotel(db, database_url, tmp_path) as app:
        async with signed_in(app, db, (Role.REVENUE, SLUG)) as client:
            await upload(client, picture((300, 300)))
        (row,) = await rows(db)
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
                " VALUES ('elsewhere', 'Elsewhere', 'PT', 38.7, -9.1, 'Europe/Lisbon', 'EUR')"
            )
        for grant, status in (((Role.READ_ONLY, SLUG), 403), ((Role.OWNER, "elsewhere"), 404)):
            async with signed_in(app, db, grant) as client:
                before = await contents(db)
                answers = [
                    await upload(client, picture((300, 300))),
                    await client.post(f"{PAGE}/{row['id']}", data={"alt": "x"}),
                    await client.post(f"{PAGE}/{row['id']}/move", data={"to": "up"}),
                    await client.post(f"{PAGE}/{row['id']}/delete", data={}),
                ]
                assert [answer.status_code for answer in answers] == [status] * 4
                # Another property's photo under the own property's address.
                if status == 404:
                    own = "/admin/properties/elsewhere/photos"
                    answer = await client.post(f"{own}/{row['id']}/delete", data={})
                    assert answer.status_code == 404
                else:
                    page = await client.get(PAGE)
                    assert page.status_code == 200
                    assert "Upload" not in page.text
                assert await contents(db) == before
    assert len(files(tmp_path)) == 1
