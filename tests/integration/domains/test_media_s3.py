"""Photos in a bucket: kept, served from our own host, removed; and what happens when the storage does not
play along."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting import ConfigError
from hotel_booking.integrations.media import MediaUnavailable
from hotel_booking.integrations.s3_media import S3Media
from tests.clients.http_client import running, settings_for
from tests.doubles.s3 import (
    BUCKET,
    KEY,
    REGION,
    SECRET,
    S3Double,
)

NAME = f"{'ab' * 16}-480.webp"


def store(s3: S3Double, *, secret: str = SECRET, seconds: float = 5) -> S3Media:
    return S3Media(
        BUCKET,
        prefix="house",
        region=REGION,
        endpoint=s3.url,
        access_key=KEY,
        secret_key=secret,
        seconds=seconds,
    )


async def test_a_file_is_kept_listed_and_removed() -> None:
    with S3Double() as s3:
        media = store(s3)
        await media.put(NAME, b"a picture")
        assert set(s3.objects) == {f"house/ab/{NAME}"}
        assert s3.types == {"image/webp"}
        assert await media.get(NAME) == b"a picture"
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert await media.names(older_than=later) == [NAME]
        assert await media.names(older_than=later - timedelta(days=1)) == []
        await media.remove([NAME, NAME.replace("ab", "cd")])
        assert s3.objects == {}
        assert await media.get(NAME) is None
        assert s3.refused == 0


@pytest.mark.parametrize("name", ["../../etc/passwd", "a.webp", "", f"{NAME}/x", f"house/{NAME}"])
async def test_no_other_name_reaches_the_bucket(name: str) -> None:
    with S3Double() as s3:
        s3.objects[f"house/{name[:2]}/{name}"] = b"secret", datetime.now(UTC)
        assert await store(s3).get(name) is None
        with pytest.raises(ValueError, match="no name"):
            await store(s3).put(name, b"x")


class _Role(BaseHTTPRequestHandler):
    """Gives the pod's role, as EKS does, to who shows the pod's token."""

    def do_GET(self) -> None:
        given = {
            "AccessKeyId": KEY,
            "SecretAccessKey": SECRET,
            "Token": "t",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        body = json.dumps(given).encode() if self.headers["Authorization"] == "of-the-pod" else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


async def test_without_keys_it_is_the_pods_role_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("of-the-pod")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Role)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/role")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    try:
        with S3Double() as s3:
            media = S3Media(
                BUCKET, region=REGION, endpoint=s3.url, access_key=None, secret_key=None, seconds=5
            )
            await media.put(NAME, b"a picture")
            assert await media.get(NAME) == b"a picture"
            assert s3.refused == 0
    finally:
        server.shutdown()
        server.server_close()


async def test_it_is_tried_again_but_not_for_ever() -> None:
    with S3Double() as s3:
        media = store(s3)
        await media.put(NAME, b"a picture")
        s3.failures = 2
        assert await media.get(NAME) == b"a picture"
        s3.failures = 50
        with pytest.raises(MediaUnavailable):
            await media.get(NAME)
        assert s3.failures == 50 - 3
        s3.failures = 0
        with pytest.raises(MediaUnavailable):
            await store(s3, secret="wrong").put(NAME, b"x")
        assert s3.refused >= 1
        s3.seconds = 3
        with pytest.raises(MediaUnavailable):
            await store(s3, seconds=0.5).get(NAME)


async def test_guests_get_photos_from_our_host_and_are_told_when_the_storage_is_down(
    database_url: str, db: Database
) -> None:
    del db
    with S3Double() as s3:
        settings = settings_for(
            database_url,
            media_url=f"s3://{BUCKET}/house",
            s3_endpoint=s3.url,
            s3_region=REGION,
            s3_access_key=KEY,
            s3_secret_key=SECRET,
        )
        await store(s3).put(NAME, b"a picture")
        async with running(settings) as (_, client):
            answer = await client.get(f"/media/{NAME}")
            assert (answer.status_code, answer.content) == (200, b"a picture")
            assert "immutable" in answer.headers["cache-control"]
            assert (await client.get(f"/media/{NAME.replace('ab', 'cd')}")).status_code == 404
            s3.failures = 50
            down = await client.get(f"/media/{NAME}")
            assert down.status_code == 503
            assert s3.url not in down.text
            assert SECRET not in down.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"HOTEL_MEDIA_URL": "photos"}, "HOTEL_MEDIA_URL must be s3://bucket"),
        (
            {"HOTEL_MEDIA_URL": "s3://photos", "HOTEL_S3_ENDPOINT": "https://minio:9000"},
            "HOTEL_S3_ACCESS_KEY and HOTEL_S3_SECRET_KEY",
        ),
        ({"HOTEL_S3_ACCESS_KEY": "one"}, "HOTEL_S3_ACCESS_KEY and HOTEL_S3_SECRET_KEY"),
        ({"HOTEL_S3_ENDPOINT": "minio:9000"}, "HOTEL_S3_ENDPOINT must begin with https://"),
        ({"HOTEL_MAP_TILES": "http://tiles.example.com/{z}/{x}/{y}.png"}, "HOTEL_MAP_TILES must be"),
        ({"HOTEL_MAP_TILES": "https://tiles.example.com/{z}/{x}.png"}, "HOTEL_MAP_TILES must be"),
        ({"HOTEL_MAP_TILES": "https://tiles.example.com; script-src */{z}{x}{y}"}, "HOTEL_MAP_TILES must be"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, str], said: str) -> None:
    environ = {"DATABASE_URL": "postgresql://localhost/x", "HOTEL_ENVIRONMENT": "test"} | changes
    with pytest.raises(ConfigError) as error:
        read_settings(environ)
    assert said in str(error.value)
    assert "SECRET_KEY=" not in str(error.value)
