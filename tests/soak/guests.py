"""Guests of a soak: they search, look, book, pay and cancel at a steady rate, repeat what was not answered
as an honest client does, and keep a ledger of what was promised to them."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import uuid4

from hotel_booking.core.clock import utc_now

# `cut`: the connection ended before an answer. `refused`: by 429 or 503, with the reason and when to come
# again. `unclean` is everything else that is no answer, and never right.
Outcome = Literal["well", "refused", "cut", "unclean"]
_PATIENCE = 200  # seconds; a claim that a killed process left is taken over after a minute
_RUNNING = {"idempotency_in_progress", "payment_in_progress"}
_PLACES = ((38.72, -9.14), (48.86, 2.35), (35.68, 139.69), (40.71, -74.0))


@dataclass
class Promise:
    """What a guest was told of a booking, last."""

    reference: str
    email: str
    state: Literal["held", "confirmed", "cancelled"]


@dataclass
class Trouble:
    """A request that was not answered well."""

    at: float  # time.monotonic()
    outcome: Outcome
    said: str


@dataclass
class Ledger:
    """What all guests have met, and were promised."""

    promises: list[Promise] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    met: Counter[Outcome] = field(default_factory=Counter)
    confirmed: int = 0
    unanswered: list[str] = field(default_factory=list)  # repeated to the end of patience


class Pace:
    """So many requests a second of all guests together, 0 for as fast as it goes; what was missed is not made
    up for."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._lock, self._next = threading.Lock(), 0.0

    def wait(self) -> None:
        """Until it is this request's turn."""
        with self._lock:
            now = time.monotonic()
            turn = self._next = max(now, self._next + 1 / self.rate) if self.rate else now
        time.sleep(max(0.0, turn - now))


class Guest(threading.Thread):
    """One client, with a connection that it keeps."""

    def __init__(self, port: int, hotels: list[str], ledger: Ledger, pace: Pace, seed: int) -> None:
        super().__init__(daemon=True, name=f"guest {seed}")
        self.over = threading.Event()
        self._port, self._hotels, self._ledger, self._pace = port, hotels, ledger, pace
        self._chooses = random.Random(seed)
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while not self.over.is_set():
            self._visit()

    def _visit(self) -> None:
        arrival = utc_now().date() + timedelta(days=self._chooses.randrange(10, 300))
        nights = self._chooses.randint(1, 4)
        stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=nights))}
        query = f"arrival={stay['arrival']}&departure={stay['departure']}&adults=2"
        hotel = self._chooses.choice(self._hotels)
        lat, lon = self._chooses.choice(_PLACES)
        match self._chooses.randrange(10):
            case 0:
                self._once(f"/en/search?{query}&lat={lat}&lon={lon}")
            case 1:
                self._once(f"/{self._chooses.choice(('en', 'de', 'ar'))}/hotels/{hotel}?{query}")
            case 2 | 3 | 4 | 5 | 6:
                self._once(f"/api/v1/search?lat={lat}&lon={lon}&radius_km=60&{query}")
            case 7:
                last = arrival + timedelta(days=59)
                self._once(f"/api/v1/properties/{hotel}/calendar?from={arrival}&to={last}&adults=2")
            case _:
                self._book(hotel, stay, query)

    def _book(self, hotel: str, stay: dict[str, str], query: str) -> None:
        found = self._once(f"/api/v1/properties/{hotel}/offers?{query}")
        offers = [one for one in (found or {}).get("offers", ()) if one["due_now"]["amount"]]
        if not offers:
            return
        offer = self._chooses.choice(offers)
        room = {"room_type": offer["room_type"], "rate_plan": offer["rate_plan"], "adults": 2}
        code, quote = self._until_answered("/quotes", {"property": hotel, "rooms": [room], **stay})
        if code != 201:
            return
        email = f"{uuid4().hex[:16]}@example.com"
        guest = {"given_name": "Ana", "family_name": "Example", "email": email}
        code, held = self._until_answered("/bookings", {"quote": quote["id"], "guest": guest})
        if code != 201:
            return
        promise = Promise(held["reference"], email, "held")
        self._ledger.promises.append(promise)
        where, token = f"/bookings/{held['reference']}", held["access_token"]
        code, paid = self._until_answered(f"{where}/payments", {"token": "pm_card_visa"}, token)
        if code != 200 or paid["status"] != "confirmed":
            return
        promise.state = "confirmed"
        self._ledger.confirmed += 1
        if self._chooses.randrange(5) == 0:
            code, cancelled = self._until_answered(f"{where}/cancel", None, token)
            if code == 200 and cancelled["status"] == "cancelled":
                promise.state = "cancelled"

    def _once(self, path: str) -> dict[str, Any] | None:
        """A look at something; whoever gets no answer goes on."""
        answer = self._ask("GET", path, None, {})
        return answer[1] if answer and answer[0] == 200 else None

    def _until_answered(self, path: str, body: object, token: str = "") -> tuple[int, dict[str, Any]]:
        """The final answer to a request that is repeated, with its key, until there is one; (0, {}) where
        patience ended."""
        headers = {"Idempotency-Key": str(uuid4())} | ({"Authorization": f"Bearer {token}"} if token else {})
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            answer = self._ask("POST", f"/api/v1{path}", body, headers)
            if answer and answer[0] not in (429, 503) and answer[1].get("code") not in _RUNNING:
                return answer
            time.sleep(self._chooses.uniform(0.2, 0.6))
        self._ledger.unanswered.append(path)
        return 0, {}

    def _ask(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]] | None:
        self._pace.wait()
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            sent = json.dumps(body).encode() if body is not None else None
            headers = {**headers, **({"Content-Type": "application/json"} if sent else {})}
            self._connection.request(method, path, sent, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            self._count("cut", f"{method} {path.partition('?')[0]}: {type(error).__name__}", began)
            return None
        found: dict[str, Any] = json.loads(content) if content.startswith(b"{") else {}
        said = f"{method} {path.partition('?')[0]}: {answer.status} {found.get('code') or content[:200]!r}"
        if answer.status < 500 and answer.status != 429:
            self._count("well", said, began)
        elif answer.status in (429, 503) and answer.getheader("retry-after"):
            self._count("refused", said, began)
        else:
            self._count("unclean", said, began)
        return answer.status, found

    def _count(self, outcome: Outcome, said: str, began: float) -> None:
        self._ledger.met[outcome] += 1
        if outcome != "well":
            took = time.monotonic() - began
            self._ledger.troubles.append(Trouble(time.monotonic(), outcome, f"{said} after {took:.1f} s"))


@contextmanager
def crowd(port: int, hotels: list[str], ledger: Ledger, pace: Pace, *, guests: int) -> Iterator[None]:
    """So many guests, for as long as the block lasts; then each ends what they have begun."""
    everybody = [Guest(port, hotels, ledger, pace, seed) for seed in range(guests)]
    for guest in everybody:
        guest.start()
    try:
        yield
    finally:
        for guest in everybody:
            guest.over.set()
        for guest in everybody:
            guest.join(_PATIENCE)
