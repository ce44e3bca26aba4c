"""Guests who search, look, quote, hold and pay through the gateway: `python -m tests.cluster.load ADDRESS
GUESTS OUTCOME`.

Until SIGTERM; then every guest ends what they have begun, and the outcome is written. A failed request is
one that was not answered, or by 5xx, or by a refusal that a guest's way of asking does not explain.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import ssl
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

HOST = "hotelbooking.com"
_FURTHEST = 200  # days to an arrival
_REFUSALS = {"sold_out", "hold_not_available"}
_STOP = threading.Event()


class Failed(Exception):
    """A request that should have been answered well."""


class Closed(Exception):
    """The platform is closed for maintenance, and says so."""


class Guest:
    """One after the other, each from an address of their own, on one connection that lives on."""

    def __init__(self, address: str, seed: int) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.booked: list[str] = []
        self.slowest = 0.0
        self.answered: Counter[str] = Counter()  # by the release that answered: its header, else `first`
        self.failed: Counter[str] = Counter()  # the same; `nobody` where there was no answer
        self._by = "nobody"
        self._address, self._random = address, random.Random(seed)
        self._connection: http.client.HTTPSConnection | None = None
        self.sender = ""

    def live(self) -> None:
        """Until told to stop."""
        while not _STOP.is_set():
            self.sender = ".".join(["11", *(str(self._random.randint(1, 250)) for _ in range(3))])
            try:
                self.visit()
            except Failed as failure:
                self.failures.append(f"{time.strftime('%H:%M:%S')} {failure}")
                self._connection = None
                _STOP.wait(0.2)
            except Closed:
                _STOP.wait(0.2)  # on the connection that is open, as a load balancer's
            _STOP.wait(0.05)

    def visit(self) -> None:
        """Find a room and book it. Raises `Failed`."""
        if held := self.hold():
            self.pay(held)

    def hold(self) -> dict[str, Any] | None:
        """Find a room and have it held; None where there was none. Raises `Failed`."""
        hotels = self.ask("hotels", "GET", "/api/v1/properties")["items"]
        hotel = self._random.choice(hotels)["slug"]
        arrival = _today() + timedelta(days=self._random.randint(3, _FURTHEST))
        nights = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=1))}
        query = "&".join(f"{key}={value}" for key, value in nights.items()) + "&adults=2"
        self.ask("search", "GET", f"/api/v1/search?lat=48&lon=10&radius_km=500&{query}")
        offers = self.ask("offers", "GET", f"/api/v1/properties/{hotel}/offers?{query}")["offers"]
        offers = [one for one in offers if not (one.get("due_now") or {}).get("amount")]
        if not offers:
            return None
        room = {key: offers[0][key] for key in ("room_type", "rate_plan")} | {"adults": 2, "children": []}
        quote = self.ask("quote", "POST", "/api/v1/quotes", {"property": hotel, "rooms": [room], **nights})
        if "id" not in quote:  # another guest took the last room since
            return None
        guest = {
            "given_name": "Ana",
            "family_name": "Example",
            "email": f"{uuid.uuid4().hex[:12]}@example.com",
            "country": "PT",
        }
        held = self.ask("hold", "POST", "/api/v1/bookings", {"quote": quote["id"], "guest": guest})
        return held if "reference" in held else None

    def pay(self, held: dict[str, Any]) -> None:
        """Pay for what is held. Raises `Failed`."""
        way = f"/api/v1/bookings/{held['reference']}"
        paid = self.ask("pay", "POST", f"{way}/payments", {}, token=held["access_token"])
        if paid.get("booking", paid).get("status") != "confirmed":
            self.failed[self._by] += 1
            raise Failed(f"pay: {str(paid)[:300]}")
        self.booked.append(held["reference"])

    def ask(
        self, kind: str, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """One request's answer; an explained refusal is an answer too. Raises `Failed`."""
        headers = {
            "Host": HOST,
            # The guest, the CDN's edge; the load balancer is who connects.
            "X-Forwarded-For": f"{self.sender}, 198.51.100.7",
            "Content-Type": "application/json",
        }
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if token:
            headers["Authorization"] = f"Bearer {token}"
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = connect(self._address)
            self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.failed["nobody"] += 1
            raise Failed(f"{kind}: {type(error).__name__} {error}") from error
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers[f"{kind} {answer.status}"] += 1
        # Envoy's own answers name no release: they are nobody's.
        by = answer.getheader("x-release") or ("first" if answer.getheader("x-request-id") else "nobody")
        self._by = by
        self.answered[by] += 1
        found: dict[str, Any] = json.loads(content) if content.startswith(b"{") else {}
        if answer.status < 400 or found.get("code") in _REFUSALS:
            return found
        if found.get("code") == "closed_for_maintenance" and answer.getheader("retry-after"):
            self.answered["closed"] += 1
            raise Closed
        self.failed[by] += 1
        raise Failed(f"{kind}: {answer.status} of {by} {content[:300].decode(errors='replace')}")


def _today() -> date:
    return datetime.now(UTC).date()


def connect(address: str) -> http.client.HTTPSConnection:
    """To the gateway, by the site's name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # as the load balancer, which does not check it either
    host, _, port = address.partition(":")
    connection = http.client.HTTPSConnection(HOST, int(port), timeout=20, context=context)
    plain = http.client.HTTPConnection(host, int(port), timeout=20)
    plain.connect()
    connection.sock = context.wrap_socket(plain.sock, server_hostname=HOST)
    return connection


def main() -> None:
    """Start them, wait for SIGTERM, and write what happened."""
    address, guests, outcome = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    signal.signal(signal.SIGTERM, lambda *_: _STOP.set())
    everybody = [Guest(address, seed) for seed in range(guests)]
    threads = [threading.Thread(target=one.live) for one in everybody]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = {
        "answers": dict(sum((one.answers for one in everybody), Counter())),
        "failures": [failure for one in everybody for failure in one.failures],
        "booked": [reference for one in everybody for reference in one.booked],
        "slowest": max(one.slowest for one in everybody),
        "answered": dict(sum((one.answered for one in everybody), Counter())),
        "failed": dict(sum((one.failed for one in everybody), Counter())),
    }
    fresh = outcome.with_suffix(".new")
    fresh.write_text(json.dumps(told))
    fresh.rename(outcome)


if __name__ == "__main__":
    main()
