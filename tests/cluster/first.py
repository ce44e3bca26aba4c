"""The first process of the cluster's namespaces: `python -m tests.cluster.first FOLDER SECONDS
FD=ADDRESS:PORT …`.

Makes the network, leads this machine's ports in, and collects the processes that others leave behind. When it
ends, which it does by itself after so many seconds, everything inside does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

BRIDGE = "10.244.0.1"
OTHERS = ("10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.5", "10.244.0.6")


def network(folder: Path) -> None:
    """A bridge that all pods hang on, the addresses of what is no pod, names, and room for pods'
    namespaces."""
    # Its own hardware address: else it has the lowest of its pods', which changes when that one goes, and
    # what the others know of it leads nowhere for twenty seconds.
    lines = ["link set lo up", "link add cluster0 address 02:0a:f4:00:00:01 type bridge"]
    lines += [f"addr add {BRIDGE}/16 dev cluster0"]
    lines += [f"addr add {one}/16 dev cluster0" for one in OTHERS]
    lines += ["link set cluster0 up"]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    Path("/run/netns").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/netns"], check=True)
    subprocess.run(["mount", "--bind", str(folder / "hosts"), "/etc/hosts"], check=True)


async def relay(listener: socket.socket, host: str, port: int) -> None:
    """Lead every connection to a port of this machine to one inside."""

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await lead_to(host, port, reader, writer)

    await asyncio.start_server(lead, sock=listener)


async def lead_to(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lead a connection there, until either end has said all."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        with contextlib.suppress(OSError, RuntimeError):
            target.write_eof() if target.can_write_eof() else target.close()

    try:
        there, back = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, back), copy(there, writer))
    for end in (writer, back):
        end.close()


async def live(folder: Path, seconds: float, relays: list[str]) -> None:
    """Until the time is over."""
    network(folder)
    asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, collect)
    for one in relays:
        number, _, address = one.partition("=")
        host, _, port = address.rpartition(":")
        await relay(socket.socket(fileno=int(number)), host, int(port))
    (folder / "opened").touch()
    await asyncio.sleep(seconds)


def collect() -> None:
    """The exit codes of orphans, which only the first process can take."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
