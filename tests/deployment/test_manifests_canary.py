"""The Canary fits what the manifests have, and does what the runbook says of it."""

from __future__ import annotations

import re

import pytest
import yaml

from hotel_booking.ops.canary.state import NAME, TARGET
from tests.deployment.documents import ARGOCD, KUBERNETES, Object, called, documents, written

BASE = written(KUBERNETES / "base")
DOCUMENTS = documents(KUBERNETES / "canary-deployment.yaml")
CANARY = DOCUMENTS[0]
ANALYSIS = CANARY["spec"]["analysis"]


def test_it_is_what_the_runbook_says() -> None:
    assert CANARY["metadata"]["name"] == NAME
    assert (ANALYSIS["interval"], ANALYSIS["threshold"]) == ("1m", 5)
    assert {one["name"]: one["thresholdRange"] for one in ANALYSIS["metrics"]} == {
        "success-rate": {"min": 95},
        "duration-p95": {"max": 1000},
        "booking-success": {"min": 95},
    }
    kinds = {one["type"] for one in ANALYSIS["webhooks"]}
    assert {"pre-rollout", "rollout", "confirm-promotion", "rollback", "event"} <= kinds


def test_max_weight_is_a_persons_word_alone() -> None:
    """A step of 10 up to 50, written out: by a `stepWeight` Flagger would go by `maxWeight` too, and 100
    would lengthen what it is to end. Its definition takes either."""
    assert ANALYSIS["maxWeight"] == 50
    assert ANALYSIS["stepWeights"] == list(range(10, 51, 10))
    assert "stepWeight" not in ANALYSIS


def test_what_it_names_is_there() -> None:
    spec, service = CANARY["spec"], CANARY["spec"]["service"]
    assert spec["targetRef"]["name"] == TARGET
    assert spec["targetRef"]["name"] in called(BASE, "Deployment")
    assert spec["autoscalerRef"]["name"] in called(BASE, "HorizontalPodAutoscaler")
    apex = called(BASE, "Service")[service["name"]]["spec"]["ports"]
    as_asked = {"name": service["portName"]} | {
        key: service[key] for key in ("port", "targetPort", "appProtocol")
    }
    assert apex == [as_asked], "Flagger would write it anew"
    assert service["name"] in called(BASE, "VirtualService")
    templates = called(DOCUMENTS, "MetricTemplate")
    assert {one["templateRef"]["name"] for one in ANALYSIS["metrics"]} == templates.keys()
    namespaces = {one["metadata"]["namespace"] for one in DOCUMENTS}
    # Flagger looks into no other namespace, and takes none to be another.
    namespaces |= {one["templateRef"]["namespace"] for one in ANALYSIS["metrics"]}
    assert namespaces == {"hotel-booking-production"}
    release = called(BASE, "Service")["hotel-booking-release"]["metadata"]["name"]
    for hook in ANALYSIS["webhooks"]:
        assert hook["url"].startswith(f"http://{release}.hotel-booking-production.svc/canary/")


def test_flagger_tells_pods_apart_by_a_label_of_its_own() -> None:
    values = yaml.safe_load((ARGOCD / "addons" / "values" / "flagger.yaml").read_text())
    web = called(BASE, "Deployment")["hotel-booking"]["spec"]
    assert web["selector"]["matchLabels"][values["selectorLabels"]] == "hotel-booking"
    for kind in ("NetworkPolicy", "PodDisruptionBudget", "PeerAuthentication", "AuthorizationPolicy"):
        for one in called(BASE, kind).values():
            assert values["selectorLabels"] not in str(one["spec"]), "it would not hold for what serves"


def test_its_two_kinds_of_pods_are_reached_as_the_one_is() -> None:
    rules = [one["spec"] for one in called(BASE, "DestinationRule").values()]
    active = CANARY["spec"]["service"]["name"]
    assert {one["host"] for one in rules} == {active, f"{active}-primary", f"{active}-canary"}
    assert all(one["trafficPolicy"] == rules[0]["trafficPolicy"] for one in rules)


@pytest.mark.parametrize(
    "metric", called(DOCUMENTS, "MetricTemplate").values(), ids=lambda one: one["metadata"]["name"]
)
def test_a_metric_is_of_the_release_that_is_tried(metric: Object) -> None:
    patterns = set(re.findall(r'pod=~"([^"]+)"', metric["spec"]["query"]))
    assert len(patterns) == 1
    pattern = re.compile(patterns.pop().replace("{{ target }}", "hotel-booking"))
    assert pattern.fullmatch("hotel-booking-7d4b9c6f5-x2x7q")
    for other in ("primary", "worker", "release", "blue", "green", "status", "guard"):
        assert not pattern.fullmatch(f"hotel-booking-{other}-7d4b9c6f5-x2x7q")


def test_the_hooks_are_reached_by_flagger_alone() -> None:
    policy = called(BASE, "NetworkPolicy")["release"]["spec"]
    (only,) = policy["ingress"]
    assert only["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "flagger-system"}}}
    ]
    (rule,) = called(BASE, "Role")["hotel-booking-release"]["rules"]
    assert rule == {
        "apiGroups": ["flagger.app"],
        "resources": ["canaries"],
        "resourceNames": [NAME],
        "verbs": ["get", "patch"],
    }
