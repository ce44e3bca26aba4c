"""The Kubernetes manifests as Python reads them: as they are written, and as kustomize builds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from tests.deployment.checkers import check

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deployment" / "kubernetes"
ARGOCD = ROOT / "deployment" / "argocd"
MONITORING = ROOT / "deployment" / "monitoring"
OVERLAYS = ("staging", "production", "dr")

Object = dict[str, Any]


def documents(path: Path) -> list[Object]:
    """What stands in a file of YAML."""
    return [document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document]


def written(folder: Path) -> list[Object]:
    """What a kustomization lists, without any patch; what it generates has its name and no hash."""
    kustomization = documents(folder / "kustomization.yaml")[0]
    found: list[Object] = []
    for name in kustomization.get("resources", []):
        path = folder / name
        found += written(path) if path.is_dir() else documents(path)
    for kind in ("ConfigMap", "Secret"):
        for generator in kustomization.get(f"{kind[0].lower()}{kind[1:]}Generator", []):
            if generator.get("behavior") == "merge":
                continue
            data: dict[str, str] = {}
            for env in generator.get("envs", []):
                data |= variables(folder / env)
            for file in generator.get("files", []):
                data[Path(file.rpartition("=")[2]).name] = (folder / file.rpartition("=")[2]).read_text()
            options = {"annotations": {}, **generator.get("options", {})}
            found.append(
                {
                    "apiVersion": "v1",
                    "kind": kind,
                    "metadata": {"name": generator["name"], "annotations": options["annotations"]},
                    "data": data,
                }
            )
    return found


def variables(path: Path) -> dict[str, str]:
    """What a file of settings says, a line each: NAME=value."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def built(folder: Path) -> list[Object]:
    """What kustomize makes of a folder; fails where it refuses."""
    return list(yaml.safe_load_all(built_text(folder)))


def built_text(folder: Path) -> str:
    """The same as text."""
    ran = check("kustomize", "build", folder)
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr.strip(), ran.stderr  # a warning, such as of a field that is going away
    return ran.stdout


def called(objects: Sequence[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def pod_of(one: Object) -> Object | None:
    """The template of the pods that an object makes, None where it makes none."""
    if one["kind"] in ("Deployment", "Job", "StatefulSet", "DaemonSet"):
        return cast(Object, one["spec"]["template"])
    if one["kind"] == "CronJob":
        return cast(Object, one["spec"]["jobTemplate"]["spec"]["template"])
    return None


def containers(pod: Object) -> list[Object]:
    """All containers of a pod's template, those that run first too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def chosen(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether `matchLabels` or a Service's selector chooses what has these labels."""
    return all(labels.get(key) == value for key, value in selector.items())


def wave(one: Object) -> int:
    """The wave in which Argo CD applies it."""
    return int(one["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "0"))


def walk(node: object) -> Iterator[tuple[str, object]]:
    """Every key with its value, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)
