"""Maintenance mode by the runbook's two lines: at the gateway within a second, on connections that are open
too; the application follows, so that rooms that are held stay held; and nothing but what is closed is
refused."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.cluster import load, stores
from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE
from tests.release.conftest import Guests
from tests.release.releases import Releases

FILE = Path(__file__).parents[2] / "deployment" / "kubernetes" / "maintenance-mode.yaml"
_SHOW = (
    "exec",
    "-n",
    NAMESPACE,
    "service/hotel-booking-active",
    "--",
    "hotel-booking",
    "ops",
    "maintenance",
    "show",
)


def ask(
    connection: http.client.HTTPSConnection,
    path: str,
    *,
    host: str = load.HOST,
    method: str = "GET",
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection that stays open."""
    told = {"Host": host, "X-Forwarded-For": "13.0.0.1, 198.51.100.7", **headers}
    connection.request(method, path, b"{}" if method == "POST" else None, told)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@contextmanager
def gateway(cluster: Cluster) -> Iterator[http.client.HTTPSConnection]:
    connection = load.connect(f"127.0.0.1:{cluster.world.ports['https']}")
    try:
        yield connection
    finally:
        connection.close()


def until_status(connection: http.client.HTTPSConnection, wanted: int, since: float) -> float:
    """Seconds until the page is answered so."""
    while ask(connection, "/en/hotels")[0] != wanted:
        assert time.monotonic() - since < 30, f"no {wanted}"
        time.sleep(0.05)
    return time.monotonic() - since


@pytest.fixture
def opened(releases: Releases) -> Iterator[Cluster]:
    """The gateway is open before, and whatever happens after."""
    try:
        yield releases.cluster
    finally:
        releases.cluster.kubectl("delete", "--ignore-not-found", "-f", str(FILE))


def test_on_and_off_while_guests_book(opened: Cluster, guests: Guests) -> None:
    cluster = opened
    with gateway(cluster) as before, guests("maintenance on and off") as row:
        assert ask(before, "/en/hotels")[0] == 200
        held = _held(cluster)
        assert held
        cluster.kubectl("apply", "-f", str(FILE))
        closed = until_status(before, 503, time.monotonic())
        with gateway(cluster) as after:
            assert ask(after, "/en/hotels")[0] == 503
            _refused(after)
            _let_through(after)
        cluster.until("the application knows", lambda: _shown(cluster) == 3, 60)
        cluster.until("holds wait", lambda: _waiting(cluster) > 0, 20)
        status = json.loads(_ok(before, "/health/ready"))
        assert status["mode"] == "maintenance"
        assert b"Scheduled maintenance" in _ok(before, "/status/en")
        time.sleep(5)
        cluster.kubectl("delete", "-f", str(FILE))
        open_again = until_status(before, 200, time.monotonic())
        assert _shown(cluster) == 0
        assert _waiting(cluster) == 0
    assert row.answered["closed"] > 0
    print(f"gateway closed {closed:.2f} s after kubectl returned, the site open {open_again:.2f} s after")  # noqa: T201  # for the report


def test_what_a_person_closed_stays_closed_when_the_gateway_opens(opened: Cluster) -> None:
    hotel = (
        "exec",
        "-n",
        NAMESPACE,
        "service/hotel-booking-active",
        "--",
        "hotel-booking",
        "ops",
        "maintenance",
    )
    opened.kubectl(*hotel, "on", "--minutes", "5")
    opened.kubectl("apply", "-f", str(FILE))
    time.sleep(5)
    opened.kubectl("delete", "-f", str(FILE))
    time.sleep(5)
    assert _shown(opened) == 3
    opened.kubectl(*hotel, "off")
    assert _shown(opened) == 0


def _refused(connection: http.client.HTTPSConnection) -> None:
    for language, headline in (
        ("en", "We’ll be back soon"),
        ("de", "Wir sind bald wieder da"),
        ("ar", "سنعود قريبًا"),
    ):
        for path, headers in ((f"/{language}", {}), ("/", {"Accept-Language": f"{language};q=0.9"})):
            status, told, body = ask(connection, path, **headers)
            assert (status, headline in body.decode()) == (503, True), (language, path)
            assert (told["retry-after"], told["content-language"], told["x-closed"]) == (
                "600",
                language,
                "maintenance",
            )
            assert told["content-type"] == "text/html; charset=utf-8"
            assert told["x-request-id"]
    status, told, body = ask(connection, "/api/v1/places?q=lis")
    assert (status, json.loads(body)["code"]) == (503, "closed_for_maintenance")
    assert told["content-type"] == "application/problem+json"
    assert ask(connection, "/api/v1/properties", host="api.hotelbooking.com")[0] == 503
    assert ask(connection, "/en", method="HEAD")[2] == b""


def _let_through(connection: http.client.HTTPSConnection) -> None:
    for path in ("/health/live", "/health/ready", "/admin/sign-in", "/status/en", "/api/docs"):
        assert ask(connection, path)[0] == 200, path
    assert ask(connection, "/", host="status.hotelbooking.com")[0] in (200, 302, 303, 307)
    assert ask(connection, "/admin", host="admin.hotelbooking.com")[0] == 302
    status, _, _ = ask(connection, "/webhooks/alertmanager", method="POST")
    assert status == 401, "heard, and not believed"


def _ok(connection: http.client.HTTPSConnection, path: str) -> bytes:
    status, _, body = ask(connection, path)
    assert status == 200, path
    return body


def _shown(cluster: Cluster) -> int:
    return cluster.kubectl(*_SHOW, check=False).returncode


def _held(cluster: Cluster) -> int:
    return _count(cluster, "status = 'held'")


def _waiting(cluster: Cluster) -> int:
    """Rooms that are held for as long as it is closed."""
    late = datetime.now(UTC) + timedelta(days=90)
    return _count(cluster, f"status = 'held' AND hold_expires_at > '{late.isoformat()}'")


def _count(cluster: Cluster, which: str) -> int:
    with psycopg.connect(stores.administrator(cluster.world)) as connection:
        row = connection.execute(f"SELECT count(*) FROM booking WHERE {which}").fetchone()
    return int(row[0]) if row else 0
