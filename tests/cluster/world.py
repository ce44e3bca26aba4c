"""Namespaces of the cluster's own: network, processes and mounts. When its first process ends, all of it is
gone: every process, every mount, every address. Needs root.

The network has no way out. Two ports of this machine's loopback lead in: to the API server and to the
gateway.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).parents[2]
_DIE_WITH_PARENT = 1


class ClusterError(Exception):
    """The cluster cannot be had, or does not do what it should; the message says what."""


class World:
    """`folder` has the logs, and everything that is written. `seconds` is the longest it may live."""

    def __init__(self, folder: Path, *, seconds: int, kept: bool = False) -> None:
        self.folder = folder
        self._seconds, self._kept = seconds, kept
        self._outer: subprocess.Popen[bytes] | None = None
        self.first = 0
        self.ports: dict[str, int] = {}

    def open(self, hosts: Mapping[str, str], relays: Mapping[str, str]) -> None:
        """Make them, with names that resolve inside, and a port of this machine for each relay
        (`name: ADDRESS:PORT` inside). Raises `ClusterError`."""
        for needed in ("unshare", "nsenter", "ip"):
            if shutil.which(needed) is None:
                raise ClusterError(f"{needed} is missing: sudo apt-get install -y util-linux iproute2")
        if os.geteuid() != 0:
            raise ClusterError("the cluster makes network namespaces: run it as root")
        lines = "".join(f"{address} {name}\n" for name, address in hosts.items())
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{lines}")
        sockets = {name: _listener() for name in relays}
        self.ports = {name: one.getsockname()[1] for name, one in sockets.items()}
        told = [f"{sockets[name].fileno()}={address}" for name, address in relays.items()]
        self._outer = subprocess.Popen(
            [
                *("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child=SIGKILL", "--mount-proc"),
                *(sys.executable, "-m", "tests.cluster.first", str(self.folder), str(self._seconds), *told),
            ],
            cwd=_ROOT,
            pass_fds=[one.fileno() for one in sockets.values()],
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "first.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in our terminal is ours to handle
            preexec_fn=None if self._kept else _die_with_parent,
        )
        for one in sockets.values():
            one.close()
        self.wait(lambda: (self.folder / "opened").exists(), 20, "the namespaces", self.folder / "first.log")
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        self.first = int(children[0])

    @property
    def outer(self) -> int:
        """The process to end, and all is gone."""
        assert self._outer is not None
        return self._outer.pid

    def inside(self, *argv: str) -> list[str]:
        """The command that runs one inside, as root."""
        return ["nsenter", "--target", str(self.first), "--mount", "--net", "--pid", "--", *argv]

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
    ) -> None:
        """A server inside; its output is in `NAME.log`."""
        who = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        with (self.folder / f"{name}.log").open("ab") as log:
            subprocess.Popen(
                self.inside(*who, *argv),
                cwd=cwd or self.folder,
                env=_environment(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(
        self,
        argv: Sequence[str],
        *,
        text: str | None = None,
        seconds: float = 120,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """A command inside, to its end. Raises `ClusterError` where it fails, unless told not to check."""
        done = subprocess.run(
            self.inside(*argv),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=_environment(env),
            check=False,
        )
        if check and done.returncode:
            raise ClusterError(f"{' '.join(argv[:8])}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done

    def spawn(self, argv: Sequence[str], *, stdout: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
        """A command inside, running beside us."""
        return subprocess.Popen(
            self.inside(*argv), env=_environment(None), stdin=subprocess.DEVNULL, stdout=stdout
        )

    def wait(self, there: Callable[[], bool], seconds: float, what: str, log: Path | None = None) -> None:
        """Until it is there. Raises `ClusterError`, with the last lines of a log, where it does not come."""
        until = time.monotonic() + seconds
        while not there():
            ended = self._outer is not None and self._outer.poll() is not None
            if ended or time.monotonic() > until:
                said = log.read_text(errors="replace").splitlines()[-8:] if log and log.exists() else []
                why = "the namespaces are gone" if ended else f"not there after {seconds:.0f} s"
                raise ClusterError("\n".join([f"{what}: {why}", *said]))
            time.sleep(0.1)

    def close(self) -> None:
        """End all of it, and wait for that."""
        if self._outer is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._outer.pid, signal.SIGKILL)
            self._outer.wait()
            gone = Path(f"/proc/{self.first}")
            until = time.monotonic() + 10
            while self.first and gone.exists() and time.monotonic() < until:
                time.sleep(0.05)


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """Who enters a mount namespace stands at its root: our modules are found by their path."""
    return dict(os.environ) | {"PYTHONPATH": str(_ROOT)} | dict(more or {})


def _listener() -> socket.socket:
    one = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms a response
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    one.listen(256)
    return one


def _die_with_parent() -> None:
    """So that nothing is left of a test run that was killed."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
