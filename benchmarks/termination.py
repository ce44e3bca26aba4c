"""How long a web server takes from SIGTERM to its end with requests open, and whether it answers all of them:
each has sent its headers and half of its body when the signal comes, and the rest after it.

.venv/bin/python -m benchmarks.termination [--requests 200] [--workers 2]

Prints the requests, how many were answered and how, and the seconds. In the cluster preStop comes before the
signal and keeps serving for ten seconds more (deployment/kubernetes/base/web.yaml)."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter

from hotel_booking import migrations
from hotel_booking.ops.child_processes import free_port
from hotel_booking.ops.embedded import throwaway

_BODY = json.dumps(
    {
        "property": "no-such-hotel",
        "arrival": "2031-03-01",
        "departure": "2031-03-03",
        "rooms": [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2, "children": []}],
    }
).encode()
ANSWER = 404  # of a hotel that there is not: it took a transaction to know
_TOGETHER = 20
_BUSY = 503  # of a machine that does much else (docs/decisions/0029)


def opened(port: int, requests: int) -> list[socket.socket]:
    """So many requests, each with half of its body sent."""
    head = (
        f"POST /api/v1/quotes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(_BODY)}\r\n\r\n"
    ).encode()
    found = []
    for _ in range(requests):
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.sendall(head + _BODY[: len(_BODY) // 2])
        found.append(connection)
    return found


def ended(connections: list[socket.socket]) -> Counter[int]:
    """The rest of each body is sent, and its answer read: how many had which status, 0 for none. Some at a
    time: all at once are more than a machine that does much else takes, which refuses what waits too long."""
    found: Counter[int] = Counter()
    for first in range(0, len(connections), _TOGETHER):
        some = connections[first : first + _TOGETHER]
        for connection in some:
            connection.sendall(_BODY[len(_BODY) // 2 :])
        for connection in some:
            with connection, connection.makefile("rb") as answer:
                line = answer.readline().split()
                found[int(line[1]) if len(line) > 1 else 0] += 1
    return found


def terminated(process: int, port: int, requests: int) -> tuple[Counter[int], float]:
    """SIGTERM to a server while requests are open: their answers, and when it was sent (monotonic
    seconds)."""
    connections = opened(port, requests)
    time.sleep(1)  # until all are read as far as they have come
    os.kill(process, signal.SIGTERM)
    at = time.monotonic()
    time.sleep(0.5)  # it has heard of it
    return ended(connections), at


def run(url: str, *, requests: int, workers: int) -> tuple[Counter[int], int, float]:
    """A server on a database, told to stop while so many requests are open: their answers, its exit code, and
    the seconds from SIGTERM to its end."""
    port = free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DB_", "HOTEL_"))},
        "DATABASE_URL": url,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_PORT": str(port),
        "HOTEL_WORKERS": str(workers),
        "HOTEL_SEARCH_INDEX": "false",
        "HOTEL_RATE_LIMIT_READS": "10000000",
        "HOTEL_RATE_LIMIT_WRITES": "10000000",
        "HOTEL_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-c", "from hotel_booking.cli import main; main()", "serve"]
    with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL) as server:  # noqa: S603  # ours
        try:
            _until_listening(port)
            answers, at = terminated(server.pid, port, requests)
            code = server.wait(60)
            return answers, code, time.monotonic() - at
        finally:
            server.kill()


def main() -> None:
    """Do it on a database of its own, and say how it went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with throwaway() as cluster:
        cluster.create_database("hotel")
        migrations.upgrade(cluster.url("hotel"))
        answers, code, seconds = run(cluster.url("hotel"), requests=asked.requests, workers=asked.workers)
    print(f"{asked.requests} requests open at SIGTERM, {asked.workers} workers")
    print(f"answered: {answers[ANSWER]}, refused as too many at once: {answers[_BUSY]}")
    print(f"failed: {asked.requests - answers[ANSWER] - answers[_BUSY]}")
    print(f"SIGTERM to exit ({code}): {seconds:.1f} s, of which the bodies waited 0.5 s")


def _until_listening(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
                one.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if one.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        if time.monotonic() > until:
            sys.exit("the server did not become ready")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
