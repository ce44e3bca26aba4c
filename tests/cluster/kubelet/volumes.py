"""A pod's volumes as folders: empty ones, and ConfigMaps, Secrets, tokens and the downward API as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.kubelet.api import Api, Missing, Object
from tests.cluster.kubelet.environment import field


async def make(api: Api, pod: Object, folder: Path, address: str) -> dict[str, Path]:
    """A folder for each volume by its name. Raises `Missing`, and `ValueError` for a kind that is not
    known."""
    made = {}
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    for volume in pod["spec"].get("volumes", []):
        place = folder / volume["name"]
        place.mkdir(parents=True, exist_ok=True)
        if "emptyDir" in volume or "persistentVolumeClaim" in volume:
            place.chmod(0o777)
        else:
            files = await _files(api, pod, volume, address)
            _write(place, files)
        if group is not None:
            os.chown(place, -1, int(group))
        made[volume["name"]] = place
    return made


def mounts(container: Object, made: Mapping[str, Path]) -> list[Object]:
    """What of them a container sees, and where."""
    return [
        {
            "source": str(made[mount["name"]] / mount.get("subPath", "")),
            "target": mount["mountPath"],
            "read_only": bool(mount.get("readOnly")),
        }
        for mount in container.get("volumeMounts", [])
    ]


async def _files(api: Api, pod: Object, volume: Object, address: str) -> dict[str, bytes]:
    if projected := volume.get("projected"):
        files: dict[str, bytes] = {}
        for source in projected["sources"]:
            files |= await _source(api, pod, source, address)
        return files
    return await _source(api, pod, volume, address)


async def _source(api: Api, pod: Object, source: Object, address: str) -> dict[str, bytes]:
    namespace = pod["metadata"]["namespace"]
    if token := source.get("serviceAccountToken"):
        account = pod["spec"].get("serviceAccountName", "default")
        made = await api.token(
            namespace, account, token.get("audience"), token.get("expirationSeconds", 3600)
        )
        return {token["path"]: made.encode()}
    if downward := source.get("downwardAPI"):
        return {
            item["path"]: field(pod, item["fieldRef"]["fieldPath"], address).encode()
            for item in downward.get("items", [])
        }
    for key, kind in (("configMap", "configmaps"), ("secret", "secrets")):
        if reference := source.get(key):
            name = reference.get("name") or reference["secretName"]
            try:
                data = await api.data(namespace, kind, name)
            except Missing:
                if reference.get("optional"):
                    return {}
                raise Missing(f"no {kind} {name}") from None
            items = reference.get("items") or [{"key": name, "path": name} for name in data]
            return {item["path"]: data[item["key"]] for item in items}
    raise ValueError(f"a volume of a kind that is not known here: {sorted(source)}")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o644)
