"""Argo CD: its repository server and application controller, and the Git repository that they deliver
from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.cluster.cluster import KUSTOMIZE, Cluster

_DEPLOYMENT = Path(__file__).parents[2] / "deployment"
_NAMESPACE = "argocd"
_CACHE = "127.0.0.1:6380"
_AUTHOR = ("-c", "user.name=A test", "-c", "user.email=test@localhost")
_PART = {"app.kubernetes.io/part-of": "argocd"}


class Repository:
    """A Git repository with `deployment/` in it, as the platform's own has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"file://{folder}"
        for part in ("kubernetes", "argocd", "monitoring"):
            shutil.copytree(_DEPLOYMENT / part, folder / "deployment" / part)
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit("As the working tree has it")

    def path(self, inside: str) -> Path:
        """A file of it."""
        return self.folder / inside

    def commit(self, message: str) -> None:
        """What has changed becomes the newest release."""
        self._git("add", "--all")
        self._git(*_AUTHOR, "commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.folder), *arguments], check=True, capture_output=True)


def start_argo(cluster: Cluster) -> None:
    """Ready for applications. Raises `ClusterError`."""
    cluster.definitions("argocd")
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}])
    cluster.apply([_configuration(name, data) for name, data in _CONFIGURATION.items()])
    cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "argocd-secret", "namespace": _NAMESPACE, "labels": _PART},
                "stringData": {"server.secretkey": "of-a-cluster-that-nobody-else-reaches"},
            }
        ]
    )
    programs = _programs(cluster)
    environ = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(cluster.folder),
        "KUBECONFIG": str(cluster.folder / "kubeconfig-inside"),
        # `https://kubernetes.default.svc` is the cluster that KUBECONFIG names.
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        "TMPDIR": str(programs),
    }
    cluster.world.start(
        "argocd-redis", ["redis-server", "--bind", "127.0.0.1", "--port", "6380", "--save", ""]
    )
    options = ["--redis", _CACHE, "--loglevel", "warn"]
    cluster.world.start(
        "argocd-repo-server",
        [str(programs / "argocd-repo-server"), *options, "--disable-tls", "--address", "127.0.0.1"],
        env=environ,
    )
    cluster.world.start(
        "argocd-application-controller",
        [
            *(str(programs / "argocd-application-controller"), *options, "--namespace", _NAMESPACE),
            *("--repo-server", "127.0.0.1:8081", "--repo-server-plaintext", "--app-resync", "10"),
        ],
        env=environ,
    )


def deliver(cluster: Cluster, repository: Repository, environment: str) -> None:
    """Make Argo CD's project and application of an environment from its overlay, with our repository."""
    overlay = repository.path(f"deployment/argocd/overlays/{environment}")
    source = overlay / "source.env"
    lines = dict(line.split("=", 1) for line in source.read_text().split() if not line.startswith("#"))
    lines["repository"] = repository.url
    source.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    cluster.apply(cluster.built(overlay))


def refresh(cluster: Cluster, name: str = "hotel-booking") -> None:
    """Look for a new commit now."""
    cluster.kubectl(
        *("annotate", "application", name, "-n", _NAMESPACE, "--overwrite"), "argocd.argoproj.io/refresh=hard"
    )


def state(cluster: Cluster, name: str = "hotel-booking") -> tuple[str, str, str]:
    """Of an application: Synced or not, Healthy or not, and what its last sync says."""
    found = cluster.get("applications.argoproj.io", _NAMESPACE, name)
    status = (found[0].get("status") or {}) if found else {}
    operation = status.get("operationState") or {}
    return (
        (status.get("sync") or {}).get("status", ""),
        (status.get("health") or {}).get("status", ""),
        f"{operation.get('phase', '')} {operation.get('message', '')} {status.get('conditions') or ''}",
    )


def _programs(cluster: Cluster) -> Path:
    """One binary, whose role is the name it is called by; kubectl carries kustomize."""
    folder = cluster.folder / "argocd"
    folder.mkdir()
    for name in ("argocd-repo-server", "argocd-application-controller"):
        (folder / name).symlink_to(cluster.program("argocd", "cmd"))
    shim = folder / "kustomize"
    kubectl = cluster.program(KUSTOMIZE, "kubectl")
    shim.write_text(
        f'#!/bin/sh\n[ "$1" != version ] || {{ echo v5.7.1; exit; }}\nshift\nexec {kubectl} kustomize "$@"\n'
    )
    shim.chmod(0o755)
    return folder


_CONFIGURATION: dict[str, dict[str, str]] = {
    "argocd-cm": {"timeout.reconciliation": "10s"},
    "argocd-rbac-cm": {},
    "argocd-gpg-keys-cm": {},
    "argocd-cmd-params-cm": {},
}


def _configuration(name: str, data: dict[str, str]) -> dict[str, object]:
    meta = {"name": name, "namespace": _NAMESPACE, "labels": _PART}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
