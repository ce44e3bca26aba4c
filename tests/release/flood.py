"""Many light requests through the gateway, and which release answered each: `python -m tests.release.flood
ADDRESS COUNT` prints it as JSON."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter

from tests.cluster.cluster import GATEWAY, Cluster
from tests.cluster.load import HOST

_CONNECTIONS = 4  # more would make guests wait
_REQUEST = f"GET /health/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def flood(cluster: Cluster, count: int) -> dict[str, int]:
    """From inside the cluster's network. Of answers that name no release those of an unmarked one are
    `first`, the gateway's own `nobody`."""
    asked = [sys.executable, "-m", "tests.release.flood", f"{GATEWAY}:443", str(count)]
    found: dict[str, int] = json.loads(cluster.world.run(asked, seconds=900).stdout)
    return found


async def _ask(address: str, count: int, shares: Counter[str]) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=HOST)
    for _ in range(count):
        writer.write(_REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        await reader.readexactly(int(headers.get("content-length", "0")))
        shares[headers.get("x-release") or ("first" if "x-request-id" in headers else "nobody")] += 1
    writer.close()


async def _all(address: str, count: int) -> Counter[str]:
    shares: Counter[str] = Counter()
    await asyncio.gather(*(_ask(address, count // _CONNECTIONS, shares) for _ in range(_CONNECTIONS)))
    return shares


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(sys.argv[1], int(sys.argv[2])))))  # noqa: T201  # its answer
