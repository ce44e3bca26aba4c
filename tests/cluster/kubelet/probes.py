"""Probes and hooks as the manifest says: HTTP, TCP, a command, a sleep."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from tests.cluster.kubelet.api import Object

Run = Callable[[list[str]], Awaitable[int]]


async def succeeds(probe: Object, container: Object, address: str, run: Run) -> str | None:
    """None where it does, else what happened instead."""
    seconds = probe.get("timeoutSeconds", 1)
    try:
        async with asyncio.timeout(seconds):
            return await once(probe, container, address, run)
    except TimeoutError:
        return f"no answer within {seconds} s"
    except OSError as error:
        return str(error)


async def once(action: Object, container: Object, address: str, run: Run) -> str | None:
    """One probe or hook; None: it went well. Raises `OSError`."""
    if get := action.get("httpGet"):
        port = _port(get["port"], container)
        headers = {"Host": f"{address}:{port}", "User-Agent": "kube-probe/1.34", "Connection": "close"}
        headers |= {header["name"]: header["value"] for header in get.get("httpHeaders", [])}
        status = await _get(get.get("host") or address, port, get.get("path", "/"), headers)
        return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"
    if tcp := action.get("tcpSocket"):
        _, writer = await asyncio.open_connection(address, _port(tcp["port"], container))
        writer.close()
        return None
    if command := action.get("exec"):
        code = await run(command["command"])
        return None if code == 0 else f"command ended with {code}"
    if pause := action.get("sleep"):
        await asyncio.sleep(pause["seconds"])
        return None
    return f"a probe of a kind that is not known here: {sorted(action)}"


def _port(port: int | str, container: Object) -> int:
    if isinstance(port, int):
        return port
    return next(int(one["containerPort"]) for one in container["ports"] if one.get("name") == port)


async def _get(host: str, port: int, path: str, headers: Mapping[str, str]) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        first = await reader.readline()
        with contextlib.suppress(OSError):
            await reader.read(4096)
        parts = first.split()
        if len(parts) < 2:
            raise OSError("no answer")
        return int(parts[1])
    finally:
        writer.close()
