"""PostgreSQL, Redis, the mail server and the payment gateway fail one by one under load: which signals,
alerts and parts of the status page change, and that all return. What was seen is printed as a table.

Everything is real, with the configuration of `deployment/monitoring`, but what lies outside: the gateway is
the double, and the mail server takes everything.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from prometheus_client.parser import text_string_to_metric_families

from hotel_booking import migrations
from hotel_booking.core.clock import utc_now
from hotel_booking.demo.loader import load
from hotel_booking.ops import monitoring
from hotel_booking.ops.child_processes import free_port, start, stop_children
from hotel_booking.ops.embedded import Cluster, throwaway
from tests.clients.waiting import wait_until
from tests.doubles.door import Door
from tests.doubles.stripe import StripeDouble

PROBED_EVERY = 5  # seconds
GUESTS = 3
BREAKER = "hotel_booking_breaker_state"
# What these outages are told by; other alerts of a small machine under load are not looked at.
ALERTS = {"RedisDown", "ThirdPartyDown", "DatabaseDown", "HealthCheckFailing", "TargetDown"}


class TakesAll:
    """A mail server that takes everything."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        del server, session, envelope
        return "250 OK"


@dataclass
class Guests:
    """They search, book and pay without end, whatever is answered."""

    base: str
    hotel: str
    answers: dict[int, int] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    confirmed: int = 0

    def run(self, seed: int) -> None:
        chooses = random.Random(seed)
        with httpx.Client(
            base_url=f"{self.base}/api/v1", timeout=20, trust_env=False, verify=False
        ) as client:
            while not self.stopped.wait(0.3):
                with suppress(httpx.TransportError):
                    self._book(client, chooses)

    def _call(self, client: httpx.Client, method: str, path: str, **more: Any) -> Any:
        answer = client.request(method, path, **more)
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        assert answer.status_code != 500, answer.text
        return answer.json() if answer.status_code < 300 else None

    def _book(self, client: httpx.Client, chooses: random.Random) -> None:
        arrival = utc_now().date() + timedelta(days=chooses.randrange(20, 200))
        dates = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
        self._call(client, "GET", "/search", params={**dates, "adults": "2", "lat": "38.72", "lon": "-9.14"})
        found = self._call(client, "GET", f"/properties/{self.hotel}/offers", params={**dates, "adults": "2"})
        for offer in [one for one in (found or {"offers": []})["offers"] if one["due_now"]["amount"]][:1]:
            room = {"room_type": offer["room_type"], "rate_plan": offer["rate_plan"], "adults": 2}
            wish: dict[str, Any] = {"property": self.hotel, **dates, "rooms": [room]}
            quote = self._call(client, "POST", "/quotes", json=wish)
            guest = {"given_name": "Ana", "family_name": "Example", "email": f"{uuid4().hex}@example.com"}
            wish = {"quote": quote["id"], "guest": guest} if quote else {}
            held = wish and self._call(
                client, "POST", "/bookings", json=wish, headers={"Idempotency-Key": str(uuid4())}
            )
            if held:
                paid = self._call(
                    client,
                    "POST",
                    f"/bookings/{held['reference']}/payments",
                    json={"token": "pm_card_visa"},
                    headers={"Authorization": f"Bearer {held['access_token']}"},
                )
                self.confirmed += paid is not None and paid["status"] == "confirmed"


class Platform:
    """The web server, the worker, the prober, and all that watches them."""

    def __init__(self, folder: Path, cluster: Cluster, parts: ExitStack) -> None:
        self.folder, self.cluster = folder, cluster
        self.port, self.metrics = free_port(), (free_port(), free_port())
        self.base = f"http://127.0.0.1:{self.port}"
        self.redis_port = free_port()
        double = parts.enter_context(StripeDouble())
        post = Controller(TakesAll(), hostname="127.0.0.1", port=free_port())
        post.start()
        parts.callback(post.stop)
        self.gateway = parts.enter_context(Door(behind=("127.0.0.1", int(double.url.rpartition(":")[2]))))
        self.post = parts.enter_context(Door(behind=("127.0.0.1", post.port)))
        self.children: dict[str, Any] = {}
        parts.callback(lambda: stop_children(self.children))
        self.plan = monitoring.plan(
            folder / "monitoring",
            token="of the tracker",
            redis_url=f"redis://127.0.0.1:{self.redis_port}/0",
        )

    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self.cluster.url("hotel"),
            "REDIS_URL": self.plan.redis_url or "",
            "HOTEL_ENVIRONMENT": "demo",
            "HOTEL_PORT": str(self.port),
            "HOTEL_PUBLIC_URL": self.base,
            "HOTEL_METRICS_PORT": str(self.metrics[0]),
            "HOTEL_WORKER_METRICS_PORT": str(self.metrics[1]),
            "HOTEL_GATEWAY": "stripe",
            "HOTEL_STRIPE_SECRET_KEY": "sk_test_double",
            "HOTEL_STRIPE_PUBLISHABLE_KEY": "pk_test_double",
            "HOTEL_STRIPE_WEBHOOK_SECRETS": "whsec_double",
            "HOTEL_STRIPE_API_BASE": f"http://127.0.0.1:{self.gateway.port}",
            "HOTEL_SMTP_URL": f"smtp://127.0.0.1:{self.post.port}",
            "HOTEL_SECRET_KEY": "a secret for tests, long enough to be one",
            "HOTEL_SPOOL_DIR": str(self.folder / "spool"),
            "HOTEL_STATUS_PROBE_SECONDS": str(PROBED_EVERY),
            "HOTEL_MFA_REQUIRED": "false",
            **self.plan.environ(),
        }

    def start(self) -> None:
        self.start_redis()
        for name, words in (("serve", ["serve"]), ("worker", ["worker"]), ("prober", ["status", "probe"])):
            self.children[name] = start(*words, environ=self.environ(), log=self.folder / f"{name}.log")
        watched = monitoring.Targets(
            public_url=self.base, scraped=self.metrics, database_url=self.cluster.url("hotel")
        )
        self.children.update(monitoring.start(self.plan, watched))

    def start_redis(self) -> None:
        self.children["redis"] = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.redis_port), "--save", ""],
            stdout=subprocess.DEVNULL,
        )

    def kill_redis(self) -> None:
        self.children["redis"].kill()
        self.children["redis"].wait()

    # What it says of itself ------------------------------------------------------------------------

    def ready(self) -> tuple[int, Any]:
        """Status and body of the health check."""
        answer = httpx.get(f"{self.base}/health/ready", timeout=10, trust_env=False, verify=False)
        return answer.status_code, answer.json()

    def alerts(self) -> set[str]:
        """Alerts whose condition is true, whether they have waited long enough to fire or not."""
        url = self.plan.url(monitoring.PROMETHEUS)
        answer = httpx.get(f"{url}/api/v1/alerts", timeout=10, trust_env=False, verify=False)
        return {alert["labels"]["alertname"] for alert in answer.json()["data"]["alerts"]}

    def alerted(self, name: str) -> bool:
        """Whether this one's is."""
        return name in self.alerts()

    def metric(self, name: str, **labels: str) -> set[float]:
        """What the web server and the worker say it is."""
        found = set()
        for port in self.metrics:
            with suppress(httpx.TransportError):
                text = httpx.get(
                    f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False, verify=False
                ).text
                found |= {
                    sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                    if sample.name == name and labels.items() <= sample.labels.items()
                }
        return found

    def parts(self) -> dict[str, str]:
        """What the status page says of each part."""
        answer = httpx.get(
            f"{self.base}/status/api/v2/summary.json", timeout=10, trust_env=False, verify=False
        )
        return {one["id"]: one["status"] for one in answer.json()["components"]}


def eventually(true: Callable[[], object], what: str) -> None:
    """It takes some rounds of scraping, probing and sending until what has happened is told."""
    end = time.monotonic() + 300
    while True:
        with suppress(httpx.TransportError, KeyError, ValueError):
            if true():
                return
        assert time.monotonic() < end, f"it was not seen that {what}"
        time.sleep(1)


@contextmanager
def crowd(guests: Guests) -> Iterator[None]:
    threads = [threading.Thread(target=guests.run, args=(seed,)) for seed in range(GUESTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        guests.stopped.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.nightly
def test_what_fails_is_seen_and_is_gone_when_it_returns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = [name for name in monitoring.PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: sudo apt-get install -y {' '.join(missing)}")
    seen: list[tuple[str, str]] = []
    untold = tmp_path / "spool" / "status"  # where the prober keeps what it could not tell

    def is_seen(fault: str, what: str, true: Callable[[], object]) -> None:
        eventually(true, f"{fault}: {what}")
        seen.append((fault, what))

    with throwaway() as cluster, ExitStack() as parts:
        cluster.create_database("hotel")
        migrations.upgrade(cluster.url("hotel"))
        asyncio.run(load(cluster.url("hotel"), seed=1, progress=lambda _what, _share: None, properties=1))
        platform = Platform(tmp_path, cluster, parts)
        platform.start()
        wait_until(lambda: (tmp_path / "serve.log").exists())
        eventually(lambda: platform.ready()[0] == 200, "it is ready")
        hotel = httpx.get(f"{platform.base}/api/v1/properties", trust_env=False, verify=False).json()[
            "items"
        ][0]["slug"]
        guests = Guests(platform.base, hotel)

        def quiet() -> bool:
            """Nothing is wrong, as far as anybody says."""
            code, body = platform.ready()
            whole = code == 200 and body["status"] == "ok"
            return (
                whole and not platform.alerts() & ALERTS and set(platform.parts().values()) == {"operational"}
            )

        def goes_on() -> bool:
            before = guests.confirmed
            time.sleep(2)
            return guests.confirmed > before

        with crowd(guests):
            eventually(goes_on, "guests book")
            eventually(quiet, "nothing is wrong before")

            platform.kill_redis()
            is_seen("Redis", "ready, but degraded", lambda: platform.ready()[1]["status"] == "degraded")
            is_seen("Redis", "alert RedisDown", partial(platform.alerted, "RedisDown"))
            is_seen("Redis", "guests book on", goes_on)
            assert platform.ready()[0] == 200
            assert not down(platform)
            platform.start_redis()
            is_seen("Redis", "all as before", quiet)

            platform.post.shut()
            is_seen("mail", "its breaker opens", lambda: 2 in platform.metric(BREAKER, party="smtp"))
            is_seen("mail", "alert ThirdPartyDown", partial(platform.alerted, "ThirdPartyDown"))
            is_seen("mail", "guests book on", goes_on)
            is_seen("mail", "notifications are not operational", lambda: down(platform) == {"notifications"})
            platform.post.open()
            is_seen("mail", "all as before", quiet)

            platform.gateway.shut()
            is_seen("gateway", "its breaker opens", lambda: 2 in platform.metric(BREAKER, party="stripe"))
            is_seen("gateway", "alert ThirdPartyDown", partial(platform.alerted, "ThirdPartyDown"))
            is_seen("gateway", "payments are not operational", lambda: down(platform) == {"payments"})
            assert platform.ready()[0] == 200
            platform.gateway.open()
            is_seen("gateway", "guests pay again", goes_on)
            is_seen("gateway", "all as before", quiet)

            cluster.stop()  # of data to throw away: as in a crash
            is_seen("PostgreSQL", "not ready", lambda: platform.ready()[0] == 503)
            for alert in ("DatabaseDown", "HealthCheckFailing"):
                is_seen("PostgreSQL", f"alert {alert}", partial(platform.alerted, alert))
            is_seen("PostgreSQL", "metrics are told", lambda: platform.metric("hotel_booking_build_info"))
            is_seen("PostgreSQL", "what was probed waits", lambda: any(untold.glob("*.json")))
            cluster.start()
            is_seen("PostgreSQL", "ready", lambda: platform.ready()[0] == 200)
            is_seen("PostgreSQL", "guests book again", goes_on)
            is_seen("PostgreSQL", "what waited is told", lambda: not any(untold.glob("*.json")))
            is_seen("PostgreSQL", "all as before", quiet)
        for name, child in platform.children.items():
            assert child.poll() is None, f"{name} has ended"
    with capsys.disabled():
        sys.stdout.write("\n")
        for fault, what in seen:
            sys.stdout.write(f"  {fault:<12}{what}\n")
        sys.stdout.write(f"  {guests.confirmed} bookings; answers: {dict(sorted(guests.answers.items()))}\n")


def down(platform: Platform) -> set[str]:
    return {part for part, status in platform.parts().items() if status != "operational"}
