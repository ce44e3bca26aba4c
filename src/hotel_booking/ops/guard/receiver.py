"""Where Alertmanager tells of alerts: a small HTTP server, which takes them from who shows the token and
hands them on. A storm of them is one question: what has been told since the last one was answered."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Condition, Thread
from typing import Any

from hotel_booking.ops.guard.alerts import Alert, NotAlerts, triggers

LONGEST = 1_000_000  # bytes of a notification
_AT_ONCE = 16
_SECONDS = 5.0  # for a request to arrive
_KEPT = 100  # alerts that wait


class Inbox:
    """Alerts that wait, one of each name and beginning."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Alert] = {}
        self._changed = Condition()

    def put(self, alerts: list[Alert]) -> None:
        """Have them wait; what does not fit is told again by Alertmanager."""
        with self._changed:
            for alert in alerts:
                if len(self._waiting) < _KEPT:
                    self._waiting.setdefault((alert.name, alert.starts_at.isoformat()), alert)
            self._changed.notify_all()

    def take(self, seconds: float) -> list[Alert]:
        """All that wait, the earliest first; after so many seconds none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout=seconds)
            taken = sorted(self._waiting.values(), key=lambda alert: alert.starts_at)
            self._waiting.clear()
        return taken


@contextmanager
def listening(host: str, port: int, token: str, inbox: Inbox) -> Iterator[int]:
    """Take notifications at `POST /alerts`, and tell at `GET /health` that we live; the port that it is.
    Raises `OSError`."""
    server = _Server((host, port), _Handler)
    server.token, server.inbox = token.encode(), inbox
    thread = Thread(target=server.serve_forever, name="receiver", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    token: bytes
    inbox: Inbox

    def __init__(self, *arguments: Any) -> None:
        self.turns = BoundedSemaphore(_AT_ONCE)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread, of which there are so many; the others wait in the queue of the socket."""
        self.turns.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread's work."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.turns.release()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    server_version, sys_version = "hotel-booking-guard", ""

    def do_GET(self) -> None:
        """Whether we live."""
        self._say(HTTPStatus.OK if self.path == "/health" else HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """A notification."""
        if self.path != "/alerts":
            self._say(HTTPStatus.NOT_FOUND)
            return
        scheme, _, shown = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), self.server.token):
            self._say(HTTPStatus.UNAUTHORIZED)
            return
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            alerts = triggers(self.rfile.read(int(length)))
        except NotAlerts:
            self._say(HTTPStatus.BAD_REQUEST)
            return
        self.server.inbox.put(alerts)
        self._say(HTTPStatus.ACCEPTED)

    def _say(self, status: HTTPStatus) -> None:
        body = f"{status.phrase}\n".encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Alerts are logged where they are decided on."""
