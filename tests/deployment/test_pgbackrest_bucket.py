"""pgBackRest with its store in a bucket, over TLS: archived, lost with its machine, and back.

The bucket is moto's. Its own server closes connections without TLS's word for it, which pgBackRest takes for
an answer that was cut off, and asks again and again: so nginx stands in front of it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.refusals import Refused
from tests.clients.own_postgresql import OwnPostgresql, own_postgresql
from tests.deployment import debian
from tests.deployment.aws_double import moto, moto_program
from tests.factories.certificates import certificate

pytestmark = [pytest.mark.deploy, pytest.mark.nightly]

BUCKET, REGION, KEY, SECRET = "backups", "us-east-1", "key-of-a-test", "secret-of-a-test"
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 100; }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {pem};
        ssl_certificate_key {pem};
        location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_set_header Host $http_host; }}
    }}
}}
"""


@contextmanager
def over_tls(folder: Path, pem: Path, behind: int) -> Iterator[int]:
    """The port of an nginx in front of another server."""
    debian.need("nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    made = folder / "nginx.conf"
    made.write_text(CONFIGURATION.format(folder=folder, port=port, pem=pem, behind=behind))
    server = subprocess.Popen([debian.program("nginx"), "-c", str(made), "-e", str(folder / "error.log")])
    try:
        debian.until(lambda: debian.listens("127.0.0.1", port), "nginx listens")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Store]:
    # Not pytest's folder: PostgreSQL's user has to read what its programs trust.
    folder = Path(tempfile.mkdtemp(prefix="bucket-"))
    folder.chmod(0o755)
    try:
        pem = certificate(folder)
        pem.chmod(0o644)
        with moto(moto_program(), folder / "moto.log") as behind, over_tls(folder, pem, behind) as port:
            store = Store("/db", BUCKET, f"https://localhost:{port}", REGION, KEY, SECRET, str(pem))
            client(store).create_bucket(Bucket=BUCKET)
            yield store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def own(bucket: Store) -> Iterator[OwnPostgresql]:
    """With a table of one row, and a full backup."""
    with own_postgresql(bucket=bucket) as running:
        running.execute("CREATE TABLE kept (at timestamptz DEFAULT clock_timestamp())")
        running.execute("INSERT INTO kept DEFAULT VALUES")
        running.engine.backup("incr", running.said.append)
        yield running


def client(store: Store) -> boto3.client:
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=store.region,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        verify=store.authorities,
    )


def objects(store: Store) -> list[str]:
    pages = client(store).get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [one["Key"] for page in pages for one in page.get("Contents", ())]


def test_what_was_archived_to_a_bucket_is_back_after_the_machine_was_lost(
    own: OwnPostgresql, bucket: Store
) -> None:
    own.execute("INSERT INTO kept DEFAULT VALUES")
    own.archived()
    assert not [*own.store.iterdir()], "nothing is kept beside it"
    assert own.value("SELECT failed_count FROM pg_stat_archiver") == 0
    assert [backup.kind for backup in own.engine.backups()] == ["full"]
    assert list(own.engine.verify(None, own.said.append)) == []
    for name in objects(bucket)[:20]:
        body = client(bucket).get_object(Bucket=BUCKET, Key=name)["Body"].read()
        assert b"kept" not in body, "readable without the key"

    own.destroy()
    restored = own.engine.restore(own.engine.backups()[0], until="end", say=own.said.append)
    assert own.value("SELECT count(*) FROM kept", restored.url) == 2
    own.engine.switch(restored, own.said.append)
    own.execute("INSERT INTO kept DEFAULT VALUES")
    own.archived()  # into the bucket again, on a timeline of its own


def test_what_was_damaged_in_the_bucket_is_found(own: OwnPostgresql, bucket: Store) -> None:
    [name] = [one for one in objects(bucket) if one.endswith("/bundle/1") or "/base/" in one][:1]
    held = client(bucket).get_object(Bucket=BUCKET, Key=name)["Body"].read()
    client(bucket).put_object(Bucket=BUCKET, Key=name, Body=held[: len(held) // 2] + bytes(len(held) // 2))
    assert list(own.engine.verify(None, own.said.append)) != []
    client(bucket).put_object(Bucket=BUCKET, Key=name, Body=held)
    assert list(own.engine.verify(None, own.said.append)) == []


def test_a_bucket_that_is_not_there_is_refused(bucket: Store) -> None:
    nowhere = Store("/db", "no-such-bucket", bucket.endpoint, REGION, KEY, SECRET, bucket.authorities)
    with pytest.raises(Refused, match="stanza-create failed"), own_postgresql(bucket=nowhere):
        pytest.fail("it was set up")
