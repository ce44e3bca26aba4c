"""Isolating a pod and preserving evidence on a real API server, as an operator may: its ReplicaSet and
Service follow from the labels alone, and no NetworkPolicy of ours knows it any more.

The control plane of test_7: its node is a name, so pods are what the test says of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hotel_booking.ops.evidence import make_key
from hotel_booking.ops.kubectl import Kubectl
from hotel_booking.ops.quarantine import LABEL, ways
from tests.cluster import stores
from tests.cluster.cluster import Cluster
from tests.cluster.platform import NAMESPACE
from tests.cluster.test_7_access_for_hours import ROOT, bare, typed
from tests.cluster.test_7_access_for_hours import environ as administrator

__all__ = ["administrator", "bare"]  # fixtures

_POLICIES = ROOT / "deployment" / "kubernetes" / "base" / "network" / "policies.yaml"
_LABELS = {"app": "hotel-booking", "app.kubernetes.io/name": "hotel-booking"}


@pytest.fixture
def environ(bare: Cluster, administrator: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An operator, who may not administer the cluster, and signs evidence."""
    config = json.loads(bare.kubeconfig.read_text())
    config["users"][0]["user"] |= {
        "as": "access:jane.roe@company.com",
        "as-groups": ["hotel-booking:operator", "system:authenticated"],
    }
    (tmp_path / "operator").write_text(json.dumps(config))
    private, public = make_key()
    (tmp_path / "signers").write_text(f"on-call incident {public}\n")
    return administrator | {
        "KUBECONFIG": str(tmp_path / "operator"),
        "DATABASE_URL": stores.administrator(bare.world),
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_REASON": "it sends what it should not",
        "HOTEL_EVIDENCE_KEY": private,
        "HOTEL_EVIDENCE_SIGNERS": str(tmp_path / "signers"),
    }


@pytest.fixture
def pods(bare: Cluster) -> list[str]:
    """Two pods that serve, behind a Service, with all NetworkPolicies."""
    documents = yaml.safe_load_all(_POLICIES.read_text())
    policies = [one for one in documents if one["kind"] == "NetworkPolicy"]
    for one in policies:
        one["metadata"]["namespace"] = NAMESPACE
    meta = {"name": "hotel-booking", "namespace": NAMESPACE}
    spec = {"nodeName": "node-1", "containers": [{"name": "web", "image": "hotel-booking:1"}]}
    template = {"metadata": {"labels": _LABELS}, "spec": spec}
    selector = {"matchLabels": {"app": "hotel-booking"}}
    bare.apply(
        [
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}},
            *policies,
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": meta,
                "spec": {"replicas": 2, "selector": selector, "template": template},
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {**meta, "name": "hotel-booking-active"},
                "spec": {"selector": {"app": "hotel-booking"}, "ports": [{"port": 8000}]},
            },
        ]
    )
    names: list[str] = until(lambda: names_of(bare) if len(names_of(bare)) == 2 else None)
    for number, name in enumerate(names):
        address = f"10.1.0.{number + 1}"
        ready = [{"type": "Ready", "status": "True"}]
        status = {"podIP": address, "podIPs": [{"ip": address}], "phase": "Running", "conditions": ready}
        patch = json.dumps({"status": status})
        bare.kubectl(
            "patch", "pod", name, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch
        )
    assert until(lambda: addresses(bare) if len(addresses(bare)) == 2 else None) == ["10.1.0.1", "10.1.0.2"]
    return names


def names_of(cluster: Cluster) -> list[str]:
    """Pods of the application, as Services and ReplicaSets look for them."""
    there = [one["metadata"] for one in cluster.get("pods", NAMESPACE, app="hotel-booking")]
    return sorted(meta["name"] for meta in there if "deletionTimestamp" not in meta)


def addresses(cluster: Cluster) -> list[str]:
    """Where the Service sends requests."""
    slices = cluster.get("endpointslices.discovery.k8s.io", NAMESPACE)
    ends = [end for one in slices for end in one.get("endpoints") or () if end["conditions"].get("ready")]
    return sorted(address for end in ends for address in end["addresses"])


def until(look: Callable[[], Any]) -> Any:
    """What it finds, once it finds something."""
    end = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.3)
    return found


def test_a_pod_is_isolated_and_its_evidence_preserved_by_an_operator(
    bare: Cluster, environ: dict[str, str], pods: list[str]
) -> None:
    suspect = pods[0]
    words = ("isolate", "pod", suspect, "--incident", "1")
    none = typed("ops", *words, environ=environ)
    assert none.returncode == 2
    assert "there is no incident 1" in none.stderr
    assert names_of(bare) == pods
    declare(environ)
    done = typed("ops", *words, environ=environ)
    assert done.returncode == 0, done.stderr
    assert "client_addr = '10.1.0.1'" in done.stdout
    (there,) = bare.get("pods", NAMESPACE, suspect)
    assert there["metadata"]["labels"] == {LABEL: "incident-1"}
    assert "ownerReferences" not in there["metadata"], "its ReplicaSet has let it go"
    assert until(lambda: addresses(bare) == ["10.1.0.2"]), "no request is sent to it"
    assert until(lambda: len(names_of(bare)) == 2), "another one takes its place"
    assert suspect not in names_of(bare)
    assert ways(Kubectl(NAMESPACE, environ=environ), 1) == []
    assert typed("ops", *words, environ=environ).returncode == 0, "once more"

    done = typed("ops", "evidence", "collect", "--incident", "1", "--no-snapshot", environ=environ)
    assert done.returncode == 3, done.stderr
    missing = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("  not there")]
    # No kubelet answers for logs; all else an operator may see.
    assert [name for name in missing if not name.startswith("logs/")] == ["database/snapshot"], done.stdout
    folder = done.stdout.split("Preserved: ", 1)[1].split(" (", 1)[0]
    seen = json.loads((Path(folder) / "cluster" / "pods.json").read_text())
    assert suspect in [one["metadata"]["name"] for one in seen["items"]]
    assert typed("ops", "evidence", "verify", folder, environ=environ).returncode == 0

    done = typed("ops", *words, "--undo", "--approver", "ann.poe@company.com", environ=environ)
    assert done.returncode == 0, done.stderr
    assert until(lambda: len(names_of(bare)) == 2), "one too many: one of them ends"
    bare.kubectl("delete", "deployment", "hotel-booking", "-n", NAMESPACE)


def declare(environ: dict[str, str]) -> None:
    """Incident 1, by the tracker itself."""
    import subprocess
    import sys

    words = ("incident", "declare", "Somebody is in", "--severity", "P3")
    ours = [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", *words]
    done = subprocess.run(ours, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
