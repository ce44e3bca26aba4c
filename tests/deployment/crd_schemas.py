"""Whether an object of a kind that Kubernetes does not bring is written right: by schemas of our own, which
know what our manifests use and refuse everything else, and by the projects' own where they are at hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from tests.deployment.documents import Object

SCHEMAS = Path(__file__).parent / "schemas"


def is_custom(one: Object) -> bool:
    """Whether Kubernetes itself does not know the kind."""
    group = one["apiVersion"].rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


@cache
def schema(kind: str) -> Any:
    """Ours of a kind. A kind without one is an error: write it when the first manifest uses it."""
    path = SCHEMAS / f"{kind}.json"
    assert path.exists(), f"{path} is missing: every kind of custom resource has a strict schema of ours"
    return json.loads(path.read_text())


def mistakes(objects: Iterable[Object]) -> list[str]:
    """What our schemas find wrong."""
    return [
        f"{one['kind']} {one['metadata']['name']}: {'/'.join(map(str, error.path))}: {error.message[:200]}"
        for one in objects
        if is_custom(one)
        for error in Draft7Validator(schema(one["kind"])).iter_errors(one)
    ]


def definitions(folder: Path) -> dict[tuple[str, str], Any]:
    """The projects' definitions in a folder, by apiVersion and kind; they refuse other fields."""
    found: dict[tuple[str, str], Any] = {}
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if document and document["kind"] == "CustomResourceDefinition":
                spec = document["spec"]
                for version in spec["versions"]:
                    closed = _closed(copy.deepcopy(version["schema"]["openAPIV3Schema"]))
                    found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = closed
    return found


def _closed(node: Any) -> Any:
    if isinstance(node, dict):
        open_ended = node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node
        if node.get("type") == "object" and "properties" in node and not open_ended:
            node["additionalProperties"] = False
        for value in node.values():
            _closed(value)
    elif isinstance(node, list):
        for value in node:
            _closed(value)
    return node


def beyond(ours: Any, theirs: Any, at: Sequence[str] = ()) -> list[str]:
    """The fields of our schema that the project's definition does not have."""
    if theirs.get("x-kubernetes-preserve-unknown-fields"):
        return []
    found: list[str] = []
    for name, inner in ours.get("properties", {}).items():
        known = theirs.get("properties", {}).get(name) or theirs.get("additionalProperties")
        if not isinstance(known, dict):
            found.append("/".join([*at, name]))
        else:
            found += beyond(inner, known, [*at, name])
    if "items" in ours and "items" in theirs:
        found += beyond(ours["items"], theirs["items"], [*at, "[]"])
    return found
