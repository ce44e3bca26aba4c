"""The platform of a soak: two web processes, a worker, a primary with its replica, Redis, and the mail server
and gateway behind doors. What a supervisor starts anew in production is started anew here."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
from aiosmtpd.controller import Controller

from hotel_booking import migrations
from hotel_booking.demo.loader import load
from hotel_booking.ops.child_processes import free_port, start, start_program, stop_children
from hotel_booking.ops.embedded import DURABLE, Cluster
from tests.clients.standby import standby
from tests.doubles.door import Door
from tests.doubles.stripe import StripeDouble
from tests.ops.test_outages_seen import TakesAll

_DISK = "3g"  # of the primary
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_HOTELS = 8


class House:
    """All of it, running. `primary` is who takes writes."""

    def __init__(self, folder: Path, parts: ExitStack) -> None:
        self.folder, self._parts = folder, parts
        self.primary, self.replica = _pair(folder, parts)
        self.disk = folder / "disk"
        self.url = (
            f"postgresql://hotel@/hotel?host={_socket_of(self.primary)},{_socket_of(self.replica)}"
            "&target_session_attrs=read-write"
        )
        self.port, self.redis_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.stripe = parts.enter_context(StripeDouble())
        post = Controller(TakesAll(), hostname="127.0.0.1", port=free_port())
        post.start()
        parts.callback(post.stop)
        gateway = int(self.stripe.url.rpartition(":")[2])
        self.gateway = parts.enter_context(Door(behind=("127.0.0.1", gateway)))
        self.post = parts.enter_context(Door(behind=("127.0.0.1", post.port)))
        self.clock = folder / "clock"
        self.step_clock("+0")
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._starts = 0
        parts.callback(lambda: stop_children(self.children))
        for name in ("redis", "serve", "worker"):
            self.begin(name)
        self._over = threading.Event()
        supervisor = threading.Thread(target=self._supervise, daemon=True)
        supervisor.start()
        parts.callback(supervisor.join)
        parts.callback(self._over.set)

    def _environ(self) -> dict[str, str]:
        generous = "1000000"
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self.url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "HOTEL_ENVIRONMENT": "demo",
            "HOTEL_WORKERS": "2",
            "HOTEL_PORT": str(self.port),
            "HOTEL_PUBLIC_URL": self.base,
            "HOTEL_GATEWAY": "stripe",
            "HOTEL_STRIPE_SECRET_KEY": "sk_test_double",
            "HOTEL_STRIPE_PUBLISHABLE_KEY": "pk_test_double",
            "HOTEL_STRIPE_WEBHOOK_SECRETS": "whsec_double",
            "HOTEL_STRIPE_API_BASE": f"http://127.0.0.1:{self.gateway.port}",
            "HOTEL_SMTP_URL": f"smtp://127.0.0.1:{self.post.port}",
            "HOTEL_SECRET_KEY": "a secret for tests, long enough to be one",
            "HOTEL_SPOOL_DIR": str(self.folder / "spool"),
            "HOTEL_MFA_REQUIRED": "false",
            "HOTEL_EXCHANGE_RATES_URL": "",
            # All guests come from one address here.
            **dict.fromkeys(("HOTEL_RATE_LIMIT_READS", "HOTEL_RATE_LIMIT_WRITES"), generous),
            **dict.fromkeys(("HOTEL_OPEN_HOLDS_PER_ADDRESS", "HOTEL_OPEN_ROOMS_PER_ADDRESS"), generous),
            # Their clock is this file's: `+0`, `+20m`.
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def begin(self, name: str) -> None:
        """Start one of `serve`, `worker` and `redis`."""
        self._starts += 1
        log = self.folder / f"{name}-{self._starts}.log"
        if name == "redis":
            command = ("redis-server", "--bind", "127.0.0.1", "--port", str(self.redis_port), "--save", "")
            self.children[name] = start_program(*command, environ={"PATH": os.environ["PATH"]}, log=log)
        else:
            self.children[name] = start(name, environ=self._environ(), log=log)

    def _supervise(self) -> None:
        """What has ended by itself, or was killed, is there again after a second, but for Redis, whose death
        is a fault with an end of its own."""
        while not self._over.wait(1):
            for name in ("serve", "worker"):
                if self.children[name].poll() is not None:
                    with suppress(ProcessLookupError):  # a killed server's processes hold the port
                        os.killpg(self.children[name].pid, signal.SIGKILL)
                    self.begin(name)

    def step_clock(self, by: str) -> None:
        """Of the web server and the worker; nobody else's."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{by}\n")
        fresh.rename(self.clock)

    def processes(self, name: str) -> list[int]:
        """Those that do the work: the web server's own children, or the worker."""
        parent = self.children[name].pid
        below = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [int(one) for one in below] or [parent]

    def memory(self, name: str) -> int:
        """Bytes in memory of its processes that are theirs alone, all together."""
        total = 0
        for process in {self.children[name].pid, *self.processes(name)}:
            with suppress(OSError):
                lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
        return total

    def ready(self) -> bool:
        """Whether all is well, as it says itself."""
        with suppress(httpx.TransportError, ValueError):
            answer = httpx.get(f"{self.base}/health/ready", timeout=5, trust_env=False)
            return answer.status_code == 200 and answer.json()["status"] == "ok"
        return False

    def hotels(self) -> list[str]:
        """What can be booked."""
        answer = httpx.get(f"{self.base}/api/v1/properties", timeout=30, trust_env=False)
        return [one["slug"] for one in answer.json()["items"]]

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """Of the database that takes writes."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Of the primary: not a byte is left on it."""
        filler = self.disk / "filler"
        block = b"\0" * 65_536
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(block)
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """Started, with hotels that sell, and gone at the end."""
    assert _FAKETIME.exists(), "not installed: sudo apt-get install -y faketime"
    with ExitStack() as parts:
        running = House(folder, parts)
        end = time.monotonic() + 120
        while not running.ready():
            assert time.monotonic() < end, (folder / "serve-2.log").read_text()[-3000:]
            time.sleep(0.2)
        yield running


def _pair(folder: Path, parts: ExitStack) -> tuple[Cluster, Cluster]:
    """A primary on a small disk of its own whose commits wait for its replica, and the replica."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "soak", disk], check=True)
    parts.callback(lambda: subprocess.run(["umount", "--lazy", disk], check=False))
    for path in (folder, *folder.parents):
        with suppress(OSError):
            path.chmod(path.stat().st_mode | 0o711)
    disk.chmod(0o711)
    primary = Cluster(disk / "primary", {**DURABLE, "max_wal_size": "512MB"})
    primary.folder.mkdir()
    primary.folder.chmod(0o711)
    primary.start()
    parts.callback(primary.remove)
    primary.create_database("hotel")
    migrations.upgrade(primary.url("hotel"))
    asyncio.run(load(primary.url("hotel"), seed=1, progress=lambda _what, _share: None, properties=_HOTELS))
    replica = parts.enter_context(standby(primary))
    parts.callback(_let_go, primary)  # the replica gives its slot back there
    with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
    return primary, replica


def _let_go(primary: Cluster) -> None:
    primary.restart()
    with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        connection.execute("SELECT pg_reload_conf()")


def _socket_of(cluster: Cluster) -> str:
    return parse_qs(urlsplit(cluster.url("x")).query)["host"][0]


def room() -> Path:
    """A folder that PostgreSQL's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    folder.chmod(0o711)
    return folder


def remove(folder: Path) -> None:
    """All that is left of it."""
    shutil.rmtree(folder, ignore_errors=True)
