"""The application on a port of its own: in the test's process, or as the command serves it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from granian.server.embed import Server

from hotel_booking.core.environment import read_settings
from hotel_booking.http.serving import granian_options
from tests.clients.http_client import application


@asynccontextmanager
async def serving(database_url: str, **settings: str) -> AsyncIterator[str]:
    """The application as `hotel-booking serve` serves it, by the same server with the same options, but as a
    task of this process, which has everything imported already: a tenth of a second instead of five. Its
    address. What it keeps in memory (limits, breakers, seals) is its own and ends with it."""
    environ = _environ(database_url, settings)
    chosen = read_settings(environ)
    async with application(chosen) as app:
        server = Server(app, **granian_options(chosen))
        task = asyncio.create_task(server.serve())

        def ended() -> str | None:
            return str(task.exception()) if task.done() else None

        try:
            await _until_ready(environ["HOTEL_PUBLIC_URL"], ended)
            yield environ["HOTEL_PUBLIC_URL"]
        finally:
            server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
            await task


@asynccontextmanager
async def served_by_the_command(
    database_url: str, log: Path | None = None, /, **settings: str
) -> AsyncIterator[str]:
    """`hotel-booking serve` in a process of its own; its address. What it says is written to `log`."""
    environ = _environ(database_url, settings)
    process = subprocess.Popen(  # noqa: ASYNC220  # started once, before anything is awaited
        [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", "serve"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if log is None else log.open("wb"),
        stderr=subprocess.STDOUT,
    )

    def ended() -> str | None:
        if process.poll() is None:
            return None
        return (log.read_bytes() if log else process.communicate()[0]).decode(errors="replace")

    try:
        await _until_ready(environ["HOTEL_PUBLIC_URL"], ended)
        yield environ["HOTEL_PUBLIC_URL"]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _environ(database_url: str, settings: dict[str, str]) -> dict[str, str]:
    """The tests' environment, with a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DB_", "HOTEL_"))},
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_PORT": str(port),
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
        "HOTEL_SEARCH_INDEX": "false",
        "HOTEL_SECRET_KEY": "a secret for tests, long enough to be one",
        **settings,
    }


async def _until_ready(address: str, ended: Callable[[], str | None]) -> None:
    # Without TLS: it would read all certificate authorities for it.
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        for _ in range(1_800):
            if (output := ended()) is not None:
                pytest.fail(f"the server ended by itself: {output[-2000:]}")
            try:
                if (await client.get(f"{address}/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    pytest.fail("the server did not become ready in 90 seconds")
