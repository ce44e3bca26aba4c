"""What Flagger asks is answered from the Canary itself, whatever the request says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from hotel_booking.ops.canary import hooks
from hotel_booking.ops.canary.record import Record
from hotel_booking.ops.canary.state import NAME, Canary
from hotel_booking.ops.kubernetes import ApiError


class Kubernetes:
    """Has one Canary."""

    namespace = "hotel-booking-production"

    def __init__(self) -> None:
        self.most = 50.0
        self.status: dict[str, Any] = {"phase": "Progressing", "canaryWeight": 10, "failedChecks": 0}
        self.away = False

    def canary(self) -> Canary:
        if self.away:
            raise ApiError("the Kubernetes API did not answer: ConnectTimeout")
        analysis = {"interval": "1m", "threshold": 5, "maxWeight": self.most, "stepWeights": [10, 20, 50]}
        meta = {"name": NAME, "namespace": self.namespace}
        found = {"metadata": meta, "spec": {"analysis": analysis}, "status": self.status}
        return msgspec.convert(found, Canary)

    def close_gate(self, planned: float) -> None:
        self.most = planned


class Tried:
    """The release under trial: answers 200, or 500 where it is `bad`."""

    def __init__(self) -> None:
        self.bad, self.asked = False, 0
        tried = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tried.asked += 1
                self.send_response(500 if tried.bad else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


class World:
    """Both, the hooks between them, and the folder of the audit log."""

    def __init__(self, folder: Path) -> None:
        self.kubernetes, self.tried = Kubernetes(), Tried()
        self.folder, self.told = folder, threading.Event()
        environ = {"HOTEL_SPOOL_DIR": str(folder)}
        record = Record(environ, lambda: datetime.now(UTC), self.told.set)
        answers = hooks.Hooks(self.kubernetes, record, tried=self.tried.url, clock=lambda: datetime.now(UTC))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        ready = threading.Event()
        serving = threading.Thread(
            target=lambda: hooks.serve(answers, port=port, ready=ready.set), daemon=True
        )
        serving.start()
        assert ready.wait(10)
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, hook: str, **payload: Any) -> httpx.Response:
        body = {"name": NAME, "namespace": "hotel-booking-production", "phase": "Progressing", **payload}
        return httpx.post(f"{self.url}/canary/{hook}", json=body, timeout=30, verify=False)

    def noted(self) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in self.folder.glob("*.json")]
        return sorted(found, key=lambda one: str(one["at"]))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "spool")
    yield made
    made.tried.server.shutdown()


def test_the_gate_is_closed_until_a_person_opens_it(world: World) -> None:
    said = world.ask("promotion", phase="Succeeded", metadata={"approved": "true"})
    assert said.status_code == 403
    assert "waits for a person" in said.text
    world.kubernetes.most = 100
    assert world.ask("promotion").status_code == 200


def test_it_is_called_back_when_a_person_says_so(world: World) -> None:
    assert world.ask("rollback").status_code == 403
    world.kubernetes.most = 0
    assert world.ask("rollback").status_code == 200


@pytest.mark.parametrize("before", [0, 100])
def test_what_was_said_of_a_release_is_not_said_of_the_next(world: World, before: float) -> None:
    world.kubernetes.most = before
    assert world.ask("begin").status_code == 200
    assert world.kubernetes.most == 50
    assert world.ask("promotion").status_code == 403
    assert world.ask("rollback").status_code == 403


def test_a_promotion_does_not_hold_for_a_release_that_takes_its_place(world: World) -> None:
    world.kubernetes.most = 100
    assert world.ask("smoke").status_code == 200
    assert world.ask("promotion").status_code == 403


def test_guests_do_not_come_to_what_cannot_answer(world: World) -> None:
    assert world.ask("smoke").status_code == 200
    world.tried.bad = True
    said = world.ask("smoke")
    assert said.status_code == 403
    assert "answered 500" in said.text


def test_the_load_asks_and_leaves_the_judgement_to_the_figures(world: World) -> None:
    world.tried.bad = True
    assert world.ask("load").status_code == 200
    assert world.tried.asked >= 20


def test_each_change_is_noted_once_and_as_the_canary_has_it(world: World) -> None:
    event = {
        "eventMessage": "Advance hotel-booking-canary weight 99\x1b[2J" + "x" * 900,
        "eventType": "Normal",
    }
    for _ in range(3):
        assert world.ask("event", phase="Succeeded", metadata=event).status_code == 200
    world.kubernetes.status = {"phase": "Failed", "canaryWeight": 0, "failedChecks": 5}
    assert world.ask("event", metadata={"eventMessage": "Canary failed!"}).status_code == 200
    assert world.told.wait(10)
    first, last = world.noted()
    assert (first["action"], first["object_id"]) == ("ops.canary", NAME)
    assert first["detail"]["outcome"] == "Progressing"
    assert first["detail"]["weight"] == 10
    assert len(first["detail"]["told"]) == 300
    assert "\x1b" not in first["detail"]["told"]
    assert last["detail"] == {"outcome": "Failed", "failed_checks": 5, "told": "Canary failed!"}


def test_of_another_canary_nothing_is_told(world: World) -> None:
    said = world.ask("event", name="another", metadata={"eventMessage": "of another"})
    assert said.status_code == 200
    assert [one["detail"]["told"] for one in world.noted()] == [""]


def test_without_the_api_nothing_is_promoted_and_nothing_called_back(world: World) -> None:
    world.kubernetes.most = 100
    world.kubernetes.away = True
    for hook in ("begin", "smoke", "promotion", "rollback", "event"):
        assert world.ask(hook).status_code == 503, hook


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/health", b"", 200),
        ("GET", "/canary/promotion", b"", 404),
        ("POST", "/canary/else", b"{}", 404),
        ("POST", "/canary/event", b"no json", 200),
        ("POST", "/canary/event", b"[]", 200),
        ("POST", "/canary/event", b"x" * 20_000, 413),
    ],
)
def test_what_else_is_asked(world: World, method: str, path: str, content: bytes, status: int) -> None:
    assert httpx.request(method, world.url + path, content=content).status_code == status


def test_whoever_says_nothing_holds_nobody_up(world: World) -> None:
    """A connection that is silent, and a length that is none."""
    port = int(world.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert world.ask("promotion").status_code == 403
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b"POST /canary/event HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        assert b" 413 " in other.recv(100)
