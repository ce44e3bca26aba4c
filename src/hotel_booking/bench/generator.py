"""The load generator: one process that does nothing but send prepared bytes and read what comes back.

Sockets and epoll without a framework, because it shares the machine's cores with what it measures. Closed
loop: each connection sends its next request when it has the last answer. Open loop: requests start at fixed
times whatever the server does, and a latency begins where its request was to begin, so that a server which
stops for a second is not spared the requests of that second (no coordinated omission).
"""

from __future__ import annotations

import select
import socket
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hotel_booking.bench.machine import cpu_seconds

_CHUNK = 1 << 18
_DRAIN = 10.0  # seconds that answers may still take when no more requests are sent
_ID = b'"id":"'
_ID_LENGTH = 36


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One operation: bytes to send, and where `then` is given a second request between whose two parts goes
    the id that the first answer names. The operation is done when the last answer is there."""

    kind: str
    first: bytes
    then: tuple[bytes, bytes] | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where, how. `rate` a second in open loop, None: closed. `warm` seconds are not counted.
    With `once` it ends when each request was sent. CPU is counted of the trees below `watch`. With
    `addresses` the connections come from so many addresses of the loopback other than 127.0.0.1.
    Each `every`th answer of a kind, and each refusal, is handed back until there are `keep`."""

    port: int
    requests: list[Request]
    connections: int
    seconds: float
    warm: float = 0.3
    rate: float | None = None
    keep: int = 50
    every: int = 7
    once: bool = False
    addresses: int = 0
    watch: dict[str, list[int]] = {}


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A kept answer: which request it is to, its status and body."""

    request: int
    status: int
    body: bytes


class Outcome(msgspec.Struct, kw_only=True):
    """What happened in `seconds`: by kind how many were `done` in them (in open loop: all that were to begin
    in them), the statuses, and latencies as doubles, in seconds. `cpu` is in seconds."""

    seconds: float = 0.0
    done: dict[str, int] = {}
    statuses: dict[str, dict[int, int]] = {}
    latencies: dict[str, bytes] = {}
    answers: list[Answer] = []
    broken: int = 0
    unfinished: int = 0
    cpu: dict[str, float] = {}
    own_cpu: float = 0.0


class _Connection:
    __slots__ = ("begun", "buffer", "counted", "fd", "index", "need", "sock", "source", "stage")

    def __init__(self, port: int, source: str) -> None:
        self.source = source
        self.sock = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.sock.fileno()
        self.buffer = b""
        self.need = 0
        self.begun = 0.0
        self.index = 0
        self.stage = 0
        self.counted = False


class _Run:
    """One job while it is done."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.poll = select.epoll()
        self.connections = [_Connection(job.port, _source(job, i)) for i in range(job.connections)]
        self.by_fd = {connection.fd: connection for connection in self.connections}
        for connection in self.connections:
            self.poll.register(connection.fd, select.EPOLLIN)
        self.idle = list(self.connections)
        self.order = self._order()
        self.latencies: dict[str, array[float]] = {}
        self.statuses: dict[str, Counter[int]] = {}
        self.outcome = Outcome()
        self.counting = False
        self.sent = 0

    def _order(self) -> Iterator[int]:
        count = len(self.job.requests)
        return (
            iter(range(count)) if self.job.once else (i % count for i in iter(int, 1) for i in range(count))
        )

    def start(self, connection: _Connection, begun: float) -> bool:
        """Send the next request; False where there is none left."""
        index = next(self.order, None)
        if index is None:
            return False
        connection.index, connection.begun, connection.stage = index, begun, 0
        connection.counted = self.counting
        connection.sock.sendall(self.job.requests[index].first)
        return True

    def receive(self, connection: _Connection) -> bool:
        """Read what is there; True where the operation is done."""
        try:
            data = connection.sock.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self._replace(connection)
            return False
        if connection.buffer:
            data = connection.buffer + data
        if not connection.need:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                connection.buffer = data
                return False
            connection.need = end + 4 + _length(data[:end])
        if len(data) < connection.need:
            connection.buffer = data
            return False
        connection.buffer, connection.need = b"", 0
        return self._answered(connection, data)

    def _answered(self, connection: _Connection, data: bytes) -> bool:
        status = int(data[9:12])
        request = self.job.requests[connection.index]
        if request.then is not None and connection.stage == 0 and status < 300:
            at = data.index(_ID) + len(_ID)
            connection.stage = 1
            connection.sock.sendall(request.then[0] + data[at : at + _ID_LENGTH] + request.then[1])
            return False
        if connection.counted:
            kind = request.kind
            if kind not in self.latencies:
                self.latencies[kind], self.statuses[kind] = array("d"), Counter()
            self.latencies[kind].append(time.perf_counter() - connection.begun)
            self.statuses[kind][status] += 1
            kept = self.outcome.answers
            turn = len(self.latencies[kind]) % self.job.every == 0
            if len(kept) < self.job.keep and (turn or status >= 400):
                kept.append(Answer(connection.index, status, data[data.index(b"\r\n\r\n") + 4 :]))
        return True

    def _replace(self, connection: _Connection) -> None:
        """The server has closed it: what it was asked counts as broken, and a new one takes its place."""
        self.outcome.broken += 1
        self.poll.unregister(connection.fd)
        del self.by_fd[connection.fd]
        connection.sock.close()
        fresh = _Connection(self.job.port, connection.source)
        self.by_fd[fresh.fd] = fresh
        self.connections[self.connections.index(connection)] = fresh
        self.poll.register(fresh.fd, select.EPOLLIN)
        self.idle.append(fresh)

    def closed(self, until: float) -> None:
        """Every connection always busy, until then or until nothing is left."""
        by_fd, clock = self.by_fd, time.perf_counter
        self.idle = [connection for connection in self.idle if not self.start(connection, clock())]
        while len(self.idle) < len(self.connections) and (now := clock()) < until:
            for fd, _ in self.poll.poll(until - now):
                connection = by_fd[fd]
                if self.receive(connection) and not self.start(connection, clock()):
                    self.idle.append(connection)

    def open(self, until: float) -> None:
        """Requests at their times, on whichever connection is free, the oldest first."""
        by_fd, clock, gap = self.by_fd, time.perf_counter, 1 / (self.job.rate or 1.0)
        due = clock()
        while (now := clock()) < until:
            while due <= now and self.idle and self.start(self.idle[-1], due):
                self.idle.pop()
                due += gap
            wait = until - now if not self.idle else max(0.0, min(due, until) - clock())
            for fd, _ in self.poll.poll(wait):
                connection = by_fd[fd]
                if self.receive(connection):
                    self.idle.append(connection)
        # What was to begin and found no connection has waited since then: it counts, unfinished.
        if self.counting:
            self.outcome.unfinished += int(max(0.0, until - due) / gap)

    def drain(self) -> None:
        """Wait for the answers that are on their way, so that the slowest are not left out."""
        limit = time.perf_counter() + _DRAIN
        busy = len(self.connections) - len(self.idle)
        while busy and (now := time.perf_counter()) < limit:
            for fd, _ in self.poll.poll(limit - now):
                busy -= self.receive(self.by_fd[fd])
        self.outcome.unfinished += busy
        self.idle = list(self.connections)

    def close(self) -> None:
        """Let go of the server."""
        for connection in self.connections:
            connection.sock.close()
        self.poll.close()


def _source(job: Job, number: int) -> str:
    if not job.addresses:
        return "127.0.0.1"
    high, low = divmod(number % job.addresses, 250)
    return f"127.0.{1 + high}.{2 + low}"


def _length(head: bytes) -> int:
    head = head.lower()
    at = head.find(b"content-length:")
    if at < 0:
        if head[9:12] in (b"204", b"304"):
            return 0
        raise RuntimeError("an answer without a Content-Length can't be read")
    end = head.find(b"\r\n", at)
    return int(head[at + 15 : end if end >= 0 else len(head)])


def run(job: Job) -> Outcome:
    """Warm up, then measure."""
    doing = _Run(job)
    loop = doing.closed if job.rate is None else doing.open
    try:
        if job.warm and not job.once:
            loop(time.perf_counter() + job.warm)
            doing.drain()
        before = {name: cpu_seconds(pids) for name, pids in job.watch.items()}
        own, began, doing.counting = time.process_time(), time.perf_counter(), True
        loop(began + job.seconds)
        outcome = doing.outcome
        outcome.seconds = time.perf_counter() - began
        outcome.own_cpu = time.process_time() - own
        in_time = {kind: len(values) for kind, values in doing.latencies.items()}
        outcome.cpu = {name: cpu_seconds(pids) - before[name] for name, pids in job.watch.items()}
        doing.drain()
        outcome.done = {kind: len(values) for kind, values in doing.latencies.items()}
        if job.rate is None:  # what came after the end counts in no rate
            outcome.done = in_time
            doing.latencies = {kind: doing.latencies[kind][:count] for kind, count in in_time.items()}
        outcome.latencies = {kind: values.tobytes() for kind, values in doing.latencies.items()}
        outcome.statuses = {kind: dict(counts) for kind, counts in doing.statuses.items()}
        return outcome
    finally:
        doing.close()


def main() -> None:
    """`JOB OUTCOME`: two files. The parent waits for the second."""
    job = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    Path(sys.argv[2]).write_bytes(msgspec.msgpack.encode(run(job)))
