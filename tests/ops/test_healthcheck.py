"""What the image's health check says of who answers, of who wants no requests, and of nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hotel_booking.ops.child_processes import free_port
from hotel_booking.ops.healthcheck import check


class Answers(BaseHTTPRequestHandler):
    """Ready, or draining."""

    draining = False

    def do_GET(self) -> None:
        ready = self.path in ("/health/ready", "/metrics") and not self.draining
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b'{"status": "draining"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its base's name
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """A server on a free port."""
    found = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def test_who_answers_is_well_and_who_drains_is_not(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = str(server.server_port)
    assert check([], {"HOTEL_HOST": "0.0.0.0", "HOTEL_PORT": port})[0] == 0
    assert check(["web"], {"HOTEL_PORT": port})[0] == 0
    assert check(["worker"], {"HOTEL_WORKER_METRICS_PORT": port}) == (0, "200 answers")
    monkeypatch.setattr(Answers, "draining", True)
    assert check([], {"HOTEL_PORT": port}) == (1, '503 {"status": "draining"}')


def test_who_does_not_answer_is_not_well() -> None:
    port = str(free_port())
    code, said = check([], {"HOTEL_PORT": port})
    assert code == 1
    assert f"127.0.0.1:{port}/health/ready" in said
    assert check([], {"HOTEL_PORT": "x"})[0] == 1
    assert "HOTEL_WORKER_METRICS_PORT" in check(["worker"], {})[1]


def test_a_wrong_use_is_told_apart() -> None:
    assert check(["database"], {})[0] == 2
