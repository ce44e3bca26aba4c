"""Processes of ours beside an embedded database: the port is free, they are started, waited for, watched and
ended in order, whatever becomes of them or of us."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hotel_booking.core.setting import ConfigError
from hotel_booking.ops.embedded import EmbeddedError

_READY_SECONDS = 60
Children = Mapping[str, subprocess.Popen[bytes]]


def check_port(host: str, port: int, patience: float) -> None:
    """Before anything is started: can we listen there, and is `localhost` ours on both of its addresses?"""
    check_free(
        (host, "localhost"), port, patience, f"cannot listen on port {port}", "choose another with --port"
    )


def check_free(hosts: Sequence[str], port: int, patience: float, wrong: str, fix: str) -> None:
    """Raise `ConfigError` where we cannot listen on this port of them all, after so many seconds at most."""
    deadline = time.monotonic() + patience
    while True:
        try:
            for name in hosts:
                for address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM):
                    _try_to_listen(*address)
            return
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if not taken or time.monotonic() >= deadline:
                reason = "something is using it already" if taken else str(error.strerror or error)
                raise ConfigError([f"{wrong}: {reason}; {fix}"]) from None
        time.sleep(0.1)


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _try_to_listen(family: int, kind: int, protocol: int, _name: str, address: Any) -> None:
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if family == socket.AF_INET6 and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return  # a machine without IPv6
        raise


def start(
    *arguments: str, environ: Mapping[str, str], log: Path, module: str = "hotel_booking.cli"
) -> subprocess.Popen[bytes]:
    """Our command with these arguments (or another module's `main`), its output in `log`; it ends when we
    do."""
    # -P: whatever lies in the folder we were called in is not imported.
    ourselves = (sys.executable, "-P", "-c", f"from {module} import main; main()")
    return start_program(*ourselves, *arguments, environ=environ, log=log)


def start_program(*command: str, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A program of anybody's, its output in `log`; it ends when we do."""
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603  # its caller chose it
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop our children in order
            preexec_fn=ending_with(os.getpid()),
        )


def ending_with(parent: int) -> Callable[[], None]:
    """What a child calls so that it is told to stop when its parent is killed, on Linux. Elsewhere the next
    start finds leftovers."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def tie() -> None:
        if prctl is not None:
            prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)

    return tie


def wait_until_ready(
    host: str, port: int, children: Children, home: Path, seconds: float = _READY_SECONDS
) -> None:
    """Until the web server answers. Raises `EmbeddedError` after so many seconds, and as `watch` does."""
    where = "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host  # noqa: S104  # compared
    # A proxy that the environment names must not be asked about this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _check_alive(children, home)
        try:
            with opener.open(f"http://{where}:{port}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise EmbeddedError(f"the web server did not become ready in {seconds:.0f} s; see {home}/serve.log")


def _check_alive(children: Children, home: Path) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise EmbeddedError(_last_words(name, child, home))


def _last_words(name: str, child: subprocess.Popen[bytes], home: Path) -> str:
    log = home / f"{name}.log"
    lines = log.read_text(errors="replace").strip().splitlines()
    return (
        f"the {name} process ended by itself ({child.returncode}): "
        f"{lines[-1] if lines else 'it said nothing'} (its log: {log})"
    )


def watch(
    children: Children,
    home: Path,
    *,
    beside: Children | None = None,
    say: Callable[[str], None] = print,
    below: Callable[[], None] | None = None,
) -> None:
    """Until one of them ends by itself: raises `EmbeddedError` with the last line that it said. Of those
    `beside`, without which all goes on, that is said once. `below` looks after what they stand on."""
    missed: set[str] = set()
    while True:
        time.sleep(0.5)
        if below is not None:
            below()
        _check_alive(children, home)
        for name, child in (beside or {}).items():
            if child.poll() is not None and name not in missed:
                missed.add(name)
                say(_last_words(name, child, home))


def stop_children(children: Children) -> None:
    """Ask them to stop, and see to it that nothing of them is left."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    for child in children.values():
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=20)
        # Each child leads a process group: whatever it left behind, or did not stop in time, ends now. A web
        # server that was killed leaves workers that hold the port.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
