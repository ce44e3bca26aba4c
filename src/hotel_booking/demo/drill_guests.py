"""The guests of a drill: they book and pay by the API without a pause, and note what they were told."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from hotel_booking.ops.refusals import Refused

_LEASH = 600.0  # seconds until a booking is acknowledged again


class HeldBooking(msgspec.Struct, frozen=True):
    """A booking that waits to be paid; when it began."""

    began: float
    reference: str
    guest: str
    key: str


class ConfirmedBooking(msgspec.Struct, frozen=True):
    """A guest was told that the booking is confirmed: when that and the booking began, and whether it was
    paid some time after it was made. Seconds of one clock."""

    at: float
    began: float
    reference: str
    late: bool


class Guests:
    """Guests who book one after the other, and what they were told, with the time. Each second one pays after
    so many seconds (`later`)."""

    def __init__(self, port: int, stay: dict[str, Any], *, later: float) -> None:
        self.told: list[ConfirmedBooking] = []
        self.refused = ""  # what the last one who got nothing was answered
        self._held: deque[HeldBooking] = deque()
        self._later = later
        self.began = 0.0
        self._url = f"http://127.0.0.1:{port}/api/v1"
        self._stay = stay
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._book, daemon=True)

    def begin(self) -> None:
        """From now on."""
        self.began = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        """No more."""
        self._ended.set()
        self._thread.join(timeout=30)

    def first_after(self, moment: float) -> float:
        """When the first booking that began after the moment was acknowledged. Raises `Refused`."""
        deadline = time.monotonic() + _LEASH
        while time.monotonic() < deadline:
            if self.told and self.told[-1].began > moment:
                return next(booking.at for booking in self.told if booking.began > moment)
            time.sleep(0.02)
        raise Refused("no booking was acknowledged after the restore")

    def _book(self) -> None:
        with httpx.Client(timeout=15, trust_env=False) as client:
            number = 0
            while not self._ended.is_set():
                with suppress(httpx.HTTPError, KeyError, ValueError):
                    number += 1
                    held = self._hold(client)
                    if held is not None and number % 2:
                        self._pay(client, held, late=False)
                    elif held is not None:
                        self._held.append(held)
                    while self._held and self._held[0].began < time.monotonic() - self._later:
                        self._pay(client, self._held.popleft(), late=True)

    def _hold(self, client: httpx.Client) -> HeldBooking | None:
        began = time.monotonic()
        quote = client.post(f"{self._url}/quotes", json=self._stay)
        if quote.status_code != 201:
            self.refused = f"a quote was answered {quote.status_code}: {quote.text[:300]}"
            time.sleep(0.1)
            return None
        who = uuid4().hex[:12]
        answer = client.post(
            f"{self._url}/bookings",
            json={
                "quote": quote.json()["id"],
                "guest": {"given_name": "Drill", "family_name": who, "email": f"{who}@example.com"},
            },
            headers={"Idempotency-Key": who},
        )
        if answer.status_code != 201:
            self.refused = f"a booking was answered {answer.status_code}: {answer.text[:300]}"
            return None
        booking = answer.json()
        return HeldBooking(began, booking["reference"], f"Drill {who}", booking["access_token"])

    def _pay(self, client: httpx.Client, held: HeldBooking, *, late: bool) -> None:
        answer = client.post(
            f"{self._url}/bookings/{held.reference}/payments",
            json={"token": f"tok_success:{held.guest}"},
            headers={"Authorization": f"Bearer {held.key}"},
        )
        if answer.status_code == 200 and answer.json()["status"] == "confirmed":
            self.told.append(ConfirmedBooking(time.monotonic(), held.began, held.reference, late))
