"""The whole cluster, from nothing to a control plane with nodes; further parts are started by the modules
beside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import control, layers, services, stores, toolchain
from tests.cluster.certificates import Authority
from tests.cluster.first import BRIDGE
from tests.cluster.world import ClusterError, World

GATEWAY = "10.244.0.5"
PROMETHEUS = "10.244.0.4"
KUSTOMIZE = "kubernetes-1.34"
_HOSTS = (
    "hotelbooking.com",
    *(f"{part}.hotelbooking.com" for part in ("api", "admin", "monitoring", "status")),
)
_HERE = Path(__file__).parent
# Limits of waits are of a machine that does nothing else; what is waited for ends a wait, never its limit.
_PATIENCE = 3


class Cluster:
    """One cluster of a Kubernetes version (`1.34` or `1.28`)."""

    def __init__(self, version: str = "1.34", *, seconds: int = 1800, folder: Path | None = None) -> None:
        self.version = version
        self.folder = folder or Path(tempfile.mkdtemp(prefix="hotel-cluster-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # the servers' users go through it to what is theirs
        self.world = World(self.folder, seconds=seconds, kept=folder is not None)
        self.authority = Authority(self.folder / "pki")
        self._programs = toolchain.programs(f"kubernetes-{version}")
        self.kubeconfig = self.folder / "kubeconfig"

    @classmethod
    def attached(cls, folder: Path) -> Cluster:
        """The one that `make cluster-up` started there."""
        state = json.loads((folder / "state.json").read_text())
        self = cls.__new__(cls)
        self.version, self.folder, self.kubeconfig = state["version"], folder, folder / "kubeconfig"
        self.world = World(folder, seconds=0, kept=True)
        self.world.first, self.world.ports = state["first"], state["ports"]
        self._programs = toolchain.programs(f"kubernetes-{self.version}")
        return self

    def start(self) -> None:
        """The control plane, the nodes, the database and Redis. Raises `ClusterError`."""
        hosts = {
            "istiod.istio-system.svc": BRIDGE,
            "database": stores.DATABASE,
            "redis": stores.REDIS,
            "prometheus-operated.monitoring.svc": PROMETHEUS,
            **dict.fromkeys(_HOSTS, GATEWAY),
        }
        relays = {"api": f"{BRIDGE}:6443", "http": f"{GATEWAY}:80", "https": f"{GATEWAY}:443"}
        self.world.open(hosts, relays)
        state = {"version": self.version, "first": self.world.first, "ports": self.world.ports}
        (self.folder / "state.json").write_text(json.dumps(state))
        control.write_kubeconfig(self.kubeconfig, f"https://127.0.0.1:{self.world.ports['api']}")
        (self.folder / "pods").mkdir()
        streams = toolchain.programs("kubelet-streams")
        control.start_control_plane(self.world, self.authority, self._programs, streams)
        stores.start_database(self.world, self.authority)
        stores.start_pooler(self.world)
        stores.start_redis(self.world)
        layers.write_images(self.folder / "images.json")
        self.world.start(
            "kubelet",
            [
                *(sys.executable, "-m", "tests.cluster.kubelet", control.SERVER, control.TOKEN),
                *(str(self.folder / "pods"), str(self.folder / "images.json")),
            ],
            cwd=_HERE.parents[1],
        )
        services.open_network(self.world)
        self.world.start(
            "services",
            [
                *("ip", "netns", "exec", services.NETWORK, sys.executable, "-m", "tests.cluster.services"),
                *(control.SERVER, control.TOKEN, str(self.folder / "hosts")),
            ],
        )
        self.until("the nodes", lambda: len(self.get("nodes")) == 3 and all(map(_ready, self.get("nodes"))))

    def keep_logs(self, folder: Path) -> None:
        """Copy the servers' and pods' logs there, in place of the last run's."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for log in self.folder.glob("*.log"):
            shutil.copy(log, folder)
        for log in self.folder.glob("pods/*/*/*.log"):
            shutil.copy(log, folder / f"{log.parent.name}.{log.name}")

    def stop(self) -> None:
        """End everything and take the folder away."""
        self.world.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kubectl(
        self,
        *arguments: str,
        text: str | None = None,
        check: bool = True,
        seconds: float = 120,
        config: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """As a person at this machine: what it said. Raises `ClusterError` where it fails."""
        done = subprocess.run(
            [str(self._programs / "kubectl"), f"--kubeconfig={config or self.kubeconfig}", *arguments],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments[:8])}: {(done.stderr or done.stdout).strip()}")
        return done

    def get(self, kind: str, namespace: str = "", name: str = "", **selectors: str) -> list[dict[str, Any]]:
        """Objects, as they are now; none where there are none."""
        where = ["-n", namespace] if namespace else ["-A"] if not name else []
        chosen = ["-l", ",".join(f"{key}={value}" for key, value in selectors.items())] if selectors else []
        names = [name] if name else []
        done = self.kubectl("get", kind, *names, *where, *chosen, "-o", "json", "--ignore-not-found")
        if not done.stdout.strip():
            return []
        found = json.loads(done.stdout)
        items: list[dict[str, Any]] = found["items"] if found["kind"].endswith("List") else [found]
        return items

    def apply(self, objects: Iterable[Any] | str, *options: str) -> str:
        """Server-side; what kubectl said, warnings included."""
        if not isinstance(objects, str):
            objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        done = self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", *options, text=objects)
        return done.stdout + done.stderr

    def built(self, folder: Path) -> list[dict[str, Any]]:
        """What kustomize makes of a folder: the one of kubectl 1.34. That of 1.28 does not know all that the
        overlays use; Argo CD brings a newer one too. Raises `ClusterError`."""
        done = subprocess.run(
            [str(toolchain.programs(KUSTOMIZE) / "kubectl"), "kustomize", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"kustomize {folder}: {done.stderr.strip()}")
        return [one for one in yaml.safe_load_all(done.stdout) if one]

    def until(self, what: str, holds: Any, seconds: float = 90) -> None:
        """Wait until it holds, thrice the seconds at most, for machines that are busy. Raises `ClusterError`
        where it does not."""
        seconds *= _PATIENCE
        until = time.monotonic() + seconds
        while True:
            try:
                if holds():
                    return
                problem = ""
            except ClusterError as error:
                problem = str(error)
            if time.monotonic() > until:
                raise ClusterError(f"{what}: not so after {seconds:.0f} s {problem}".strip())
            time.sleep(0.3)

    def definitions(self, *tools: str) -> None:
        """The CustomResourceDefinitions that come with these tools, and until they are served."""
        files = [file for tool in tools for file in (toolchain.programs(tool) / "crds").iterdir()]
        given: Sequence[str] = [part for file in files for part in ("-f", str(file))]
        self.kubectl("apply", "--server-side", *given)
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")

    def program(self, tool: str, name: str) -> str:
        """The path of a program that was built."""
        return str(toolchain.programs(tool) / name)


def _ready(node: dict[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions", [])
    tainted = any(taint["key"].endswith("not-ready") for taint in node["spec"].get("taints", []))
    return not tainted and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
