"""The listener that Prometheus scrapes: all web processes together, the worker alone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from hotel_booking.core.metrics_listener import alone, told_together
from hotel_booking.core.setting import ConfigError
from hotel_booking.ops.child_processes import free_port
from tests.clients.http_client import settings_for
from tests.clients.server import served_by_the_command
from tests.clients.waiting import until

pytestmark = pytest.mark.postgresql
ALIVE = 'hotel_booking_http_requests_total{method="GET",route="/health/live",status="2xx"}'
SIZE = "hotel_booking_database_pool_size"


def figure(text: str, sample: str) -> float:
    """A sample's value; -1 where it is not told."""
    return next(
        (float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{sample} ")), -1
    )


@pytest.mark.nightly
async def test_all_processes_are_told_together_and_what_one_counted_outlives_it(
    database_url: str, tmp_path: Path
) -> None:
    folder, port = tmp_path / "metrics", free_port()
    folder.mkdir()
    left = folder / "counter_1.db"  # of a server that was killed
    left.write_bytes(b"of another start")

    def processes() -> set[int]:
        return {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_livesum_*.db")}

    async def told() -> str:
        async with httpx.AsyncClient(trust_env=False, verify=False) as scraper:
            return (await scraper.get(f"http://127.0.0.1:{port}/metrics")).text

    async with served_by_the_command(
        database_url,
        HOTEL_WORKERS="2",
        HOTEL_POOL_SIZE="3",
        HOTEL_METRICS_PORT=str(port),
        PROMETHEUS_MULTIPROC_DIR=str(folder),
    ) as address:
        assert not left.exists()
        await until(lambda: len(processes()) == 2)

        async def both() -> bool:
            return figure(await told(), SIZE) == 6

        await until(both)
        for _ in range(20):  # each on a connection of its own, so that both processes answer some
            async with httpx.AsyncClient(trust_env=False, verify=False) as guest:
                assert (await guest.get(f"{address}/health/live")).status_code == 200

        async def all_told() -> bool:
            return figure(await told(), ALIVE) == 20

        await until(all_told)
        assert "hotel_booking_build_info{" in await told()
        async with httpx.AsyncClient(trust_env=False, verify=False) as guest:
            assert (await guest.get(f"{address}/metrics")).status_code == 404
        first = processes()
        os.kill(killed := first.copy().pop(), signal.SIGKILL)
        await until(lambda: len(processes() - first) == 1)
        await until(both)
        assert killed not in processes()
        assert figure(await told(), ALIVE) == 20
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_the_worker_tells_its_own(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DB_", "HOTEL_"))},
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_EXCHANGE_RATES_URL": "",  # nobody outside is asked, and waited for
        "HOTEL_WORKER_METRICS_PORT": str(port),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "of the web processes"),
    }
    code = "from hotel_booking.cli import main; main()"
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(  # noqa: ASYNC220  # started once
            [sys.executable, "-P", "-c", code, "worker"], env=environ, stdout=log, stderr=log
        )
    try:

        async def tells() -> bool:
            assert worker.poll() is None, (tmp_path / "log").read_text()
            try:
                async with httpx.AsyncClient(trust_env=False, verify=False) as scraper:
                    text = (await scraper.get(f"http://127.0.0.1:{port}/metrics")).text
            except httpx.TransportError:
                return False
            return figure(text, 'hotel_booking_jobs{queue="mail",state="due"}') == 0

        await until(tells)
        assert not (tmp_path / "of the web processes").exists()
    finally:
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for variable, settings, listen in (
            ("HOTEL_METRICS_PORT", settings_for("", metrics_port=port), told_together),
            ("HOTEL_WORKER_METRICS_PORT", settings_for("", worker_metrics_port=port), alone),
        ):
            with pytest.raises(ConfigError, match=variable), listen(settings):
                pass
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
