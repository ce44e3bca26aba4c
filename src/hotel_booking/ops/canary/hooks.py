"""What Flagger asks while a release is tried, answered over HTTP inside the cluster (`release.yaml`).

Nothing in a request is believed: each makes us read the Canary, and the answer is made of that. So whoever
can reach us can have the release under trial looked at, and nothing else. 200 means yes to Flagger, 403 no.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from hotel_booking.ops import prober
from hotel_booking.ops.canary.record import Record
from hotel_booking.ops.canary.state import NAME, Canary
from hotel_booking.ops.kubernetes import ApiError

log = logging.getLogger("hotel_booking.canary")

_MOST_BODY = 16_384
_SECONDS = 20.0  # of a smoke test or of a look's load together; Flagger waits 30
_ROUNDS = 5  # of the prober's requests with each look: enough that a night without guests has values
_PATIENCE = 10.0  # with who is slow to say what they want


class Api(Protocol):
    """The Canary's own place."""

    def canary(self) -> Canary:
        """As it is now."""

    def close_gate(self, planned: float) -> None:
        """Back to what was planned."""


class Hooks:
    """The answers: each a word for Flagger's events, None where it is yes."""

    def __init__(self, api: Api, record: Record, *, tried: str, clock: Callable[[], datetime]) -> None:
        self._api, self._record, self._tried, self._clock = api, record, tried, clock
        self._looking = threading.Lock()

    def begin(self) -> str | None:
        """A release begins: whatever was decided of the one before says nothing of it."""
        canary = self._api.canary()
        if canary.spec.analysis.max_weight != canary.spec.analysis.planned:
            self._api.close_gate(canary.spec.analysis.planned)
        return None

    def smoke(self) -> str | None:
        """The pages and calls of guests, before any guest comes. It is asked at each beginning, so also where
        another release takes the place of one that was promoted already: that was said of the other."""
        canary = self._api.canary()
        if canary.promoted_by_hand:
            self._api.close_gate(canary.spec.analysis.planned)
        return self._look(rounds=1, strictly=True)

    def load(self) -> str | None:
        """Some requests with each look, so that there are values to look at; what they find is in those."""
        return self._look(rounds=_ROUNDS, strictly=False)

    def promotion(self) -> str | None:
        """Whether a person wants all guests to get it."""
        if self._api.canary().promoted_by_hand:
            return None
        return "waits for a person: kubectl patch canary, spec.analysis.maxWeight 100"

    def rollback(self) -> str | None:
        """Whether a person wants it back."""
        return None if self._api.canary().called_back else "nobody calls it back"

    def event(self, told: str) -> str | None:
        """Something happened: recorded where the Canary says that it did."""
        self._record.note(self._api.canary(), told)
        return None

    def _look(self, *, rounds: int, strictly: bool) -> str | None:
        if not self._looking.acquire(blocking=False):
            return "a look is under way already"
        try:
            return asyncio.run(self._rounds(rounds, strictly=strictly))
        finally:
            self._looking.release()

    async def _rounds(self, rounds: int, *, strictly: bool) -> str | None:
        try:
            async with asyncio.timeout(_SECONDS):
                for _ in range(rounds):
                    findings = await prober.look(self._tried, now=self._clock())
                    bad = [
                        f"{finding.component} {finding.reason}"
                        for finding in findings
                        if finding.outcome == "down"
                    ]
                    if strictly and bad:
                        return "; ".join(bad)
        except TimeoutError:
            return f"did not answer within {_SECONDS:.0f} s" if strictly else None
        return None


def serve(hooks: Hooks, *, port: int, ready: Callable[[], None] = lambda: None) -> None:
    """Until the process is told to stop."""
    server = ThreadingHTTPServer(("", port), _handler(hooks))
    ready()
    server.serve_forever()


def _handler(hooks: Hooks) -> type[BaseHTTPRequestHandler]:
    answers: dict[str, Callable[[], str | None]] = {
        "/canary/begin": hooks.begin,
        "/canary/smoke": hooks.smoke,
        "/canary/load": hooks.load,
        "/canary/promotion": hooks.promotion,
        "/canary/rollback": hooks.rollback,
    }

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE
        protocol_version = "HTTP/1.0"  # one request a connection: nobody stays

        def do_GET(self) -> None:
            self._answer(200 if self.path == "/health" else 404, "")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > _MOST_BODY:
                self._answer(413, "too long")
                return
            try:
                body = self.rfile.read(int(length))
            except OSError:  # whoever asked has gone, or is too slow
                return
            try:
                if self.path == "/canary/event":
                    said = hooks.event(_told(body))
                elif self.path in answers:
                    said = answers[self.path]()
                else:
                    self._answer(404, "")
                    return
            except ApiError as error:
                log.warning("canary.unread hook=%s reason=%s", self.path, error)
                self._answer(503, str(error))
                return
            self._answer(200 if said is None else 403, said or "yes")

        def _answer(self, status: int, said: str) -> None:
            content = said.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            with suppress(OSError):
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Kubernetes asks every few seconds; nobody reads that."""

    return Handler


def _told(body: bytes) -> str:
    """What Flagger says of the event, if it is of our Canary."""
    try:
        payload = json.loads(body)
        if payload["name"] == NAME:
            return str(payload["metadata"]["eventMessage"])
    except (ValueError, KeyError, TypeError):
        pass
    return ""
