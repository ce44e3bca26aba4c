"""A real Prometheus finds the pods by the ServiceMonitors, takes the rules, and tells of a pod that hangs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.measuring import ask, read, start_prometheus
from tests.cluster.platform import NAMESPACE

_RULES = Path(__file__).parents[2] / "deployment" / "monitoring" / "prometheus" / "rules"


@pytest.fixture(scope="module")
def prometheus(brought: Cluster) -> Cluster:
    """The cluster with Prometheus on it."""
    start_prometheus(brought, NAMESPACE)
    return brought


def test_every_web_and_worker_pod_is_scraped(prometheus: Cluster) -> None:
    pods = {
        app: {pod["metadata"]["name"] for pod in prometheus.get("pods", NAMESPACE, app=app)}
        for app in ("hotel-booking", "hotel-booking-worker")
    }

    def up(job: str) -> set[str]:
        return {one["metric"]["pod"] for one in ask(prometheus, f'up{{job="{job}"}} == 1')}

    prometheus.until("the web pods", lambda: up("web") == pods["hotel-booking"], 60)
    prometheus.until("the workers", lambda: up("worker") == pods["hotel-booking-worker"], 60)
    assert ask(prometheus, "sum(hotel_booking_http_requests_total)")


def test_the_rules_are_those_of_the_repository(prometheus: Cluster) -> None:
    written = [
        (group["name"], rule.get("alert") or rule["record"])
        for file in sorted(_RULES.glob("*.yml"))
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
    groups = read(prometheus, "rules")["groups"]
    taken = [(group["name"], rule["name"]) for group in groups for rule in group["rules"]]
    assert sorted(taken) == sorted(written)
    prometheus.until("all are judged", lambda: all(_healthy(prometheus)), 60)


def test_a_pod_that_hangs_is_told_of(prometheus: Cluster) -> None:
    """The worker's process stands still, as on a node that has no memory left."""
    pod = prometheus.get("pods", NAMESPACE, app="hotel-booking-worker")[0]["metadata"]["name"]
    record = json.loads((prometheus.folder / "pods" / NAMESPACE / pod / "worker.json").read_text())
    group = f"-{record['pid']}"
    prometheus.world.run(["kill", "-STOP", "--", group])
    try:
        prometheus.until("TargetDown", lambda: pod in _told(prometheus, "TargetDown"), 60)
    finally:
        prometheus.world.run(["kill", "-CONT", "--", group])
    prometheus.until("it is over", lambda: pod not in _told(prometheus, "TargetDown"), 60)


def _healthy(cluster: Cluster) -> list[bool]:
    return [rule["health"] == "ok" for group in read(cluster, "rules")["groups"] for rule in group["rules"]]


def _told(cluster: Cluster, alert: str) -> set[str]:
    alerts = read(cluster, "alerts")["alerts"]
    return {
        one["labels"].get("pod", "")
        for one in alerts
        if one["labels"]["alertname"] == alert and one["state"] == "firing"
    }
