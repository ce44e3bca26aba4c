"""`hotel-booking demo --monitoring`: what is installed is started beside the demo, and every panel of the
dashboards has data."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.demo.running import monitoring_for
from hotel_booking.ops import monitoring
from hotel_booking.ops.child_processes import free_port, start_program, stop_children, watch
from hotel_booking.ops.embedded import EmbeddedError
from tests.clients.waiting import until, wait_until
from tests.factories.certificates import certificate
from tests.ops.test_dashboards import DASHBOARDS, panels

# A cluster is not here: its panels have made-up series in test_dashboards.py.
ELSEWHERE = "kube_"


def installed(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: sudo apt-get install -y {' '.join(missing)}")


def asked_for(url: str, what: str, **query: str) -> Any:
    answer = httpx.get(f"{url}/api/v1/{what}", params=query, timeout=30, trust_env=False, verify=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5, trust_env=False, verify=False).status_code == 200
    except httpx.TransportError:
        return False


def test_only_what_is_installed_is_started_and_nothing_else_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("prometheus", "prometheus-alertmanager")
    some = tmp_path / "bin"
    some.mkdir()
    for program in ("prometheus", "prometheus-alertmanager"):
        (some / program).symlink_to(str(shutil.which(program)))
    monkeypatch.setenv("PATH", str(some))
    plan = monitoring.plan(tmp_path / "monitoring", token="of the tracker")
    assert plan.missing == (
        "prometheus-node-exporter",
        "prometheus-postgres-exporter",
        "prometheus-redis-exporter",
        "prometheus-blackbox-exporter",
        "redis-server",
    )
    prometheus, alertmanager = (
        plan.url(program) for program in (monitoring.PROMETHEUS, monitoring.ALERTMANAGER)
    )
    assert prometheus
    assert alertmanager
    assert plan.environ() == {
        "HOTEL_ALERTMANAGER_TOKEN": "of the tracker",
        "HOTEL_PROMETHEUS_URL": prometheus,
    }
    assert list(monitoring.redis(plan)) == []
    watched = monitoring.Targets(
        public_url="http://localhost:1", scraped=(free_port(), free_port()), database_url="postgresql://h@/h"
    )
    children = dict(monitoring.start(plan, watched))
    try:
        assert set(children) == {"prometheus", "alertmanager"}
        for name, url in (("prometheus", prometheus), ("alertmanager", alertmanager)):
            wait_until(lambda url=url: answers(url), child=children[name])  # type: ignore[misc]  # bound at once
        wait_until(lambda: len(asked_for(prometheus, "alertmanagers")["activeAlertmanagers"]) == 1)
        rules = {
            rule["name"]: rule
            for group in asked_for(prometheus, "rules")["groups"]
            for rule in group["rules"]
        }
        # Nobody is told for ever that what is not there is absent, and all links lead to this panel.
        assert re.findall(r'job="(\w+)"', rules["PlatformNotMeasured"]["query"]) == ["web", "worker"]
        assert "ExporterAbsent" not in rules
        assert rules["ErrorRateHigh"]["annotations"]["runbook_url"].startswith(
            "http://localhost:1/admin/runbook#"
        )
        config = httpx.get(f"{alertmanager}/api/v2/status", trust_env=False, verify=False).json()["config"][
            "original"
        ]
        assert "http://localhost:1/webhooks/alertmanager" in config
        assert not re.search(r"(pagerduty|slack|email)_configs|hotelbooking\.com", config)
    finally:
        stop_children(children)


@pytest.mark.parametrize("name", ["bgwriter", "stat_bgwriter"])
def test_the_exporter_asks_nothing_that_a_newer_postgresql_refuses(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal is a line of the database's log, four a minute. The collector's name depends on the
    exporter's version, which ends where it does not know one."""
    exporter = tmp_path / "prometheus-postgres-exporter"
    helped = f'[ "$1" = --help ] && echo "--collector.{name}  Enable it"'
    exporter.write_text(f'#!/bin/sh\n{helped} || echo "$@" > {tmp_path}/called')
    exporter.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    watched = monitoring.Targets(
        public_url="http://localhost:1", scraped=(1, 1), database_url="postgresql:///h"
    )
    plan = monitoring.plan(tmp_path / "monitoring", token="of the tracker")
    ((_, started),) = monitoring.start(plan, watched)
    assert started.wait(20) == 0
    assert (tmp_path / "called").read_text().split()[1:] == [f"--no-collector.{name}"]


@pytest.mark.parametrize(
    "named",
    [
        {"REDIS_URL": "redis://:hidden@cache.example:6380/0"},
        {"REDIS_HOST": "cache.example", "REDIS_PORT": "6380", "REDIS_PASSWORD": "hidden"},
        {"REDIS_HOST_FILE": "host", "REDIS_PORT": "6380", "REDIS_PASSWORD": "hidden"},
    ],
    ids=["by its address", "in parts", "by a file"],
)
def test_a_redis_that_the_settings_name_is_the_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, str]
) -> None:
    (tmp_path / "host").write_text("cache.example")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    demo = {"HOTEL_ENVIRONMENT": "demo", "DATABASE_URL": "postgresql://h@/h"}
    plan = monitoring_for({**demo, **named}, tmp_path)
    assert plan.redis_url == "redis://:hidden@cache.example:6380/0"
    assert not plan.has_own_redis
    assert "REDIS_URL" not in plan.environ()
    assert list(monitoring.redis(plan)) == []
    without = monitoring_for(demo, tmp_path)
    assert without.environ()["REDIS_URL"] == f"redis://127.0.0.1:{without.ports['redis-server']}/0"


def test_without_an_exporter_the_demo_goes_on_and_says_so_once(tmp_path: Path) -> None:
    def run(name: str, script: str) -> subprocess.Popen[bytes]:
        return start_program("sh", "-c", script, environ=os.environ, log=tmp_path / f"{name}.log")

    (tmp_path / "monitoring").mkdir()
    said: list[str] = []
    children = {"serve": run("serve", "sleep 2; echo over")}
    beside = {"monitoring/redis": run("monitoring/redis", "echo no memory; exit 3")}
    with pytest.raises(EmbeddedError, match=r"the serve process ended by itself .*over"):
        watch(children, tmp_path, beside=beside, say=said.append)
    (line,) = said
    assert line.startswith("the monitoring/redis process ended by itself (3): no memory")


@asynccontextmanager
async def tls(folder: Path) -> AsyncIterator[int]:
    """A server with a certificate, for who asks when it ends; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, str]]:
    """The demo with its monitoring: its address, and what it said."""
    port = free_port()
    command = [
        sys.executable,
        "-P",
        "-c",
        "from hotel_booking.cli import main; main()",
        "demo",
        "--monitoring",
    ]
    environ = {
        k: v for k, v in os.environ.items() if not k.startswith(("HOTEL_", "REDIS_", "DATABASE_", "DB_"))
    }
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--data-dir", str(folder / "data")],
            env=environ | {"COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "Ctrl-C stops everything" in said.read_text(), seconds=300, child=process)
        yield f"http://localhost:{port}", said.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


class Guests:
    """People who look and book, one after the other."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._key = {"authorization": f"Bearer {key}"}
        self._day = utc_now().date()

    async def one(self, turn: int) -> None:
        """Searches, looks at a hotel, holds a room, and pays: every fifth with a card that is declined."""
        arrival = self._day + datetime.timedelta(days=20 + turn % 60)
        stay = {
            "arrival": arrival.isoformat(),
            "departure": (arrival + datetime.timedelta(days=2)).isoformat(),
            "adults": "2",
        }
        found = await self._client.get(
            "/api/v1/search", params={"place": "Lisbon", **stay}, headers=self._key
        )
        await self._client.get("/en/search", params={"place": "Lisbon", **stay})
        assert found.status_code == 200, found.text
        for hotel in found.json()["results"][:1]:
            slug = hotel["property"]["slug"] if "property" in hotel else hotel["slug"]
            await self._client.get(f"/en/hotels/{slug}")
            offers = await self._client.get(
                f"/api/v1/properties/{slug}/offers", params=stay, headers=self._key
            )
            for offer in offers.json()["offers"][:1]:
                await self._book(slug, stay, offer, "tok_decline" if turn % 5 == 4 else "tok_success")

    async def _book(self, slug: str, stay: dict[str, str], offer: dict[str, Any], token: str) -> None:
        wish = {
            "property": slug,
            "arrival": stay["arrival"],
            "departure": stay["departure"],
            "rooms": [{"room_type": offer["room_type"], "rate_plan": offer["rate_plan"], "adults": 2}],
        }
        quote = await self._client.post("/api/v1/quotes", json=wish, headers=self._key)
        assert quote.status_code == 201, quote.text
        guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
        held = await self._client.post(
            "/api/v1/bookings", json={"quote": quote.json()["id"], "guest": guest}, headers=self._key
        )
        assert held.status_code == 201, held.text
        await self._client.post(
            f"/api/v1/bookings/{held.json()['reference']}/payments", json={"token": token}, headers=self._key
        )


@asynccontextmanager
async def crowd(address: str, key: str) -> AsyncIterator[None]:
    """Guests, meanwhile, some each second."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, verify=False, timeout=60) as client:
        guests = Guests(client, key)

        async def come() -> None:
            for turn in range(10_000):
                await guests.one(turn)
                await asyncio.sleep(0.3)

        task = asyncio.create_task(come())
        try:
            yield
        finally:
            if task.done():
                task.result()
            task.cancel()


def without_data(url: str) -> list[str]:
    """Panels of which a query has nothing to draw. A query that is wrong fails."""
    found = []
    for uid in DASHBOARDS:
        for panel in panels(uid):
            for target in panel["targets"]:
                if ELSEWHERE in target["expr"]:
                    continue
                result = asked_for(url, "query", query=target["expr"])["result"]
                if not any(sample["value"][1] != "NaN" for sample in result):
                    found.append(f"{uid}: {panel['title']}: {target['expr']}")
    return found


def declare(alertmanager: str, summary: str) -> None:
    """Send an alert, as Prometheus does."""
    labels = {"alertname": "InvariantBroken", "severity": "critical", "category": "database"}
    told = {"labels": labels, "annotations": {"summary": summary}}
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[told], trust_env=False, verify=False).raise_for_status()


def incidents_of(folder: Path) -> str:
    """What `hotel-booking incident list` says of the demo's."""
    command = [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", "incident", "list"]
    return subprocess.run(
        [*command, "--data-dir", str(folder)], capture_output=True, text=True, check=True
    ).stdout


async def full(url: str) -> bool:
    return not await asyncio.to_thread(without_data, url)


@pytest.mark.nightly
async def test_every_panel_has_data_beside_the_demo_under_load(tmp_path: Path) -> None:
    installed(*monitoring.PROGRAMS)
    async with tls(tmp_path) as tls_port:
        with demo(tmp_path) as (address, said):
            (prometheus,) = re.findall(r"Prometheus +(http\S+)", said)
            (alertmanager,) = re.findall(r"Alertmanager +(http\S+)", said)
            (key,) = re.findall(r"Demo API key +(\S+)", said)
            assert "Not installed" not in said
            await until(lambda: answers(prometheus) and answers(alertmanager))
            configuration = asked_for(prometheus, "status/flags")["config.file"]
            folder = Path(configuration).parent / "targets"
            (folder / "certificates.yml").write_text(
                json.dumps(
                    [
                        {
                            "targets": [f"127.0.0.1:{tls_port}"],
                            "labels": json.loads((folder / "health.yml").read_text())[0]["labels"],
                        }
                    ]
                )
            )
            async with crowd(address, key):
                try:
                    await until(lambda: full(prometheus), seconds=150)
                except AssertionError:
                    assert without_data(prometheus) == []
            targets = asked_for(prometheus, "targets")["activeTargets"]
            assert {target["labels"]["job"] for target in targets if target["health"] == "up"} == {
                "web", "worker", "node", "postgres", "redis", "health", "certificates",
            }  # fmt: skip
            unwell = [
                rule["name"]
                for group in asked_for(prometheus, "rules")["groups"]
                for rule in group["rules"]
                if rule["health"] != "ok"
            ]
            assert unwell == []
            # An alert becomes an incident of the demo's own tracker.
            declare(alertmanager, "Oversold")
            await until(lambda: "Oversold" in incidents_of(tmp_path / "data"))
    assert not answers(prometheus), "it outlived the demo"
