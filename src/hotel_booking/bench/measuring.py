"""Measuring: what is compared takes turns, round by round, so that a slow minute of the machine slows all."""

from __future__ import annotations

import os
import subprocess
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from hotel_booking.bench.figures import Figure, Spread, spread
from hotel_booking.bench.generator import Answer, Job, Outcome, Request
from hotel_booking.bench.servers import Server
from hotel_booking.ops.child_processes import start, stop_children
from hotel_booking.ops.embedded import EmbeddedError

Progress = Callable[[str], None]
Check = Callable[[Request, int, bytes], str | None]
_PATIENCE = 60.0
_BUSY = 0.9  # of a core


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where. `check` reads a kept answer and says what is wrong with it. `limit` names the
    target that this one is a share of; with `least` it is to be at least so much of it."""

    name: str
    server: Server
    requests: list[Request]
    check: Check
    connections: int = 16
    rate: float | None = None
    limit: str | None = None
    least: float | None = None
    p99_below_ms: float | None = None
    answers: str = ""
    note: str = ""


class RoundResult(msgspec.Struct, frozen=True):
    """One round of one target."""

    outcome: Outcome
    checked: int
    complaints: list[str]

    @property
    def operations(self) -> int:
        """How many were done, whatever the answer."""
        return sum(self.outcome.done.values())

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.outcome.seconds

    def cpu_us(self, of: str | None = None) -> float:
        """Microseconds of CPU an operation: of the server, of the database, or of both; at least one, since
        the kernel counts in hundredths of a second."""
        cpu = self.outcome.cpu
        seconds = sum(cpu.values()) if of is None else cpu[of]
        return max(1e6 * seconds / max(1, self.operations), 1.0 if of is None else 0.0)

    def latencies(self, kind: str | None = None) -> list[float]:
        """Seconds, sorted; of one kind of operations, or of all."""
        found: array[float] = array("d")
        for name, data in self.outcome.latencies.items():
            if kind in (None, name):
                found.frombytes(data)
        return sorted(found)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts share: how long and how often, where scratch files go, and the scratch database's
    first process."""

    folder: Path
    postmaster: int
    rounds: int
    seconds: float
    quick: bool
    seed: int
    say: Progress

    def measure(self, part: str, targets: Sequence[Target]) -> list[Figure]:
        """All targets in turn, `rounds` times, every other time backwards."""
        rounds: list[dict[str, RoundResult]] = []
        for number in range(self.rounds):
            found = {}
            for target in targets if number % 2 == 0 else reversed(targets):
                self.say(f"{part}: {target.name}, round {number + 1} of {self.rounds}")
                found[target.name] = self.once(target)
            rounds.append(found)
        return [
            figure_of(part, target, [found[target.name] for found in rounds], _limits(target, rounds))
            for target in targets
        ]

    def once(self, target: Target) -> RoundResult:
        """One round of one target."""
        return measured_of(target, self.send(self.job(target)))

    def job(self, target: Target, *, once: bool = False) -> Job:
        """A round of a target for the generator; `once`: until each request was sent."""
        return Job(
            port=target.server.port,
            requests=target.requests,
            connections=target.connections,
            seconds=self.seconds,
            warm=min(2.0, self.seconds / 2),
            rate=target.rate,
            once=once,
            watch={"server": [target.server.pid], "database": [self.postmaster]},
        )

    def send(self, job: Job) -> Outcome:
        """Have a generator do it, in a process of its own. Raises `EmbeddedError` where it fails."""
        asked, answered, log = (self.folder / name for name in ("job", "outcome", "generator.log"))
        asked.write_bytes(msgspec.msgpack.encode(job))
        answered.unlink(missing_ok=True)
        children: dict[str, subprocess.Popen[bytes]] = {}
        try:
            children["generator"] = start(
                str(asked), str(answered), environ=os.environ, log=log, module="hotel_booking.bench.generator"
            )
            children["generator"].wait(job.seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            raise EmbeddedError("the load generator did not end in time") from None
        finally:
            stop_children(children)
        if not answered.exists():
            lines = log.read_text(errors="replace").strip().splitlines()
            raise EmbeddedError(f"the load generator failed: {lines[-1] if lines else 'it said nothing'}")
        return msgspec.msgpack.decode(answered.read_bytes(), type=Outcome)


def measured_of(target: Target, outcome: Outcome) -> RoundResult:
    """A round with what is wrong with its answers."""
    complaints = [said for answer in outcome.answers if (said := _complaint(target, answer))]
    return RoundResult(outcome, len(outcome.answers), complaints)


def _limits(target: Target, rounds: Sequence[dict[str, RoundResult]]) -> list[tuple[float, float]]:
    if target.limit is None:
        return []
    return [(found[target.limit].rate, found[target.limit].cpu_us()) for found in rounds]


def _complaint(target: Target, answer: Answer) -> str | None:
    return target.check(target.requests[answer.request], answer.status, answer.body)


def figure_of(
    part: str, target: Target, mine: Sequence[RoundResult], limits: Sequence[tuple[float, float]]
) -> Figure:
    """The row of a target. `limits` has for each round the limit's rate, and the microseconds of CPU that one
    of its operations takes; it is empty where there is no limit."""
    ratio = cpu_ratio = None
    p99 = percentile(mine, 0.99)
    if limits:
        ratio = spread([one.rate / rate for one, (rate, _) in zip(mine, limits, strict=True)])
        cpu_ratio = spread([cpu / one.cpu_us() for one, (_, cpu) in zip(mine, limits, strict=True)])
    complaints = [text for measured in mine for text in measured.complaints]
    complaints += _refused(mine)
    busy = max(measured.outcome.own_cpu / measured.outcome.seconds for measured in mine)
    generator = "the load generator itself was the limit" if busy > _BUSY else ""
    return Figure(
        part=part,
        name=target.name,
        answers=target.answers,
        rate=spread([measured.rate for measured in mine]),
        p50_ms=percentile(mine, 0.5),
        p99_ms=p99,
        server_us=_cpu(mine, "server"),
        database_us=_cpu(mine, "database"),
        limit=target.limit,
        ratio=ratio,
        cpu_ratio=cpu_ratio,
        goal=_goal(target),
        met=_met(target, ratio, p99),
        rounds=len(mine),
        operations=sum(measured.operations for measured in mine),
        checked=sum(measured.checked for measured in mine),
        wrong=len(complaints),
        note="; ".join(filter(None, (target.note, generator, complaints[0] if complaints else ""))),
    )


def _goal(target: Target) -> str | None:
    if target.p99_below_ms is not None:
        return f"p99 below {target.p99_below_ms:g} ms"
    return None if target.least is None else f"at least {target.least:g}"


def _met(target: Target, ratio: Spread | None, p99: Spread | None) -> bool | None:
    if target.p99_below_ms is not None:
        return p99 is not None and p99.median < target.p99_below_ms
    return None if target.least is None or ratio is None else ratio.median >= target.least


def _refused(mine: Sequence[RoundResult]) -> list[str]:
    """What no checked answer tells: connections that broke, answers that never came."""
    broken = sum(measured.outcome.broken for measured in mine)
    unfinished = sum(measured.outcome.unfinished for measured in mine)
    return [f"{broken} connections broke"] * bool(broken) + [f"{unfinished} never answered"] * bool(
        unfinished
    )


def percentile(mine: Sequence[RoundResult], share: float, kind: str | None = None) -> Spread | None:
    """Of each round's latencies, in milliseconds; None where there are none."""
    found = [values for measured in mine if (values := measured.latencies(kind))]
    if not found:
        return None
    return spread([1000 * values[min(len(values) - 1, int(share * len(values)))] for values in found])


def _cpu(mine: Sequence[RoundResult], of: str) -> Spread:
    return spread([measured.cpu_us(of) for measured in mine])
