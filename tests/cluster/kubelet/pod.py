"""The life of one pod: its network and volumes, init containers in order, containers, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path

import httpx

from tests.cluster.kubelet import environment, volumes
from tests.cluster.kubelet.api import Api, Missing, Object, now
from tests.cluster.kubelet.container import Container, Started
from tests.cluster.kubelet.images import Images
from tests.cluster.kubelet.network import Network

_SHORTEST, _LONGEST = 1.0, 8.0  # seconds between restarts; the kubelet's own are ten times as long
_CONDITIONS = ("Initialized", "ContainersReady", "Ready")


class Pod:
    """One pod of a node, for as long as it is there."""

    def __init__(self, api: Api, manifest: Object, run: Path, images: Images) -> None:
        self.manifest = manifest
        meta = manifest["metadata"]
        self._api, self._images = api, images
        self._path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        self._folder = run / meta["namespace"] / meta["name"]
        shutil.rmtree(self._folder, ignore_errors=True)  # of a pod of the same name, before
        self._folder.mkdir(parents=True)
        self._network = Network()
        self._dirty, self._deleted = asyncio.Event(), asyncio.Event()
        self._begun, self._initialized = now(), False
        spec = manifest["spec"]
        self._grace = float(spec.get("terminationGracePeriodSeconds", 30))
        self._init = [self._container(one) for one in spec.get("initContainers", [])]
        self._main = [self._container(one) for one in spec["containers"]]
        self._made: dict[str, Path] = {}
        self._kept: set[asyncio.Task[None]] = set()

    def update(self, manifest: Object) -> None:
        """What the API server tells of it now."""
        self.manifest = manifest
        if manifest["metadata"].get("deletionTimestamp"):
            self._deleted.set()

    async def live(self) -> None:
        """Until it is deleted, and nothing of it is left."""
        self.update(self.manifest)
        telling = asyncio.create_task(self._tell_status())
        working = asyncio.create_task(self._work())
        deleted = asyncio.create_task(self._deleted.wait())
        try:
            await deleted
            await self._stop()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await working
        finally:
            telling.cancel()
            with contextlib.suppress(OSError):
                await self._network.close()
            await asyncio.to_thread(shutil.rmtree, self._folder / "volumes", ignore_errors=True)
        await self._remove()

    # How it gets there -----------------------------------------------------------------------------

    def _container(self, manifest: Object) -> Container:
        known = manifest | {"_grace": self._grace}
        return Container(known, self._folder, self._network.address, self._dirty.set, self._event)

    def _event(self, reason: str, message: str, *, warning: bool = False) -> None:
        task = asyncio.create_task(self._api.event(self.manifest, reason, message, warning=warning))
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def _work(self) -> None:
        await self._network.open()
        self._dirty.set()
        await self._prepare_volumes()
        for container in self._init:
            if not await self._until_done(container, again=self._policy() != "Never"):
                for other in self._main:
                    other.waits("PodInitializing")
                return
        self._initialized = True
        self._dirty.set()
        async with asyncio.TaskGroup() as group:
            for container in self._main:
                group.create_task(self._keep(container))

    def _policy(self) -> str:
        return str(self.manifest["spec"].get("restartPolicy", "Always"))

    async def _prepare_volumes(self) -> None:
        while True:
            try:
                folder = self._folder / "volumes"
                self._made = await volumes.make(self._api, self.manifest, folder, self._network.address)
                return
            except (Missing, httpx.HTTPError, ValueError) as error:
                self._event("FailedMount", str(error), warning=True)
                await asyncio.sleep(1)

    async def _keep(self, container: Container) -> None:
        """Run it, and again as the pod's policy says."""
        if self._policy() == "Always":
            pause = _SHORTEST
            while True:
                await self._once(container)
                if self._deleted.is_set():
                    return
                self._event("BackOff", f"Back-off restarting container {container.name}", warning=True)
                await asyncio.sleep(pause)
                pause = min(_LONGEST, 2 * pause)
        await self._until_done(container, again=self._policy() == "OnFailure")

    async def _until_done(self, container: Container, *, again: bool) -> bool:
        """Whether it ended well in the end."""
        pause = _SHORTEST
        while await self._once(container):
            if not again or self._deleted.is_set():
                return False
            await asyncio.sleep(pause)
            pause = min(_LONGEST, 2 * pause)
        return True

    async def _once(self, container: Container) -> int:
        while True:
            try:
                what = await self._started(container.manifest)
                break
            except Missing as error:
                container.waits("CreateContainerConfigError", str(error))
            except KeyError as error:
                container.waits("ErrImagePull", f"no such image here: {error}")
            except httpx.HTTPError as error:
                container.waits("CreateContainerError", repr(error))
            await asyncio.sleep(1)
        return await container.run(what)

    async def _started(self, container: Object) -> Started:
        image = self._images.find(container["image"])
        address = self._network.address
        given = await environment.environment(self._api, self.manifest, container, address)
        env = {"HOME": "/tmp", **image["env"], "HOSTNAME": self.manifest["metadata"]["name"], **given}
        if container.get("tty"):
            env.setdefault("TERM", "xterm")
        env |= {"KUBERNETES_SERVICE_HOST": "10.244.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
        pod = self.manifest["spec"].get("securityContext") or {}
        own = container.get("securityContext") or {}
        context: Object = {"runAsUser": image["user"], "runAsGroup": image["group"], **pod, **own}
        return Started(
            argv=environment.command(container, image, env),
            env=env,
            uid=int(context["runAsUser"]),
            gid=int(context["runAsGroup"]),
            groups=[int(pod["fsGroup"])] if "fsGroup" in pod else [],
            cwd=container.get("workingDir") or image["cwd"],
            mounts=[*self._images.mounts(image), *volumes.mounts(container, self._made)],
            network=self._network.path,
            reached=image["reached"],
            read_only_root=bool(own.get("readOnlyRootFilesystem")),
        )

    async def _stop(self) -> None:
        grace = float(self.manifest["metadata"].get("deletionGracePeriodSeconds", self._grace))
        await asyncio.gather(*(one.stop(grace) for one in [*self._init, *self._main]))
        await asyncio.sleep(0.2)  # the last status is told

    async def _remove(self) -> None:
        body = {
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": self.manifest["metadata"]["uid"]},
        }
        with contextlib.suppress(Missing, httpx.HTTPError):
            await self._api.call("DELETE", self._path, body)

    async def _tell_status(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self._api.call("PATCH", f"{self._path}/status", {"status": self._status()}, patch=True)
            except Missing:
                pass
            except httpx.HTTPError:
                self._dirty.set()
                await asyncio.sleep(0.5)

    def _status(self) -> Object:
        states = [one.state for one in self._main]
        ready = self._initialized and all(one.ready for one in states)
        holds = {"Initialized": self._initialized, "ContainersReady": ready, "Ready": ready}
        address = self._network.address
        return {
            "phase": self._phase(),
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": "10.244.0.1",
            "startTime": self._begun,
            "conditions": [
                {"type": kind, "status": str(holds[kind]), "lastTransitionTime": now()}
                for kind in _CONDITIONS
            ],
            "initContainerStatuses": [one.state.told(one.manifest) for one in self._init],
            "containerStatuses": [one.state.told(one.manifest) for one in self._main],
        }

    def _phase(self) -> str:
        if any(_failed(one) for one in self._init) and self._policy() == "Never":
            return "Failed"
        if not self._initialized or all("waiting" in one.state.current for one in self._main):
            return "Pending"
        if self._policy() == "Always" or not all("terminated" in one.state.current for one in self._main):
            return "Running"
        if any(_failed(one) for one in self._main):
            return "Failed" if self._policy() == "Never" else "Running"
        return "Succeeded"


def _failed(container: Container) -> bool:
    return bool((container.state.current.get("terminated") or {}).get("exitCode"))
