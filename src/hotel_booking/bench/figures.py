"""What the bench finds out: the structs of its table and its JSON. docs/BENCH.md says each key."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """The median of some rounds, the lowest and the highest."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value, to four significant digits."""
    return Spread(*(float(f"{value:.4g}") for value in (statistics.median(values), min(values), max(values))))


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Rates are operations a second, `_ms` milliseconds of an operation, `_us` microseconds of CPU
    an operation. `ratio` is this rate over the rate of the row `limit`, round by round, and `cpu_ratio` the
    limit's CPU of an operation over this one's, which other work on the machine changes less. `value` is a
    number of another `unit` in place of a rate. `answers` says where answers come from: sql, index or
    snapshot."""

    part: str
    name: str
    answers: str = ""
    rate: Spread | None = None
    value: Spread | None = None
    unit: str = ""
    p50_ms: Spread | None = None
    p99_ms: Spread | None = None
    server_us: Spread | None = None
    database_us: Spread | None = None
    limit: str | None = None
    ratio: Spread | None = None
    cpu_ratio: Spread | None = None
    goal: str | None = None
    met: bool | None = None
    rounds: int = 1
    operations: int = 0
    checked: int = 0
    wrong: int = 0
    note: str = ""

    def cost(self) -> float | None:
        """CPU of an operation, of the server and the database together, as a multiple of the limit's in the
        same rounds: rows that were measured minutes apart can be compared, though the machine is not as fast
        all the time. None where it has no limit, or took no CPU."""
        return None if self.cpu_ratio is None or not self.cpu_ratio.median else 1 / self.cpu_ratio.median


class Machine(msgspec.Struct, frozen=True):
    """What it ran on. `load` is the load average when it began: above 0.5 somebody else was at work."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    postgresql: str
    server: str
    load: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run. `complete` is false where it was stopped."""

    format: int = 1
    commit: str | None = None
    machine: Machine
    began: str
    seconds: float
    rounds: int
    quick: bool
    complete: bool
    figures: list[Figure]
    skipped: dict[str, str]


def grown(part: str, name: str, times: float, *, most: float) -> Figure:
    """How many times what it cost at the smallest size something costs at a larger one."""
    return Figure(
        part=part, name=name, value=spread([times]), unit="times", goal=f"at most {most:g} times",
        met=times <= most,
    )  # fmt: skip
