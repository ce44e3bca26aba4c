"""Reads of unknown senders take turns once a process has too much to do, and never before."""

from __future__ import annotations

import asyncio

import pytest

from hotel_booking.http.pressure import Pressure
from hotel_booking.http.problems import Overloaded


class Clock:
    """A clock that is set, and sleeps that set it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.stands = False

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += 0.0 if self.stands else seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


def late(pressure: Pressure, clock: Clock, seconds: float = 0.3) -> None:
    """The loop comes back so much later than it was due."""
    pressure.expect()
    clock.now += 0.05 + seconds
    pressure.look()
    pressure.expect()


async def read(pressure: Pressure, clock: Clock, seconds: float, route: str = "/search") -> None:
    began = await pressure.begin(route)
    clock.now += seconds
    pressure.end(route, began)


async def known(pressure: Pressure, clock: Clock, seconds: float) -> None:
    """So many reads that what they take is known."""
    for _ in range(100):
        await read(pressure, clock, seconds)


async def test_where_nothing_is_late_nobody_waits(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    for _ in range(500):
        pressure.expect()
        await read(pressure, clock, 0.02)
        pressure.look()
    await pressure.hold()
    assert clock.slept == []


async def test_once_it_is_late_reads_take_no_more_than_their_share(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    await known(pressure, clock, 0.04)
    for _ in range(10):
        pressure.note_others()
        late(pressure, clock)
    begun, reads = clock.now, 0
    while clock.now < begun + 1.5:
        pressure.expect()  # the loop keeps its time, as the reads leave it
        await read(pressure, clock, 0.04)
        reads += 1
    assert pressure.busy
    # A tenth less with each: 0.35 of the time, in reads of 40 ms, instead of the 37 that there was time for.
    assert reads * 0.04 / (clock.now - begun) == pytest.approx(0.35, abs=0.05)


async def test_readers_alone_have_all_of_the_time_however_late_it_is(clock: Clock) -> None:
    """A hundred who look at hotels, and nobody who books: none of the time is kept free for nobody."""
    pressure = Pressure(clock, clock)
    await known(pressure, clock, 0.04)
    pressure.note_others()
    clock.now += 2.1  # the last of them has gone
    begun, reads = clock.now, 0
    while clock.now < begun + 4:
        late(pressure, clock)
        clock.now -= 0.35
        await read(pressure, clock, 0.04)
        reads += 1
    assert reads * 0.04 / (clock.now - begun) > 0.95


async def test_whoever_would_wait_too_long_is_held_and_refused(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    await known(pressure, clock, 0.2)
    pressure.note_others()
    late(pressure, clock)
    clock.stands = True  # all of them come in the same moment
    refused = []
    for _ in range(200):
        try:
            await read(pressure, clock, 0.0)
        except Overloaded as error:
            refused.append(error.retry_after)
    assert 150 < len(refused) < 200
    assert all(refused)
    held = [wait for wait in clock.slept if wait > 2.0]
    assert len(held) == len(refused)
    # Not back all at once: some after three seconds, some after seven, and as many between.
    assert 3.0 <= min(held) < 3.1
    assert 6.9 < max(held) <= 7.0
    assert len([wait for wait in held if wait < 5.0]) == pytest.approx(len(held) / 2, abs=3)


async def test_it_is_over_when_nothing_was_late_for_a_while(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    late(pressure, clock)
    assert pressure.busy
    for _ in range(50):
        pressure.expect()
        clock.now += 0.05
        pressure.look()
    assert not pressure.busy
    before = len(clock.slept)
    await read(pressure, clock, 0.02)
    assert len(clock.slept) == before


async def test_lateness_is_seen_while_the_watch_itself_does_not_run(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    pressure.expect()
    clock.now += 0.05 + 0.06
    assert pressure.busy


async def test_the_share_falls_while_it_is_late_and_grows_while_it_is_not(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    await read(pressure, clock, 0.02)
    pressure.note_others()

    async def gap() -> float:
        for _ in range(2):
            await read(pressure, clock, 0.0)
        return clock.slept[-1]

    late(pressure, clock)
    first = await gap()
    for _ in range(5):
        pressure.note_others()
        late(pressure, clock)
    later = await gap()
    assert later > first
    for _ in range(30):
        pressure.expect()
        clock.now += 0.05
        pressure.look()
        pressure.expect()
    assert await gap() < later


async def test_a_few_guests_are_not_refused_because_others_have_the_processor(clock: Clock) -> None:
    """Each read lasts long and works little, and the loop is late with everything."""
    worked = Clock()
    pressure = Pressure(clock, worked)

    async def starved() -> None:
        began = await pressure.begin("/search")
        clock.now += 0.2
        worked.now += 0.005
        pressure.end("/search", began)

    for _ in range(50):
        await starved()
    for _ in range(30):
        late(pressure, clock, 1.0)
    clock.stands = True  # they come in the same moment
    for _ in range(4):
        await starved()


async def test_reads_that_are_under_way_together_are_not_counted_for_each_other() -> None:
    """Sixteen begin before the first has ended, and each works for ten milliseconds."""
    worked = Clock()
    pressure = Pressure(Clock(), worked)
    turn, done = asyncio.Event(), []

    async def one() -> None:
        began = await pressure.begin("/search")
        await turn.wait()
        worked.now += 0.01
        pressure.end("/search", began)
        done.append(pressure._taken["/search"])  # noqa: SLF001 - what turns are given by

    for _ in range(20):
        turn.clear()
        reads = [asyncio.create_task(one()) for _ in range(16)]
        await asyncio.sleep(0)
        turn.set()
        await asyncio.gather(*reads)
    # On average exactly that; the last to end has had the processor for itself. Not the work of all sixteen.
    assert sum(done[-16:]) / 16 == pytest.approx(0.012, abs=0.006)
    assert max(done[-16:]) < 0.04


async def test_the_first_read_of_a_process_tells_little_of_the_next(clock: Clock) -> None:
    pressure = Pressure(clock, clock)
    await read(pressure, clock, 0.2)
    for _ in range(30):
        late(pressure, clock)
    clock.stands = True
    for _ in range(4):
        await read(pressure, clock, 0.0)


async def test_only_so_many_are_held() -> None:
    pressure = Pressure()
    pressure.expect()
    pressure._due = -1.0  # noqa: SLF001 - late for as long as the test lasts
    held = [asyncio.create_task(pressure.hold()) for _ in range(1_200)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answered = sum(task.done() for task in held)
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert answered == 200
