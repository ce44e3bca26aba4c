"""moto, a double of AWS, on a port of this machine, and a way in front of it that goes wrong as AWS does."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.deployment.checkers import ROOT, said

_SCOPE = re.compile(r"Credential=[^/]*/\d+/([\w-]+)/([\w-]+)/")


def moto_program() -> Path:
    """moto's server, as uv.lock has it, in an environment of its own."""
    place = ROOT / ".venv-deploy" / "moto"
    uv = shutil.which("uv") or str(ROOT / ".venv-uv" / "bin" / "uv")
    done = subprocess.run(
        [uv, "sync", "--quiet", "--locked", "--only-group", "terraform"],
        cwd=ROOT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(place), "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, said(done)
    return place / "bin" / "moto_server"


@contextmanager
def moto(program: Path, log: Path) -> Iterator[int]:
    """Its port, while it runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with log.open("w") as output:
        server = subprocess.Popen(
            [str(program), "-p", str(port)],
            stdout=output,
            stderr=output,
            env={**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACM_VALIDATION_WAIT": "1"},
        )
        try:
            _until_it_answers(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def reset(port: int) -> None:
    """Have it be as it was started."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")
    with _OPENER.open(request, timeout=60):
        pass


def environ(port: int) -> dict[str, str]:
    """In which Terraform and boto3 find it."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "NO_PROXY": "127.0.0.1",
    }


def _until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("moto did not start")


class Call:
    """A call on its way: its region, service and action (empty where the service has none)."""

    def __init__(self, region: str, service: str, action: str) -> None:
        self.region, self.service, self.action = region, service, action


Fault = Callable[[Call], bytes | int | None]
"""What the way does with a call: an HTTP status (refused with it), None (passed on), or text that
the answer's `available` becomes."""


class Way:
    """HTTP in front of moto. `faults` are asked in turn; what was called is in `calls`."""

    def __init__(self, port: int) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.promoted = False
        way = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                region, service = (_SCOPE.findall(self.headers.get("Authorization", "")) or [("", "")])[0]
                action = (parse_qs(body.decode(errors="replace")).get("Action") or [""])[0]
                action = action or self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                call = Call(region, service, action)
                way.calls.append(call)
                found = next((end for fault in way.faults if (end := fault(call)) is not None), None)
                if isinstance(found, int):
                    self._answer(found, "text/xml", _REFUSED)
                    return
                way.promoted |= action == "PromoteReadReplica"
                status, kind, text = _forwarded(port, self, body)
                if way.promoted:  # moto goes on saying whose replica it was
                    text = _WHOSE.sub(b"", text)
                if isinstance(found, bytes):
                    text = text.replace(b"available<", found + b"<")
                self._answer(status, kind, text)

            def do_GET(self) -> None:
                self._pass()

            def do_POST(self) -> None:
                self._pass()

            def do_PUT(self) -> None:
                self._pass()

            def do_DELETE(self) -> None:
                self._pass()

            def _answer(self, status: int, kind: str | None, text: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind or "text/xml")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def called(self, action: str) -> int:
        """How often this was called."""
        return sum(call.action == action for call in self.calls)


def _forwarded(port: int, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str | None, bytes]:
    """What moto answers: status, kind, text."""
    kept = {
        name: value
        for name, value in asked.headers.items()
        if name.lower() not in ("connection", "content-length")
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(asked.command, asked.path, body or None, kept)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


_WHOSE = re.compile(rb"<ReadReplicaSourceDBInstanceIdentifier>.*?</ReadReplicaSourceDBInstanceIdentifier>")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_REFUSED = (
    b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
    b"<RequestId>0</RequestId></ErrorResponse>"
)


def throttled(action: str, times: int) -> Fault:
    """The first so many calls of it are refused as too many."""
    left = [times]

    def fault(call: Call) -> int | None:
        if call.action == action and left[0] > 0:
            left[0] -= 1
            return 400
        return None

    return fault


def gone(region: str) -> Fault:
    """Nothing in the region answers but with an error of its own."""
    return lambda call: 503 if call.region == region else None


def busy(action: str, status: bytes, times: int) -> Fault:
    """Of so many answers, what is available is still `status`."""
    left = [times]

    def fault(call: Call) -> bytes | None:
        if call.action == action and left[0] > 0:
            left[0] -= 1
            return status
        return None

    return fault
