"""What stands for images: the application from its wheel, as deployment/docker/Containerfile lays it out,
and the two programs that the runbook runs by `kubectl run`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.world import ClusterError
from tests.deployment.debian import POSTGRES

_ROOT = Path(__file__).parents[2]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotel-booking" / "cluster-images"
_USER = 10001
_KEPT = 12 * 3600  # seconds since its last use: more than any cluster lives
_PLACE = "opt/hotel-booking"


def write_images(file: Path) -> None:
    """`images.json`, which the kubelet reads. Builds the application's layer. Raises `ClusterError`."""
    layer = application()
    system = f"{POSTGRES}:/usr/local/bin:/usr/bin:/bin"
    images: dict[str, Any] = {
        "hotel-booking": _image(
            folders=[(str(layer / _PLACE), f"/{_PLACE}")],
            reached=[sys.base_prefix],
            entrypoint=["hotel-booking"],
            command=["serve"],
            user=_USER,
            env=_environment(),
        ),
        "postgres": _image(entrypoint=[], command=["postgres"], env={"PATH": system}),
        "redis": _image(entrypoint=[], command=["redis-server"], env={"PATH": system}),
    }
    file.write_text(json.dumps(images, indent=1))


def application() -> Path:
    """The folder with what is in `/opt/hotel-booking` of the application's containers. Several checkouts may
    build at once, and each cluster uses its own until it ends."""
    layer = _CACHE / _digest()
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not layer.exists():
            _build(layer)
        os.utime(layer)
        for older in _CACHE.glob("????????????"):
            if time.time() - older.stat().st_mtime > _KEPT:
                shutil.rmtree(older)
    return layer


def _build(layer: Path) -> None:
    uv = _ROOT / ".venv-uv" / "bin" / "uv"
    wheels = _CACHE / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    _run([str(uv), "build", "--quiet", "--wheel", "--out-dir", str(wheels)])
    wheel = next(wheels.glob("*.whl"))
    partial = _CACHE / f"{layer.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    place = partial / _PLACE
    (place / "bin").mkdir(parents=True)
    python = place / "venv" / "bin" / "python"
    _run([str(uv), "venv", "--quiet", "--relocatable", "--python", sys.executable, str(place / "venv")])
    export = ["export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-annotate"]
    (partial / "requirements.txt").write_text(_run([str(uv), *export]))
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python), "--compile-bytecode"]
    _run([*install, "-r", str(partial / "requirements.txt")])
    _run([*install, "--no-deps", str(wheel)])
    for program in (_ROOT / "deployment" / "docker" / "bin").glob("*"):
        shutil.copy(program, place / "bin" / program.name)
        (place / "bin" / program.name).chmod(0o755)
    partial.rename(layer)


def _digest() -> str:
    """Of all that the wheel is made of, and the image's own programs."""
    folders = ("src/hotel_booking", "deployment/monitoring", "deployment/docker/bin")
    files = [_ROOT / name for name in ("pyproject.toml", "uv.lock", "docs/RUNBOOK.md")] + [Path(__file__)]
    for folder in folders:
        found = (file for file in (_ROOT / folder).rglob("*") if "__pycache__" not in file.parts)
        files += sorted(file for file in found if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _environment() -> dict[str, str]:
    """The image's own variables, as its Containerfile sets them."""
    found: dict[str, str] = {}
    text = (_ROOT / "deployment" / "docker" / "Containerfile").read_text().split("\nFROM ")[-1]
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("ENV "):
            found |= dict(pair.split("=", 1) for pair in line.removeprefix("ENV ").split())
    found["PATH"] += f":{POSTGRES}"
    return found


def _image(
    *,
    entrypoint: list[str],
    command: list[str],
    env: Mapping[str, str],
    folders: list[tuple[str, str]] | None = None,
    reached: list[str] | None = None,
    user: int = 0,
) -> dict[str, Any]:
    return {
        "entrypoint": entrypoint,
        "command": command,
        "env": dict(env),
        "reached": reached or [],
        "user": user,
        "group": user,
        "cwd": "/tmp" if user else "/",
        "folders": folders or [],
    }


def _run(argv: list[str]) -> str:
    done = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(argv[:4])}: {done.stderr.strip()[-1500:]}")
    return done.stdout
