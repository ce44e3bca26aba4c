"""One container of a pod: started, probed, restarted, stopped; its log, its record for `kubectl exec`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.kubelet import probes
from tests.cluster.kubelet.api import Object, now
from tests.cluster.kubelet.terminal import Attached

_CONTAIN = Path(__file__).with_name("contain.py")


@dataclass
class Started:
    """What a container is started with."""

    argv: list[str]
    env: dict[str, str]
    uid: int
    gid: int
    groups: list[int]
    cwd: str
    mounts: list[Object]
    network: Path
    reached: list[str]
    read_only_root: bool


@dataclass
class State:
    """What the pod's status tells of it."""

    current: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0

    def told(self, container: Object) -> Object:
        """As the API has it."""
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": f"process://{container['image']}",
            "containerID": f"process://{container['name']}",
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.current,
            "lastState": self.last,
        }


class Container:
    """`folder` is the pod's, where its log and record are; `changed` is called when its state is another."""

    def __init__(
        self,
        manifest: Object,
        folder: Path,
        address: str,
        changed: Callable[[], None],
        tell: Callable[..., None],
    ) -> None:
        self.manifest = manifest
        self.state = State()
        self._folder, self._address = folder, address
        self._changed, self._tell = changed, tell
        self._process: asyncio.subprocess.Process | None = None
        self._what: Started | None = None
        self._stopping = False
        self._attached: Attached | None = None

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.manifest["name"])

    async def run(self, what: Started) -> int:
        """Start it, probe it, and wait for its end: the exit code (128 + N for a signal)."""
        self._what, began = what, now()
        spec = self._folder / f"{self.name}.spec"
        spec.write_text(json.dumps(vars(what) | {"network": str(what.network), "folder": self._root()}))
        log = self._folder / f"{self.name}.log"
        if log.exists():
            log.rename(self._folder / f"{self.name}.previous.log")
        process = await self._start(spec)
        self._process = process
        self._record(running=True)
        self._set({"running": {"startedAt": began}}, started="startupProbe" not in self.manifest)
        self._tell("Started", f"Started container {self.name}")
        probing = asyncio.create_task(self._probe())
        try:
            await self._copy_log(process, log)
            code = await process.wait()
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await probing
        self._kill_rest(process.pid)
        if self._attached:
            self._attached.close()
            self._attached = None
        self._record(running=False)
        code = code if code >= 0 else 128 - code
        self._set(
            {
                "terminated": {
                    "exitCode": code,
                    "reason": "Completed" if code == 0 else "Error",
                    "startedAt": began,
                    "finishedAt": now(),
                    "containerID": f"process://{self.name}",
                }
            }
        )
        return code

    async def stop(self, grace: float) -> None:
        """`preStop`, SIGTERM, and SIGKILL when the grace period is over; returns when it has ended."""
        process = self._process
        if process is None or process.returncode is not None or self._stopping:
            return
        self._stopping = True
        self._tell("Killing", f"Stopping container {self.name}")
        until = asyncio.get_running_loop().time() + grace
        hook = (self.manifest.get("lifecycle") or {}).get("preStop")
        if hook:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(grace):
                    if problem := await probes.once(hook, self.manifest, self._address, self.execute):
                        self._tell("FailedPreStopHook", problem, warning=True)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        left = max(2.0, until - asyncio.get_running_loop().time())  # as the kubelet: at least two seconds
        try:
            await asyncio.wait_for(process.wait(), left)
        except TimeoutError:
            self._tell("Killing", f"Container {self.name} did not end within {grace:.0f} s", warning=True)
            self._kill_rest(process.pid)
            await process.wait()
        self._stopping = False

    async def execute(self, argv: list[str]) -> int:
        """A command in the container: its exit code."""
        process, what = self._process, self._what
        if process is None or what is None or process.returncode is not None:
            return 1
        child = await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(process.pid), "--mount", "--net", "--root", f"--wdns={what.cwd}"),
            *("--setuid", str(what.uid), "--setgid", str(what.gid), "--", *argv),
            env=what.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            return await child.wait()
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()

    def waits(self, reason: str, message: str = "") -> None:
        """It cannot run yet."""
        waiting = {"reason": reason} | ({"message": message[:500]} if message else {})
        self._set({"waiting": waiting})

    # How it gets there -----------------------------------------------------------------------------

    def _root(self) -> str:
        return str(self._folder / f"{self.name}.root")

    async def _start(self, spec: Path) -> asyncio.subprocess.Process:
        argv = [sys.executable, "-S", "-E", str(_CONTAIN), str(spec)]
        if not self.manifest.get("stdin"):
            return await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        self._attached = await Attached.open(
            self._folder / f"{self.name}.sock", terminal=bool(self.manifest.get("tty"))
        )
        return await self._attached.start(argv)

    async def _copy_log(self, process: asyncio.subprocess.Process, log: Path) -> None:
        """Each line with its time, as container runtimes write it and `kubectl logs` reads it."""
        source = self._attached.output if self._attached else process.stdout
        assert source is not None
        ended = asyncio.create_task(process.wait())
        with log.open("a", buffering=1) as file:
            while True:
                reading = asyncio.create_task(source.readline())
                await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():  # ended; what a child of it still holds open is not waited for
                    await asyncio.wait({reading}, timeout=0.2)
                if not reading.done():
                    reading.cancel()
                    return
                try:
                    line = reading.result()
                except ValueError:  # longer than the reader's buffer
                    continue
                if not line:
                    return
                moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
                file.write(f"{moment} stdout F {line.decode(errors='replace').rstrip(chr(10))}\n")

    def _kill_rest(self, group: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)

    def _record(self, *, running: bool) -> None:
        what, process = self._what, self._process
        assert what is not None
        assert process is not None
        record = {
            "pid": process.pid,
            "running": running,
            "uid": what.uid,
            "gid": what.gid,
            "cwd": what.cwd,
            "env": [f"{name}={value}" for name, value in what.env.items()],
            "attach": str(self._folder / f"{self.name}.sock"),
            "address": self._address,
        }
        fresh = self._folder / f"{self.name}.json.new"
        fresh.write_text(json.dumps(record))
        fresh.rename(self._folder / f"{self.name}.json")

    def _set(self, current: Object, *, started: bool = False) -> None:
        state = self.state
        if "running" in current and "terminated" in state.current:
            state.restarts += 1
        if "terminated" in state.current and "terminated" not in current:
            state.last = state.current
        state.current = current
        state.started = started
        state.ready = "running" in current and started and "readinessProbe" not in self.manifest
        self._changed()

    async def _probe(self) -> None:
        """Startup first, then readiness and liveness until it ends."""
        if probe := self.manifest.get("startupProbe"):
            if not await self._begins(probe):
                return
            self.state.started = True
            self.state.ready = "readinessProbe" not in self.manifest
            self._changed()
        async with asyncio.TaskGroup() as group:
            if probe := self.manifest.get("readinessProbe"):
                group.create_task(self._follow_readiness(probe))
            if probe := self.manifest.get("livenessProbe"):
                group.create_task(self._follow_liveness(probe))

    async def _begins(self, probe: Object) -> bool:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        for _ in range(probe.get("failureThreshold", 3)):
            if await self._ask(probe) is None:
                return True
            await asyncio.sleep(probe.get("periodSeconds", 10))
        self._give_up("startup")
        return False

    async def _follow_readiness(self, probe: Object) -> None:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        failed = succeeded = 0
        while True:
            problem = await self._ask(probe)
            failed, succeeded = (failed + 1, 0) if problem else (0, succeeded + 1)
            ready = self.state.ready
            if failed >= probe.get("failureThreshold", 3):
                ready = False
            elif succeeded >= probe.get("successThreshold", 1):
                ready = True
            if problem and ready != self.state.ready:
                self._tell("Unhealthy", f"Readiness probe failed: {problem}", warning=True)
            if ready != self.state.ready:
                self.state.ready = ready
                self._changed()
            await asyncio.sleep(probe.get("periodSeconds", 10))

    async def _follow_liveness(self, probe: Object) -> None:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        failed = 0
        while True:
            failed = failed + 1 if await self._ask(probe) else 0
            if failed >= probe.get("failureThreshold", 3) and not self._stopping:
                self._give_up("liveness")
                return
            await asyncio.sleep(probe.get("periodSeconds", 10))

    def _give_up(self, which: str) -> None:
        self._tell(
            "Unhealthy", f"Container {self.name} failed {which} probe, will be restarted", warning=True
        )
        grace = float(self.manifest.get("_grace", 30))
        task = asyncio.get_running_loop().create_task(self.stop(grace))
        _KEPT.add(task)
        task.add_done_callback(_KEPT.discard)

    async def _ask(self, probe: Mapping[str, Any]) -> str | None:
        return await probes.succeeds(dict(probe), self.manifest, self._address, self.execute)


_KEPT: set[asyncio.Task[None]] = set()  # a task that nothing holds is collected
