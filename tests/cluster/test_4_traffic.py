"""Guests notice nothing of a scaling, a restart, an undo and a drain: no request fails and no booking is
lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE
from tests.cluster.traffic import guests, missing, oversold

_WEB = "deployment/hotel-booking"


def _ready(cluster: Cluster) -> int:
    found = cluster.get("deployments", NAMESPACE, "hotel-booking")[0]
    return int(found["status"].get("readyReplicas", 0))


def _rolled_out(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "status", _WEB, "-n", NAMESPACE, "--timeout=450s", seconds=460)


def _scale_up(cluster: Cluster) -> None:
    """Of pods that are busy, or the autoscaler would take the new ones away again."""
    (cluster.folder / "load").write_text("0.65")
    cluster.kubectl("scale", _WEB, "--replicas=10", "-n", NAMESPACE)
    cluster.until("ten pods", lambda: _ready(cluster) == 10, 180)


def _scale_down(cluster: Cluster) -> None:
    (cluster.folder / "load").write_text("0.3")
    cluster.kubectl("scale", _WEB, "--replicas=3", "-n", NAMESPACE)
    cluster.until("three pods", lambda: len(cluster.get("pods", NAMESPACE, app="hotel-booking")) == 3, 180)


def _restart(cluster: Cluster) -> None:
    before = {pod["metadata"]["uid"] for pod in cluster.get("pods", NAMESPACE, app="hotel-booking")}
    cluster.kubectl("rollout", "restart", _WEB, "-n", NAMESPACE)
    _rolled_out(cluster)

    def replaced() -> bool:
        now = {pod["metadata"]["uid"] for pod in cluster.get("pods", NAMESPACE, app="hotel-booking")}
        return not before & now and len(now) == 3

    cluster.until("the old pods are gone", replaced, 90)


def _undo(cluster: Cluster) -> None:
    def stamped() -> bool:
        template = cluster.get("deployments", NAMESPACE, "hotel-booking")[0]["spec"]["template"]
        return "kubectl.kubernetes.io/restartedAt" in template["metadata"].get("annotations", {})

    assert stamped(), "there is nothing to undo"
    cluster.kubectl("rollout", "undo", _WEB, "-n", NAMESPACE)
    _rolled_out(cluster)
    assert not stamped()


def _drain(cluster: Cluster, node: str) -> None:
    cluster.kubectl(
        "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=450s", seconds=460
    )
    assert not [
        pod
        for pod in cluster.get("pods", NAMESPACE)
        if pod["spec"].get("nodeName") == node and pod["status"]["phase"] == "Running"
    ]
    cluster.kubectl("uncordon", node)
    cluster.until("all pods", lambda: _ready(cluster) == 3, 120)


@pytest.mark.parametrize(
    "act",
    [
        _scale_up,
        _scale_down,
        _restart,
        _undo,
        pytest.param(lambda cluster: _drain(cluster, "node-1"), id="drain node-1"),
        pytest.param(lambda cluster: _drain(cluster, "node-2"), id="drain node-2"),
        pytest.param(lambda cluster: _drain(cluster, "node-3"), id="drain node-3"),
    ],
)
def test_no_guest_notices(brought: Cluster, act: Callable[[Cluster], None]) -> None:
    with guests(brought) as outcome:
        act(brought)
    print(outcome)  # noqa: T201  # `pytest -s` shows what came through
    assert outcome.failures == []
    assert outcome.booked
    assert missing(brought, outcome.booked) == []
    assert oversold(brought) == 0
