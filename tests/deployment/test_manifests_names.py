"""The names that the runbook's lines ask for are those of the manifests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deployment.documents import (
    ARGOCD,
    KUBERNETES,
    OVERLAYS,
    ROOT,
    called,
    chosen,
    documents,
    pod_of,
    variables,
    written,
)

BASE = written(KUBERNETES / "base")
NAMESPACE = documents(KUBERNETES / "overlays" / "production" / "kustomization.yaml")[0]["namespace"]


def _lines(path: Path) -> list[str]:
    """The `kubectl` lines of a document, each whole."""
    text = path.read_text().replace("\\\n", " ")
    return re.findall(r"^\s*(kubectl .+)$", text, re.MULTILINE)


def _seed() -> Path | None:
    """The runbook that the platform was planned with, where it is there."""
    path = ROOT.parent / "shared" / "runbook-seed.md"
    return path if path.exists() else None


@pytest.mark.parametrize("of", ["ours", "the planned one"])
def test_what_the_runbook_names_is_there(of: str) -> None:
    path = ROOT / "docs" / "RUNBOOK.md" if of == "ours" else _seed()
    if path is None:
        pytest.skip("the planned runbook is not beside this checkout")
    for line in _lines(path):
        for namespace in re.findall(r"(?:-n |--namespace[= ])(\S+)", line):
            assert namespace == NAMESPACE, line
        for deployment in re.findall(r"\bdeployments?[/ ](hotel-booking\S*)", line):
            assert deployment in called(BASE, "Deployment"), line
        for service in re.findall(r"\bservices?[/ ](hotel-booking\S*)", line):
            assert service in called(BASE, "Service"), line
        for job in re.findall(r"\bcronjobs?[/ ](hotel-booking\S*)", line):
            assert job in called(BASE, "CronJob"), line
        for label in re.findall(r"-l (\S+)", line):
            wanted = dict(pair.split("=") for pair in label.split(","))
            pods = [pod for one in BASE if (pod := pod_of(one)) is not None]
            assert any(chosen(wanted, pod["metadata"]["labels"]) for pod in pods), line


def test_names_that_others_rely_on() -> None:
    assert {"hotel-booking", "hotel-booking-worker"} <= called(BASE, "Deployment").keys()
    assert called(BASE, "Service").keys() == {
        *("hotel-booking", "hotel-booking-active", "hotel-booking-worker", "hotel-booking-release"),
        "hotel-booking-guard",
    }
    assert {"hotel-booking", "hotel-booking-worker", "hotel-booking-migrate"} <= called(
        BASE, "ServiceAccount"
    ).keys()
    assert "hotel-booking-migrate" in called(BASE, "Job")
    assert "hotel-booking-settings" in called(BASE, "ConfigMap")
    assert (
        called(BASE, "ExternalSecret")["hotel-booking-secrets"]["spec"]["target"]["name"]
        == "hotel-booking-secrets"
    )
    roles = called(BASE, "Role").keys()
    assert roles == {
        f"hotel-booking-{role}"
        for role in (
            "read-only",
            "operator",
            "dba",
            "deployer",
            "release",
            "guard",
            "access-reaper",
            "backups",
        )
    }
    ports = {
        port["name"]: port["containerPort"]
        for one in called(BASE, "Deployment").values()
        for container in one["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports", [])
        if one["metadata"]["name"] == "hotel-booking"
    }
    assert ports == {"http": 8000, "metrics": 9100}


def test_guests_reach_the_pods_of_one_deployment() -> None:
    """By the label `workload`, whose value is the Deployment's name; `app` is that of all of them."""
    active = called(BASE, "Service")["hotel-booking-active"]["spec"]["selector"]
    assert active == {"workload": "hotel-booking"}
    web = called(BASE, "Deployment")["hotel-booking"]["spec"]
    assert web["selector"]["matchLabels"] == {"app": "hotel-booking"} | active
    assert called(BASE, "Service")["hotel-booking"]["spec"]["selector"] == {"app": "hotel-booking"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_namespace_and_application_have_the_environments_name(overlay: str) -> None:
    kustomization = documents(KUBERNETES / "overlays" / overlay / "kustomization.yaml")[0]
    source = variables(ARGOCD / "overlays" / overlay / "source.env")
    assert kustomization["namespace"] == source["namespace"] == f"hotel-booking-{overlay}"
    assert source["path"] == f"deployment/kubernetes/overlays/{overlay}"


def test_the_five_hosts() -> None:
    routes = called(BASE, "VirtualService").values()
    hosts = {host for route in routes for host in route["spec"].get("hosts", [])}
    subs = ("api", "admin", "monitoring", "status")
    assert hosts == {"hotelbooking.com", *(f"{sub}.hotelbooking.com" for sub in subs)}
    for overlay in OVERLAYS:
        settings = variables(KUBERNETES / "overlays" / overlay / "settings.env")
        domain = settings["HOTEL_PUBLIC_URL"].removeprefix("https://")
        assert settings["HOTEL_STATUS_HOST"] == f"status.{domain}"
