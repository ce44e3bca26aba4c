"""Every overlay is taken by the API server without a warning, and what must be refused is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster

_OVERLAYS = Path(__file__).parents[2] / "deployment" / "kubernetes" / "overlays"


@pytest.mark.parametrize("environment", ["staging", "production", "dr"])
@pytest.mark.parametrize("part", ["cluster", "monitoring", "."])
def test_the_server_takes_it_without_a_warning(control_plane: Cluster, environment: str, part: str) -> None:
    folder = _OVERLAYS / environment / part
    objects = control_plane.built(folder)
    if namespaces := [one for one in objects if one["kind"] == "Namespace"]:
        control_plane.apply(namespaces)
    said = control_plane.apply(objects, "--dry-run=server").splitlines()
    assert [line for line in said if not line.endswith(" serverside-applied (server dry run)")] == []
    assert len(said) == len(objects)


def test_pod_security_refuses_a_privileged_pod(control_plane: Cluster) -> None:
    done = control_plane.kubectl(
        *("run", "loose", "--image=hotel-booking", "-n", "hotel-booking-staging", "--dry-run=server"),
        check=False,
    )
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted' in done.stderr


def test_istio_refuses_a_route_that_leads_nowhere(control_plane: Cluster) -> None:
    wrong = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "wrong", "namespace": "hotel-booking-staging"},
        "spec": {"hosts": ["a.example"], "http": [{"name": "nothing"}]},
    }
    done = control_plane.kubectl(
        "apply", "--server-side", "--dry-run=server", "-f", "-", text=json.dumps(wrong), check=False
    )
    assert done.returncode != 0
    assert "rev.validation.istio.io" in done.stderr
