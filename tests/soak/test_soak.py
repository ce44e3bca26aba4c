"""Everything that can fail fails, one after the other, under guests who go on: what was promised to them is
there exactly once, money and rooms are in step, and who was not served was told so.

HOTEL_SOAK_MINUTES says how long (4; `make soak`: 30).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import psycopg
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.invariants import Difference
from hotel_booking.ops.promotion import promote
from tests.clients.standby import kill
from tests.factories.invariants import differences
from tests.soak.guests import Ledger, Outcome, Pace, Trouble, crowd
from tests.soak.house import House, house, remove, room

GUESTS = 12
AWAY = 15  # seconds that what hangs or is gone stays so
_UNDECIDED = "'started', 'requires_action', 'unknown', 'authorised', 'voiding'"
Fault = Callable[[House], AbstractContextManager[None]]


@dataclass
class Row:
    """What one fault came to. `away` is how long it lasted, `until_well` how long after its end guests were
    served as before, both in seconds."""

    name: str
    began: float
    away: float = 0.0
    until_well: float = 0.0
    booked: int = 0
    met: Counter[Outcome] = field(default_factory=Counter)


@contextmanager
def restarted(at: House) -> Iterator[None]:
    at.primary.restart()
    yield


@contextmanager
def killed(at: House) -> Iterator[None]:
    kill(at.primary)
    _lasts(AWAY / 3)
    at.primary.restart()
    yield


@contextmanager
def failed_over(at: House) -> Iterator[None]:
    """Once: there is no replica after it."""
    kill(at.primary)
    promote(at.replica.url("postgres"), primary_is_stopped=False, say=lambda _line: None)
    yield


@contextmanager
def flushed(at: House) -> Iterator[None]:
    for _ in range(20):
        _redis(at, "FLUSHALL")
        time.sleep(0.2)
    yield


@contextmanager
def gone(at: House) -> Iterator[None]:
    at.children["redis"].kill()
    at.children["redis"].wait()
    _lasts()
    at.begin("redis")
    yield


@contextmanager
def silent(at: House) -> Iterator[None]:
    at.children["redis"].send_signal(signal.SIGSTOP)
    _lasts()
    at.children["redis"].send_signal(signal.SIGCONT)
    yield


@contextmanager
def one_web_process_killed(at: House) -> Iterator[None]:
    os.kill(at.processes("serve")[0], signal.SIGKILL)
    yield


@contextmanager
def web_server_killed(at: House) -> Iterator[None]:
    os.killpg(at.children["serve"].pid, signal.SIGKILL)
    yield


@contextmanager
def worker_killed(at: House) -> Iterator[None]:
    at.children["worker"].kill()
    yield


@contextmanager
def mail_stalled(at: House) -> Iterator[None]:
    at.post.stall()
    _lasts(2 * AWAY)
    at.post.flow()
    yield


@contextmanager
def gateway_stalled(at: House) -> Iterator[None]:
    at.gateway.stall()
    _lasts(2 * AWAY)
    at.gateway.flow()
    yield


@contextmanager
def answers_lost(at: House) -> Iterator[None]:
    at.stripe.fail("*", "drop", acted=True, times=30)
    _lasts()
    at.stripe.heal()
    yield


@contextmanager
def disk_full(at: House) -> Iterator[None]:
    with at.full_disk():
        _lasts()
    with suppress(Exception):  # it may have gone on all the while: then there is nothing to start
        with psycopg.connect(at.primary.url("postgres"), connect_timeout=5) as connection:
            connection.execute("SELECT 1")
        yield
        return
    at.primary.restart()
    yield


@contextmanager
def clock_ahead(at: House) -> Iterator[None]:
    at.step_clock("+20m")
    _lasts()
    at.step_clock("+0")
    yield


@contextmanager
def clock_behind(at: House) -> Iterator[None]:
    at.step_clock("-20m")
    _lasts()
    at.step_clock("+0")
    yield


# In this order; what ends web processes comes first, so that the others grow old enough to be measured.
ROUND: dict[str, Fault] = {
    "a web process killed": one_web_process_killed,
    "the web server killed": web_server_killed,
    "the worker killed": worker_killed,
    "PostgreSQL restarted": restarted,
    "PostgreSQL killed": killed,
    "Redis flushed": flushed,
    "Redis gone": gone,
    "Redis silent": silent,
    "the mail server silent": mail_stalled,
    "the gateway silent": gateway_stalled,
    "the gateway's answers lost": answers_lost,
    "the clock 20 min ahead": clock_ahead,
    "the clock 20 min behind": clock_behind,
    "the disk full": disk_full,
}
LAST: dict[str, Fault] = {"PostgreSQL failed over": failed_over}


def _lasts(seconds: float = AWAY) -> None:
    """Guests go on meanwhile: a fault's length is what is tried, and nothing else would end it."""
    time.sleep(seconds)


def _redis(at: House, command: str) -> None:
    import redis  # here: it is the platform's, and this test's only for this

    with redis.Redis(port=at.redis_port) as server:
        server.execute_command(command)


class Soak:
    """It runs, and notes what it sees."""

    def __init__(self, at: House, ledger: Ledger, minutes: float) -> None:
        self.at, self.ledger = at, ledger
        self.rows: list[Row] = []
        self.memory: dict[str, list[tuple[float, int]]] = {"serve": [], "worker": []}
        self._end = time.monotonic() + minutes * 60

    def run(self) -> None:
        """Rounds of faults until the time is over, each at least once, then the last one."""
        between = 5.0
        while True:
            for name, fault in ROUND.items():
                self.quiet(between)
                self.suffer(name, fault)
            if time.monotonic() > self._end - 60:
                break
            between = max(between, (self._end - time.monotonic()) / len(ROUND) / 3)
        self.quiet(max(30, between))
        for name, fault in LAST.items():
            self.suffer(name, fault)
        self.quiet(10)

    def quiet(self, seconds: float) -> None:
        """Nothing is done to it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(2.0, seconds))
            for name, samples in self.memory.items():
                with suppress(OSError):
                    samples.append((time.monotonic(), self.at.memory(name)))

    def suffer(self, name: str, fault: Fault) -> None:
        """It happens, passes, and all is well again."""
        row = Row(name, time.monotonic())
        self.rows.append(row)
        booked, met = self.ledger.confirmed, Counter(self.ledger.met)
        with fault(self.at):
            row.away = time.monotonic() - row.began
        ended = time.monotonic()
        self._until_well(name)
        row.until_well = time.monotonic() - ended
        row.booked = self.ledger.confirmed - booked
        row.met = Counter(self.ledger.met) - met

    def _until_well(self, name: str) -> None:
        """It says so itself, and guests have booked since the last request that was not answered well."""
        end = time.monotonic() + 180
        booked, troubles = self.ledger.confirmed, len(self.ledger.troubles)
        while True:
            time.sleep(0.5)
            if len(self.ledger.troubles) > troubles:
                booked, troubles = self.ledger.confirmed, len(self.ledger.troubles)
            elif self.ledger.confirmed >= booked + 3 and self.at.ready():
                return
            assert time.monotonic() < end, f"{name}: it is not well again, {self.ledger.troubles[-5:]}"

    def outside(self) -> list[Trouble]:
        """Requests that were not answered well while nothing was wrong."""
        wrong = [(row.began - 0.1, row.began + row.away + row.until_well) for row in self.rows]
        return [
            one for one in self.ledger.troubles if not any(begin <= one.at <= end for begin, end in wrong)
        ]

    def growth(self, name: str) -> tuple[int, int]:
        """Memory in the second and in the last quarter of the time, medians in bytes."""
        samples = [size for _, size in self.memory[name]]
        quarter = max(1, len(samples) // 4)
        return int(statistics.median(samples[quarter : 2 * quarter])), int(
            statistics.median(samples[-quarter:])
        )

    def table(self) -> str:
        """As it stands in a report."""
        headings = ("fault", "lasted s", "well again after s", "booked", *get_args(Outcome))
        lines: list[tuple[object, ...]] = [headings, ("---", *["---:"] * (len(headings) - 1))]
        for row in self.rows:
            met = [row.met[outcome] for outcome in get_args(Outcome)]
            lines.append((row.name, f"{row.away:.0f}", f"{row.until_well:.0f}", row.booked, *met))
        return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def promises_kept(at: House, ledger: Ledger) -> list[str]:
    """Each promise that the database does not keep exactly once."""
    by_reference = {
        reference: (status, email)
        for reference, status, email in at.rows(
            "SELECT booking.reference, booking.status, guest.email FROM booking"
            " JOIN guest ON guest.id = booking.guest_id"
        )
    }
    bookings = Counter(email for status, email in by_reference.values() if status not in ("expired", "held"))
    wrong = []
    for promise in ledger.promises:
        status, email = by_reference.get(promise.reference, ("missing", promise.email))
        if promise.state != "held" and status != promise.state:
            wrong.append(f"{promise.reference}: promised {promise.state}, found {status}")
        if email != promise.email or bookings[promise.email] > 1:
            wrong.append(f"{promise.reference}: {bookings[promise.email]} bookings of {promise.email}")
    return wrong


def money_in_step(at: House) -> list[str]:
    """Each payment that the gateway's books and ours tell differently."""
    ours = {
        payment: (int(captured), int(refunded))
        for payment, captured, refunded in at.rows(
            "SELECT payment.id::text, CASE WHEN payment.status = 'captured' THEN payment.amount ELSE 0 END,"
            "       coalesce((SELECT sum(refund.amount) FROM refund WHERE refund.payment_id = payment.id"
            "                  AND refund.status = 'done'), 0)"
            "  FROM payment WHERE payment.gateway = 'stripe'"
        )
    }
    theirs = {name: (one.captured, one.refunded) for name, one in at.stripe.sums().items()}
    return [
        f"{name}: ours {ours.get(name)}, the gateway's {theirs.get(name)}; {_story(at, name)}"
        for name in ours.keys() | theirs.keys()
        if ours.get(name, (0, 0)) != theirs.get(name, (0, 0))
    ]


def _story(at: House, payment: str) -> str:
    """What is known of a payment, for whoever has to find out."""
    rows = at.rows(
        "SELECT to_jsonb(payment)::text, to_jsonb(booking)::text FROM payment"
        " LEFT JOIN booking ON booking.id = payment.booking_id WHERE payment.id::text = %(payment)s",
        payment=payment,
    )
    asked = [f"{step} {things}" for step, _, things in at.stripe.sent if payment in str(things)]
    return f"{rows}; the gateway was asked {asked}"


def settled(at: House) -> bool:
    """Nothing is undecided, and no job of money or rooms is due."""
    ((open_payments, due),) = at.rows(
        f"SELECT (SELECT count(*) FROM payment WHERE status IN ({_UNDECIDED})),"
        "       (SELECT count(*) FROM procrastinate_jobs WHERE queue_name IN ('bookings', 'payments')"
        "           AND status IN ('todo', 'doing') AND coalesce(scheduled_at <= now(), true))"
    )
    return (open_payments, due) == (0, 0)


async def _differences(url: str) -> list[Difference]:
    async with Database.open(url, size=2) as db:
        return await differences(db)


@pytest.mark.nightly
def test_nothing_promised_is_lost_whatever_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert os.geteuid() == 0, "run it as root: it mounts a disk of its own, to fill it"
    assert shutil.which("redis-server"), "not installed: sudo apt-get install -y redis-server"
    minutes = float(os.environ.get("HOTEL_SOAK_MINUTES", "4"))
    folder, ledger, pace = room(), Ledger(), Pace()
    try:
        with house(folder) as at:
            soak = Soak(at, ledger, minutes)
            with crowd(at.port, at.hotels(), ledger, pace, guests=GUESTS):
                time.sleep(10)  # what is loaded and compiled once
                before = ledger.met["well"]
                time.sleep(10)  # how long the machine's best is counted
                full = (ledger.met["well"] - before) / 10
                pace.rate = full / 2
                with capsys.disabled():
                    sys.stdout.write(f"\n{full:.0f} requests a second at most, {pace.rate:.0f} from now on\n")
                try:
                    soak.run()
                finally:
                    with capsys.disabled():
                        sys.stdout.write(f"\n{soak.table()}\n")
            _wait_for_settled(at)
            lost, money = promises_kept(at, ledger), money_in_step(at)
            differences = asyncio.run(_differences(at.url))
    finally:
        _keep_logs(folder)
        remove(folder)
    unclean = [one.said for one in ledger.troubles if one.outcome == "unclean"]
    growth = {name: soak.growth(name) for name in soak.memory}
    with capsys.disabled():
        sys.stdout.write(
            f"{sum(ledger.met.values())} requests, {ledger.confirmed} bookings confirmed, {len(lost)} lost or"
            f" doubled, {len(money)} payments and {len(differences)} invariants out of step; memory, 2nd and"
            " last quarter: "
            + ", ".join(f"{name} {a / 1e6:.0f} and {b / 1e6:.0f} MB" for name, (a, b) in growth.items())
            + "\n"
        )
    assert lost == []
    assert money == []
    assert differences == []
    assert unclean == []
    assert ledger.unanswered == []
    assert soak.outside() == []
    if minutes >= 15:  # of a short one nothing can be said
        for name, (early, late) in growth.items():
            assert late < early * 1.2, f"the memory of {name} has grown"


def _wait_for_settled(at: House) -> None:
    # What was written while the clock was ahead has its time then: it would be twenty minutes.
    at.step_clock("+25m")
    end = time.monotonic() + 240
    while not settled(at):
        assert time.monotonic() < end, f"left undecided: {_undecided(at)}"
        time.sleep(1)


def _undecided(at: House) -> list[object]:
    jobs = at.rows(
        "SELECT task_name, status, attempts, scheduled_at::text, args::text FROM procrastinate_jobs"
        " WHERE queue_name IN ('bookings', 'payments') AND status IN ('todo', 'doing') LIMIT 20"
    )
    payments = at.rows(
        f"SELECT id::text FROM payment WHERE status IN ({_UNDECIDED}) ORDER BY updated_at LIMIT 5"
    )
    return [*jobs, *(_story(at, payment) for (payment,) in payments)]


def _keep_logs(folder: Path) -> None:
    """Where HOTEL_SOAK_LOGS names a folder."""
    if kept := os.environ.get("HOTEL_SOAK_LOGS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        for log in folder.glob("*.log"):
            shutil.copy(log, kept)
