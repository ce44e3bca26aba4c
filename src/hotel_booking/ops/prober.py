"""Looks at the platform from outside, over HTTP, as its users do; a small process of its own, which goes on
while everything else is down.

What was found goes to a file first (`at.json`, whole or not at all), and from there to whoever is told: in
order, each once they say that they have it. So nothing is lost while they cannot be told, and nothing is
changed by being told twice. The files are the contract with `domains.incidents.status_types.Round`:

    {"at": "<RFC 3339>", "probes": [{"component": "site", "outcome": "up|slow|down", "milliseconds": 12,
     "reason": ""}]}
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from hotel_booking.core.trust import trusted
from hotel_booking.ops.spool import write_whole

log = logging.getLogger("hotel_booking.prober")

Tell = Callable[[Sequence[bytes]], Awaitable[None]]
"""Tells of some rounds, the oldest first. Raises where they could not be told; then all come again."""

SLOW = 2.0  # seconds
_SECONDS = 10.0  # and a part that has not answered is down
_TELLING = 15.0
_MOST_READ = 65_536
_TOGETHER = 200  # rounds told at once
_MOST_KEPT = 40_000  # rounds: two weeks of them
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")


class Finding(NamedTuple):
    """What one look found."""

    component: str
    outcome: str
    milliseconds: int
    reason: str


def addresses(base: str, now: datetime) -> dict[str, str]:
    """Where each part is looked at: pages and calls that guests and partners use, and for parts that have no
    page what the platform says of them."""
    base = base.rstrip("/")
    arrival = (now + timedelta(days=30)).strftime("%Y-%m-%d")
    departure = (now + timedelta(days=32)).strftime("%Y-%m-%d")
    search = f"lat=48.86&lon=2.35&arrival={arrival}&departure={departure}&adults=2&limit=1"
    return {
        "site": f"{base}/en/",
        "api": f"{base}/api/v1/properties?limit=1",
        "admin": f"{base}/admin/sign-in",
        "payments": f"{base}/status/parts/payments",
        "notifications": f"{base}/status/parts/notifications",
        "search": f"{base}/api/v1/search?{search}",
    }


async def look(base: str, *, now: datetime, seconds: float = _SECONDS) -> list[Finding]:
    """Look at every part at once. Of what is closed for maintenance nothing is found. Never raises for what
    the platform or the network does."""
    own = urlsplit(base).hostname in _OWN_MACHINE  # no proxy leads to this machine
    async with httpx.AsyncClient(
        timeout=seconds,
        trust_env=not own,
        headers={"user-agent": "hotel-booking-status"},
        verify=trusted(),
    ) as client:
        found = addresses(base, now).items()
        looks = await asyncio.gather(*(_look_at(client, part, where, seconds) for part, where in found))
        return [finding for finding in looks if finding is not None]


async def _look_at(client: httpx.AsyncClient, part: str, where: str, seconds: float) -> Finding | None:
    began = time.monotonic()

    def finding(outcome: str, reason: str = "") -> Finding:
        return Finding(part, outcome, round((time.monotonic() - began) * 1000), reason[:200])

    try:
        async with asyncio.timeout(seconds), client.stream("GET", where) as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) >= _MOST_READ:
                    break
            status, closed = answer.status_code, "x-closed" in answer.headers
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError) as error:
        return finding("down", "no answer in time" if _timed_out(error) else type(error).__name__)
    said = _said(bytes(body)) if "/status/parts/" in where else {}
    if said.get("state") in ("slow", "down"):
        return finding(said["state"], str(said.get("reason", "")))
    if closed:
        return None
    if status != 200:
        return finding("down", f"answered {status}")
    if time.monotonic() - began > SLOW:
        return finding("slow", "answered slowly")
    return finding("up")


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError | httpx.TimeoutException)


def _said(body: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        answer = json.loads(body)
        if isinstance(answer, dict):
            return answer
    return {}


def written(at: datetime, findings: Sequence[Finding]) -> bytes:
    """A round as it is kept and told."""
    return json.dumps({"at": at.isoformat(), "probes": [finding._asdict() for finding in findings]}).encode()


def keep(folder: Path, at: datetime, findings: Sequence[Finding]) -> None:
    """Keep a round until it is told. Where two weeks of them wait, the oldest gives way. Raises `OSError`
    where the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / f"{at:%Y%m%dT%H%M%S%f}.json", written(at, findings))
    for old in waiting(folder)[:-_MOST_KEPT]:
        old.unlink(missing_ok=True)


def waiting(folder: Path) -> list[Path]:
    """Rounds that wait to be told, the oldest first."""
    return sorted(folder.glob("*.json"))


async def drain(folder: Path, tell: Tell) -> int:
    """Tell of what waits, in order; how many were told. Raises what `tell` does: what it was not told then
    waits on."""
    told = 0
    while some := waiting(folder)[:_TOGETHER]:
        async with asyncio.timeout(_TELLING):
            await tell([path.read_bytes() for path in some])
        for path in some:
            path.unlink(missing_ok=True)
        told += len(some)
    return told


async def once(base: str, *, folder: Path, tell: Tell, now: datetime) -> list[Finding]:
    """One round: look, keep, tell. Never raises for what the platform, its database or the disk does."""
    findings = await look(base, now=now)
    unkept: bytes | None = None
    try:
        keep(folder, now, findings)
    except OSError as error:
        log.warning("prober.not_kept reason=%s", type(error).__name__)
        unkept = written(now, findings)
    try:
        told = await drain(folder, tell)
        if unkept is not None:
            await tell([unkept])
        if told > 1:
            log.info("prober.told_late rounds=%s", told)
    except Exception as error:  # whatever is wrong with the database, the next look is due
        log.warning("prober.not_told reason=%s waiting=%s", type(error).__name__, len(waiting(folder)))
    for finding in findings:
        if finding.outcome != "up":
            log.warning("prober.%s part=%s reason=%s", finding.outcome, finding.component, finding.reason)
    return findings


async def run(base: str, *, folder: Path, tell: Tell, clock: Callable[[], datetime], every: float) -> None:
    """Look every so many seconds until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    due = loop.time()
    while not stopped.is_set():
        await once(base, folder=folder, tell=tell, now=clock())
        due = max(due + every, loop.time())  # a look that took long is followed by the next at once
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await stopped.wait()
