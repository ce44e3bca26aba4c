"""A container's environment and command, from the manifest, ConfigMaps, Secrets and the pod itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.cluster.kubelet.api import Api, Missing, Object

_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))")
_PART = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


async def environment(api: Api, pod: Object, container: Object, address: str) -> dict[str, str]:
    """All variables. Raises `Missing` where a ConfigMap, Secret or key that is not optional is not there."""
    found: dict[str, str] = {}
    namespace = pod["metadata"]["namespace"]
    for source in container.get("envFrom", []):
        kind, reference = _source(source)
        data = await _data(api, namespace, kind, reference)
        prefix = source.get("prefix", "")
        found |= {prefix + key: value.decode() for key, value in data.items()}
    for variable in container.get("env", []):
        name = variable["name"]
        if "valueFrom" not in variable:
            found[name] = expand(variable.get("value", ""), found)
            continue
        value = await _value(api, pod, container, variable["valueFrom"], address)
        if value is not None:
            found[name] = value
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` as Kubernetes fills it in: an unknown one stays as it is, `$$` is a dollar."""

    def fill(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else variables.get(match[2], match[0])

    return _REFERENCE.sub(fill, text)


def command(container: Object, image: Mapping[str, Any], variables: Mapping[str, str]) -> list[str]:
    """What is run: the manifest's command and args over the image's."""
    entry: Sequence[str] = container.get("command") or image["entrypoint"]
    rest: Sequence[str] = container.get("args") or ([] if container.get("command") else image["command"])
    return [expand(part, variables) for part in [*entry, *rest]]


def field(pod: Object, path: str, address: str) -> str:
    """What the downward API tells."""
    if match := _PART.fullmatch(path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    node = pod["spec"].get("nodeName", "")
    simple = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": node,
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": "10.244.0.1",
    }
    return str(simple[path])


async def _value(api: Api, pod: Object, container: Object, source: Object, address: str) -> str | None:
    if reference := source.get("fieldRef"):
        return field(pod, reference["fieldPath"], address)
    if reference := source.get("resourceFieldRef"):
        return _resource(container, reference)
    kind = "configmaps" if "configMapKeyRef" in source else "secrets"
    reference = source.get("configMapKeyRef") or source["secretKeyRef"]
    data = await _data(api, pod["metadata"]["namespace"], kind, reference)
    if reference["key"] in data:
        return data[reference["key"]].decode()
    if reference.get("optional"):
        return None
    raise Missing(f"no key {reference['key']} in {kind} {reference['name']}")


def _resource(container: Object, reference: Object) -> str:
    part, resource = reference["resource"].split(".", 1)
    amount = str(((container.get("resources") or {}).get(part) or {}).get(resource, "0"))
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "m": 0.001, "": 1, "k": 10**3, "M": 10**6, "G": 10**9}
    number = amount.rstrip("".join(units))
    unit = amount.removeprefix(number)
    divisor = units[re.sub(r"^[0-9.]+", "", str(reference.get("divisor") or "1"))]
    whole = float(number) * units[unit] / divisor
    return str(int(whole) if whole == int(whole) else int(whole) + 1)


def _source(source: Object) -> tuple[str, Object]:
    if "configMapRef" in source:
        return "configmaps", source["configMapRef"]
    return "secrets", source["secretRef"]


async def _data(api: Api, namespace: str, kind: str, reference: Object) -> Mapping[str, bytes]:
    try:
        return await api.data(namespace, kind, reference["name"])
    except Missing:
        if reference.get("optional"):
            return {}
        raise Missing(f"no {kind} {reference['name']}") from None
