"""Staging gets production's data without anybody in it, and nothing goes outside, whatever settings say."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from hotel_booking import migrations
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.ops.backup import staging
from hotel_booking.ops.backup.dump import url_of
from hotel_booking.ops.backup.dump_engine import Dumps
from hotel_booking.ops.backup.files import Folder
from hotel_booking.ops.embedded import Cluster
from hotel_booking.ops.refusals import Refused
from tests.databases import copied
from tests.factories.paying import held, paying_hotel

pytestmark = pytest.mark.nightly

_SEED = """
INSERT INTO mail_message (id, event_key, template, language, recipient, data, status, created_at, touched_at)
     VALUES (gen_random_uuid(), 'x', 'x', 'en', 'ana@example.com', '{}', 'waiting', now(), now());
INSERT INTO staff (email, name, password_hash, created_at)
     VALUES ('owner@example.com', 'Olga Owner', 'argon2-secret', now());
"""


@contextmanager
def outside() -> Iterator[tuple[str, list[str]]]:
    """An address, and who has connected to it."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                heard.append("a connection")
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard


def test_nobody_is_in_it_and_nothing_is_sent(cluster: Cluster, database_url: str, tmp_path: Path) -> None:
    async def fill() -> None:
        async with Database.open(database_url, size=2) as db:
            await paying_hotel(db)
            await held(db, "NRF")

    asyncio.run(fill())
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in _SEED.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        total = connection.execute("SELECT total FROM booking").fetchone()
    folder = tmp_path / "backups"
    folder.mkdir()
    engine = Dumps(
        Folder(folder, utc_now), url=database_url, key="the key of this test's backups", clock=utc_now
    )
    backup = engine.backup("full", print)
    with pytest.raises(Refused, match="production's own database"):
        staging.to_staging(engine, backup, "backup", database_url, environ={}, say=print, now=utc_now)

    with copied(cluster, None) as url:
        migrations.upgrade(url)
        kept = staging.to_staging(
            engine, backup, "backup", url, environ=dict(os.environ), say=print, now=utc_now
        )
        with psycopg.connect(url_of(url, "postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{kept}"'.encode())
        text = subprocess.run(
            ["pg_dump", "--data-only", url], env=programs(), capture_output=True, check=True
        ).stdout.decode()
        for personal in ("ana@example.com", "Example\t", "owner@example.com", "Olga Owner", "argon2-secret",
                         "+351 21 000 0000"):  # fmt: skip
            assert personal not in text, personal
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT total FROM booking").fetchone() == total, "as in production"

        with outside() as (address, heard):
            environ = {
                **os.environ,
                "DATABASE_URL": url,
                "HOTEL_ENVIRONMENT": "test",
                "HOTEL_SMTP_URL": f"smtp://{address}",
                "HOTEL_GATEWAY": "stripe",
                "HOTEL_STRIPE_SECRET_KEY": "sk_test_double",
                "HOTEL_STRIPE_PUBLISHABLE_KEY": "pk_test_double",
                "HOTEL_STRIPE_WEBHOOK_SECRETS": "whsec_double",
                "HOTEL_STRIPE_API_BASE": f"http://{address}",
                "HOTEL_PAGERDUTY_KEY": "k" * 32,
                "HOTEL_PAGERDUTY_URL": f"http://{address}",
                "HOTEL_SLACK_TOKEN": "xoxb-1",
                "HOTEL_SLACK_URL": f"http://{address}/api",
                "HOTEL_EXCHANGE_RATES_URL": f"http://{address}/rates",
                "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
            }
            worker = subprocess.Popen(
                [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", "worker"],
                env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdout=subprocess.PIPE,
            )  # fmt: skip
            with psycopg.connect(url, autocommit=True) as connection:
                queue = "SELECT mail_queue(gen_random_uuid(), 'new', 'x', 'en', 'a@example.invalid', '{}',"
                connection.execute(f"{queue} NULL, NULL, NULL, now(), now(), NULL)".encode())
                end = time.monotonic() + 120
                beat = "SELECT count(*) FROM backup_heartbeat WHERE at > now() - interval '1 min'"
                while connection.execute(beat.encode()).fetchone() != (1,) and time.monotonic() < end:
                    assert worker.poll() is None
                    time.sleep(0.2)
                time.sleep(5)  # as long as a mail would take
            worker.terminate()
            said = worker.communicate(timeout=60)[0].decode()
        assert "nothing goes outside" in said
        assert heard == []


def programs() -> dict[str, str]:
    from hotel_booking.ops.embedded.programs import find_programs

    return {**os.environ, "PATH": f"{find_programs()}:{os.environ['PATH']}"}
