"""A pod's network: its own namespace, joined by a pair of virtual cards to the bridge that stands for all
nodes."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

_SERVICES = "10.96.0.0/16"  # where ClusterIPs are (control.py); services.py answers for them
_NUMBERS = itertools.count(1)  # an address is never given out twice
_LOCK = asyncio.Lock()


class Network:
    """`address` is the pod's, `path` its namespace."""

    def __init__(self) -> None:
        number = next(_NUMBERS)
        self._name = f"pod{number}"
        self.address = f"10.244.{1 + number // 250}.{1 + number % 250}"
        self.path = Path("/run/netns") / self._name

    async def open(self) -> None:
        """Make it. Raises `OSError`."""
        name = self._name
        await _ip(f"netns add {name}")
        await _ip(
            f"link add v{name} type veth peer name eth0 netns {name}\nlink set v{name} master cluster0 up\n"
        )
        await _ip(
            f"link set lo up\naddr add {self.address}/16 dev eth0\nlink set eth0 up\n"
            f"route add {_SERVICES} dev eth0\n",
            *("-netns", self._name),
        )

    async def close(self) -> None:
        """Give it back; the cards go with it."""
        await _ip(f"netns del {self._name}")


async def _ip(lines: str, *options: str) -> None:
    async with _LOCK:
        child = await asyncio.create_subprocess_exec(
            "ip", *options, "-batch", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await child.communicate(lines.encode())
    if child.returncode:
        raise OSError(f"ip {lines.strip()}: {errors.decode().strip()}")
