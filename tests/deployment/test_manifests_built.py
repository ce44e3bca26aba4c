"""Every overlay as kustomize builds it: valid for the oldest and the newest Kubernetes that it is for, in the
eyes of the projects whose kinds it uses, and keeping the policy. `make check-deploy` runs these."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hotel_booking.core.environment import read_settings
from tests.deployment.checkers import check
from tests.deployment.crd_schemas import is_custom, mistakes
from tests.deployment.documents import (
    ARGOCD,
    KUBERNETES,
    OVERLAYS,
    Object,
    built,
    called,
    containers,
    pod_of,
    walk,
)
from tests.deployment.policy import problems
from tests.deployment.test_manifests_environment import ADDRESSES, GENERATED, THIRD_PARTIES

pytestmark = pytest.mark.deploy

VERSIONS = ("1.28", "1.34", "1.37")  # the runbook's, the default, the newest known (docs/decisions/0063)
FOLDERS = [
    folder.relative_to(KUBERNETES.parent)
    for overlay in OVERLAYS
    for folder in (
        KUBERNETES / "overlays" / overlay,
        KUBERNETES / "overlays" / overlay / "cluster",
        KUBERNETES / "overlays" / overlay / "monitoring",
        ARGOCD / "overlays" / overlay,
        ARGOCD / "addons" / "overlays" / overlay,
    )
]


@pytest.fixture(scope="module", params=FOLDERS, ids=str)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return built(KUBERNETES.parent / request.param)


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> tuple[str, list[Object]]:
    return request.param, built(KUBERNETES / "overlays" / request.param)


@pytest.fixture(scope="module")
def everything() -> list[Object]:
    """What all folders make, told apart by name: each checker starts once."""
    return [one for folder in FOLDERS for one in built(KUBERNETES.parent / folder)]


@pytest.mark.parametrize(
    "version",
    ["1.34", *(pytest.param(other, marks=pytest.mark.nightly) for other in VERSIONS if other != "1.34")],
)
def test_it_is_valid(everything: list[Object], version: str, tmp_path: Path) -> None:
    known = [one for one in everything if not is_custom(one)]
    path = tmp_path / "objects.yaml"
    path.write_text(yaml.safe_dump_all(known))
    said = check("kubernetes-validate", "--strict", "-k", version, path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert (said.stdout + said.stderr).count(" passed ") == len(known)


def test_a_field_that_came_later_is_refused(tmp_path: Path) -> None:
    """The check tells 1.28 from 1.34: `sleep` as a preStop is not in the older one."""
    web = called(built(KUBERNETES / "overlays" / "production"), "Deployment")["hotel-booking"]
    web["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] = {"sleep": {"seconds": 10}}
    path = tmp_path / "web.yaml"
    path.write_text(yaml.safe_dump(web))
    assert check("kubernetes-validate", "--strict", "-k", "1.28", path).returncode != 0
    assert check("kubernetes-validate", "--strict", "-k", "1.34", path).returncode == 0


def test_custom_resources_fit_our_schemas(objects: list[Object]) -> None:
    assert mistakes(objects) == []


def test_custom_resources_fit_the_projects_definitions(
    everything: list[Object], shared_data: Path, tmp_path: Path
) -> None:
    """Where they are at hand, by the checker beside them."""
    definitions = sorted((shared_data / "crds").glob("*.yaml"))
    kinds = {
        document["spec"]["names"]["kind"]
        for path in definitions
        for document in yaml.safe_load_all(path.read_text())
        if document
    }
    custom = [one for one in everything if is_custom(one) and one["kind"] in kinds]
    assert {"VirtualService", "Gateway", "ServiceMonitor", "Application"} <= {one["kind"] for one in custom}
    path = tmp_path / "objects.yaml"
    path.write_text(yaml.safe_dump_all(custom))
    checker = shared_data.parent / "tools" / "crdcheck.py"
    ran = subprocess.run(
        [sys.executable, checker, path, *definitions], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_keeps_the_policy(objects: list[Object]) -> None:
    assert problems(objects, tags=True) == []


def test_nothing_is_left_open(objects: list[Object]) -> None:
    """No word in capitals that an overlay should have replaced."""
    text = json.dumps(objects)
    for word in ("REPOSITORY", "REVISION", "SERVER", "ENVIRONMENT"):
        assert f'"{word}"' not in text
        assert f"/{word}" not in text


def test_everything_is_in_its_namespace(overlay: tuple[str, list[Object]]) -> None:
    name, objects = overlay
    everywhere = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    for one in objects:
        expected = None if one["kind"] in everywhere else f"hotel-booking-{name}"
        assert one["metadata"].get("namespace") == expected, one["metadata"]
    assert list(called(objects, "Namespace")) == [f"hotel-booking-{name}"]


def test_another_environments_names_are_not_in_it(overlay: tuple[str, list[Object]]) -> None:
    name, objects = overlay
    for other in set(OVERLAYS) - {name}:
        text = json.dumps(objects)
        if name == "dr":  # its secrets, photos and status page are production's
            text = text.replace("hotel-booking/production/", "").replace("hotel-booking-production-", "")
        assert f"hotel-booking-{other}" not in text
        assert f"hotel-booking/{other}/" not in text


def test_the_built_settings_start(overlay: tuple[str, list[Object]]) -> None:
    """The ConfigMap itself, merged by kustomize, and what the container adds."""
    _, objects = overlay
    web = called(objects, "Deployment")["hotel-booking"]["spec"]["template"]["spec"]["containers"][0]
    name = next(one["configMapRef"]["name"] for one in web["envFrom"] if "configMapRef" in one)
    assert name.startswith("hotel-booking-settings-"), "changed settings would start nothing anew"
    of_pod = {"status.podIP": "10.0.0.7", "metadata.namespace": "hotel-booking-production"}
    pod = {one["name"]: of_pod[one["valueFrom"]["fieldRef"]["fieldPath"]] for one in web["env"]}
    environ = called(objects, "ConfigMap")[name]["data"] | ADDRESSES | GENERATED | THIRD_PARTIES | pod
    assert read_settings(environ).production


def test_hosts_are_those_of_the_environment(overlay: tuple[str, list[Object]]) -> None:
    name, objects = overlay
    domain = "staging.hotelbooking.com" if name == "staging" else "hotelbooking.com"
    expected = {domain, *(f"{sub}.{domain}" for sub in ("api", "admin", "monitoring", "status"))}
    assert {
        host for one in called(objects, "VirtualService").values() for host in one["spec"].get("hosts", [])
    } == expected
    for server in called(objects, "Gateway")["hotel-booking"]["spec"]["servers"]:
        assert set(server["hosts"]) == expected
    authorities = {value for key, value in walk(objects) if key == "authority"}
    assert authorities == {domain}


def test_images_of_ours_are_one(overlay: tuple[str, list[Object]]) -> None:
    _, objects = overlay
    images = {
        value for one in objects if pod_of(one) is not None for key, value in walk(one) if key == "image"
    }
    assert len(images) == 1, "a migration of another release than the pods"


def test_the_pipeline_writes_the_image_and_nothing_else(tmp_path: Path) -> None:
    """By the command that it runs, twice; what a person wrote beside it stays as it was."""
    folder = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, folder)
    release = folder / "overlays" / "production" / "release"
    for tag in ("20270101-aaaaaaaaaaaa", "20270102-bbbbbbbbbbbb"):
        image = f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/hotel-booking:{tag}@sha256:{'0' * 64}"
        ran = check("kustomize", "edit", "set", "image", f"hotel-booking={image}", cwd=release)
        assert ran.returncode == 0, ran.stderr
        objects = built(release.parent)
        pods = [pod for one in objects if (pod := pod_of(one)) is not None]
        assert {container["image"] for pod in pods for container in containers(pod)} == {image}
        assert problems(objects, tags=True) == []
    before = built(KUBERNETES / "overlays" / "production")
    assert [one["metadata"]["name"] for one in objects] == [one["metadata"]["name"] for one in before]
    assert "# Which image runs here." in (release / "kustomization.yaml").read_text()


def test_argo_applies_what_is_there() -> None:
    for name in OVERLAYS:
        application = called(built(ARGOCD / "overlays" / name), "Application")["hotel-booking"]["spec"]
        assert (KUBERNETES.parents[1] / application["source"]["path"] / "kustomization.yaml").exists()
        built_objects = built(KUBERNETES / "overlays" / name)
        for ignored in application["ignoreDifferences"]:
            there = called(built_objects, ignored["kind"])
            assert ignored.get("name") in there or (there and "name" not in ignored), ignored
        for addon in called(built(ARGOCD / "addons" / "overlays" / name), "Application").values():
            paths = (
                [addon["spec"]["source"]["path"]]
                if "source" in addon["spec"]
                else [
                    file.removeprefix("$values/")
                    for file in addon["spec"]["sources"][0]["helm"]["valueFiles"]
                ]
            )
            for path in paths:
                assert (KUBERNETES.parents[1] / path).exists(), path


def test_the_project_allows_what_the_application_has(overlay: tuple[str, list[Object]]) -> None:
    name, objects = overlay
    project = called(built(ARGOCD / "overlays" / name), "AppProject")["hotel-booking"]["spec"]
    allowed = {(one["group"], one["kind"]) for one in project["clusterResourceWhitelist"]}
    for one in objects:
        if "namespace" not in one["metadata"]:
            group = one["apiVersion"].rpartition("/")[0]
            assert (group, one["kind"]) in allowed
    assert project["destinations"][0]["namespace"] == f"hotel-booking-{name}"
