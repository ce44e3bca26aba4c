"""`python -m tests.cluster.kubelet SERVER TOKEN RUN IMAGES`: the nodes and their pods, until it is
stopped."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import httpx

from tests.cluster.kubelet.api import Api, Missing, Object, now
from tests.cluster.kubelet.images import Images
from tests.cluster.kubelet.pod import Pod

NODES = ("node-1", "node-2", "node-3")
_BEAT = 8.0  # seconds; the controller manager gives a node forty
_ROOM = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}


async def serve(api: Api, run: Path, images: Images) -> None:
    """All of it. A pod that fails to be run is told on standard error and stays as it is."""
    for number, name in enumerate(NODES):
        await _join(api, name, f"eu-central-1{'abc'[number]}")
    async with asyncio.TaskGroup() as group:
        group.create_task(_beat(api))
        group.create_task(_follow(api, run, images, group))


async def _join(api: Api, name: str, zone: str) -> None:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": "eu-central-1",
        "eks.amazonaws.com/nodegroup": "general",
    }
    with contextlib.suppress(httpx.HTTPStatusError):  # there already
        await api.call("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})


async def _beat(api: Api) -> None:
    version = await api.call("GET", "/version")
    while True:
        for name in NODES:
            status = {
                "capacity": _ROOM,
                "allocatable": _ROOM,
                "addresses": [
                    {"type": "InternalIP", "address": "10.244.0.1"},
                    {"type": "Hostname", "address": name},
                ],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                "nodeInfo": {
                    "kubeletVersion": version["gitVersion"],
                    "osImage": "processes of this machine",
                    "containerRuntimeVersion": "process://1",
                    "operatingSystem": "linux",
                    "architecture": "amd64",
                },
                "conditions": [
                    {
                        "type": "Ready",
                        "status": "True",
                        "reason": "KubeletReady",
                        "message": "the kubelet's double is there",
                        "lastHeartbeatTime": now(),
                    }
                ],
            }
            with contextlib.suppress(httpx.HTTPError, Missing):
                await api.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, patch=True)
        await asyncio.sleep(_BEAT)


async def _follow(api: Api, run: Path, images: Images, group: asyncio.TaskGroup) -> None:
    pods: dict[str, Pod] = {}

    async def live(uid: str, pod: Pod) -> None:
        try:
            await pod.live()
        except Exception as error:  # one pod is not all of them
            print(f"pod {uid}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201  # into its log
        pods.pop(uid, None)

    def seen(kind: str, manifest: Object) -> None:
        uid = manifest["metadata"]["uid"]
        if uid in pods:
            if kind == "DELETED":
                manifest["metadata"].setdefault("deletionTimestamp", now())
                manifest["metadata"]["deletionGracePeriodSeconds"] = 0
            pods[uid].update(manifest)
        elif kind != "DELETED" and manifest["spec"].get("nodeName") in NODES and not _over(manifest):
            pods[uid] = Pod(api, manifest, run, images)
            group.create_task(live(uid, pods[uid]))

    async for kind, found in api.watch("/api/v1/pods"):
        if kind != "LISTED":
            seen(kind, found)
            continue
        for manifest in found["items"]:
            seen("MODIFIED", manifest)
        there = {one["metadata"]["uid"] for one in found["items"]}
        for uid in [uid for uid in pods if uid not in there]:
            seen("DELETED", pods[uid].manifest)


def _over(manifest: Object) -> bool:
    return (manifest.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def main() -> None:
    """Until it is stopped."""
    server, token, run, images = sys.argv[1:]
    asyncio.run(serve(Api(server, token), Path(run), Images(Path(images))))


if __name__ == "__main__":
    main()
