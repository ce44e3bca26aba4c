"""Becomes a container's process: `python contain.py SPEC`, a file of JSON. Only the standard library.

The process gets the pod's network, a file system of its own (this machine's with the image's folders in it;
what is written stays in memory, or is refused where the manifest says so), the pod's volumes, its user, and
no way to more privileges. What is not there: a memory limit and a process table of its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_NEWNS, _NEWNET = 0x00020000, 0x40000000
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_NO_NEW_PRIVS, _DIE_WITH_PARENT, _KILL = 38, 1, 9
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Never returns: the command takes this process's place."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    _check(_LIBC.prctl(_DIE_WITH_PARENT, _KILL, 0, 0, 0), "prctl")
    with Path(spec["network"]).open() as network:
        _check(_LIBC.setns(network.fileno(), _NEWNET), "setns")
    _check(_LIBC.unshare(_NEWNS), "unshare")
    _mount("none", "/", flags=_REC | _PRIVATE)
    root = _root(spec)
    for volume in spec["mounts"]:
        _volume(root, volume)
    if spec["read_only_root"]:
        _mount("none", str(root), flags=_REMOUNT | _RDONLY)
    os.chroot(root)
    os.chdir(spec["cwd"])
    os.setgroups(spec["groups"])
    os.setgid(spec["gid"])
    os.setuid(spec["uid"])
    _check(_LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    os.environ.clear()
    os.environ.update(spec["env"])
    try:
        os.execvp(spec["argv"][0], spec["argv"])
    except OSError as error:
        sys.exit(f"exec {spec['argv'][0]}: {error.strerror}")


def _root(spec: dict[str, Any]) -> Path:
    """The merged file system, where what an unprivileged user must reach is made reachable."""
    folder = Path(spec["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    _mount("tmpfs", str(folder), kind="tmpfs")
    for part in ("upper", "work", "root"):
        (folder / part).mkdir()
    root = folder / "root"
    options = f"lowerdir=/,upperdir={folder / 'upper'},workdir={folder / 'work'}"
    _mount("overlay", str(root), kind="overlay", data=options)
    for kept in ("proc", "dev", "sys"):
        _mount(f"/{kept}", str(root / kept), flags=_BIND | _REC)
    _mount("/etc/hosts", str(root / "etc" / "hosts"), flags=_BIND)  # the cluster's, with Services in it
    for reached in spec["reached"]:  # the interpreter may live below a home that only its owner enters
        for above in [*reversed(Path(reached).parents), Path(reached)]:
            place = root / above.relative_to("/")
            if place.is_dir() and not place.stat().st_mode & 0o001:
                place.chmod(0o755)
    for emptied in ("tmp", "run"):  # an image brings none of this machine's
        _mount("tmpfs", str(root / emptied), kind="tmpfs", data="mode=1777")
    for volume in spec["mounts"]:  # a place for what is mounted in there
        if Path(volume["source"]).is_dir() and _place(root, volume).parts[len(root.parts)] in ("tmp", "run"):
            _place(root, volume).mkdir(parents=True, exist_ok=True)
    for emptied in ("tmp", "run"):
        if spec["read_only_root"]:
            _mount("none", str(root / emptied), flags=_REMOUNT | _RDONLY)
    return root


def _volume(root: Path, volume: dict[str, Any]) -> None:
    source, target = Path(volume["source"]), _place(root, volume)
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount(str(source), str(target), flags=_BIND)
    if volume["read_only"]:
        _mount("none", str(target), flags=_REMOUNT | _BIND | _RDONLY)


def _place(root: Path, volume: dict[str, Any]) -> Path:
    """/var/run leads to /run, and would lead out of the container."""
    inside = str(volume["target"])
    return root / (inside.removeprefix("/var") if inside.startswith("/var/run/") else inside).lstrip("/")


def _mount(source: str, target: str, *, kind: str = "none", flags: int = 0, data: str = "") -> None:
    done = _LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode())
    _check(done, f"mount {source} on {target}")


def _check(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
