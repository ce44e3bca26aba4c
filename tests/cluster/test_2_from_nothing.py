"""Argo CD brings the platform in its waves, until guests book through the gateway."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from tests.cluster import delivery, stores
from tests.cluster.cluster import Cluster
from tests.cluster.load import Guest
from tests.cluster.platform import NAMESPACE


def test_the_application_is_synced_and_healthy(brought: Cluster) -> None:
    assert delivery.state(brought)[:2] == ("Synced", "Healthy")


def test_migrations_end_before_the_first_pod_begins(brought: Cluster) -> None:
    job = brought.get("jobs", NAMESPACE, "hotel-booking-migrate")[0]
    pods = [*brought.get("pods", NAMESPACE, app="hotel-booking")]
    pods += brought.get("pods", NAMESPACE, app="hotel-booking-worker")
    assert job["status"]["succeeded"] == 1
    assert len(pods) >= 5
    assert all(pod["metadata"]["creationTimestamp"] >= job["status"]["completionTime"] for pod in pods)


def test_the_pods_of_a_kind_stand_in_three_zones(brought: Cluster) -> None:
    pods = brought.get("pods", NAMESPACE, app="hotel-booking")
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 3


def test_a_guest_books_a_room_through_the_gateway_and_the_pooler(brought: Cluster) -> None:
    before = stores.pooled(brought.world)
    guest = Guest(f"127.0.0.1:{brought.world.ports['https']}", seed=7)
    guest.sender = "11.22.33.44"
    for _ in range(5):
        guest.visit()
    assert guest.booked
    assert _status(brought, guest.booked[0]) == "confirmed"
    after = stores.pooled(brought.world)
    assert before is not None
    assert after is not None
    assert after >= before + len(guest.booked), "requests go past the pooler"


@pytest.mark.parametrize(
    ("port", "url", "status", "location"),
    [
        ("http", "http://hotelbooking.com/en", 301, "https://hotelbooking.com/en"),
        ("https", "https://api.hotelbooking.com/", 302, "https://api.hotelbooking.com/api/docs"),
        ("https", "https://api.hotelbooking.com/api/v1/properties", 200, ""),
        ("https", "https://admin.hotelbooking.com/", 302, "https://hotelbooking.com/admin"),
        ("https", "https://status.hotelbooking.com/", 200, ""),
        ("https", "https://hotelbooking.com/health/ready", 200, ""),
        ("https", "https://hotelbooking.com/metrics", 404, ""),
    ],
)
def test_a_host_leads_where_its_route_says(
    brought: Cluster, port: str, url: str, status: int, location: str
) -> None:
    asked = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"]
    way = ["--connect-to", f"::127.0.0.1:{brought.world.ports[port]}", url]
    said = subprocess.run([*asked, *way], capture_output=True, text=True, check=True).stdout
    assert said.split(" ", 1) == [str(status), location]


def _status(cluster: Cluster, reference: str) -> str:
    with psycopg.connect(stores.administrator(cluster.world)) as connection:
        row = connection.execute("SELECT status FROM booking WHERE reference = %s", (reference,)).fetchone()
    return "none" if row is None else str(row[0])
