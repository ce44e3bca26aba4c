"""Custom resources fit strict schemas of our own, which refuse what is misspelt and ask for no more than the
projects' own definitions have."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.crd_schemas import SCHEMAS, beyond, definitions, is_custom, mistakes, schema
from tests.deployment.documents import ARGOCD, KUBERNETES, MONITORING, Object, documents, written

FOLDERS = (
    KUBERNETES / "base",
    KUBERNETES / "cluster",
    MONITORING,
    ARGOCD / "base",
    ARGOCD / "addons" / "base",
)
OBJECTS = [one for folder in FOLDERS for one in written(folder)]
OBJECTS += documents(KUBERNETES / "canary-deployment.yaml")
CUSTOM = [one for one in OBJECTS if is_custom(one)]


def test_custom_resources_fit() -> None:
    assert mistakes(OBJECTS) == []


def test_every_schema_is_used() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == {one["kind"] for one in CUSTOM}


@pytest.mark.parametrize("one", CUSTOM, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_a_field_misspelt_anywhere_is_refused(one: Object) -> None:
    """An `x` beside the fields of every object in it, as a typing error would leave it."""
    for place in _objects(one["spec"]):
        place["unheardOf"] = {"x": 1}
        assert mistakes([one]), f"nothing is said of {place}"
        del place["unheardOf"]
    assert mistakes([one]) == []


def _objects(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)


def test_ours_ask_for_nothing_that_the_projects_do_not_have(shared_data: Path) -> None:
    theirs = definitions(shared_data / "crds")
    compared = 0
    for kind in sorted({one["kind"] for one in CUSTOM}):
        ours = copy.deepcopy(schema(kind))
        version = ours["properties"]["apiVersion"]["const"]
        if (version, kind) in theirs:
            compared += 1
            spec = theirs[version, kind]["properties"]["spec"]
            assert beyond(ours["properties"]["spec"], spec) == [], kind
    assert compared >= 6
