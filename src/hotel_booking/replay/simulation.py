"""Simulating the plan: every event through the services that the API uses, at its simulated instant.

A day is one transaction per lane; lanes run side by side, and the next day begins when all are done. What
takes or gives back nights keeps its order in its room type's lane: bookings meet only in the nights of one
room type. Arrivals and departures as booked change no nights, so they meet nobody and have their own lanes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import RoomRequest
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.inventory.errors import SoldOut
from hotel_booking.replay.demand import Kind, Row
from hotel_booking.replay.events import (
    Event,
    Plan,
    Step,
    departed,
)

PLAN_CODE = "REPLAY"
SOURCE = "replay"
# The file does not know who paid: that is passed over, and said.
OVERRIDE_REASON = "replayed from a file"
NIGHT_LANES = 2
QUIET_LANES = 3
LANES = NIGHT_LANES + QUIET_LANES
_ATTEMPTS = 5


class Simulation(msgspec.Struct):
    """How far it got: the events done, the refusals by reason, and the day it was stopped after, if it was.
    `oversold` counts room-nights beyond the capacity, recounted on the first day of each month."""

    events: int
    refused: Counter[str]
    stopped_after: date | None = None
    oversold: int = 0


class _Day(msgspec.Struct):
    """What one lane's transaction of a day did; kept only when it is committed."""

    made: dict[int, UUID]
    ended: set[int]
    refused: Counter[str]


class _Run(NamedTuple):
    """What all lanes of all days work with: the file's rows, the properties by the file's hotel, the bookings
    that stand by their row, and whether a booking that finds no room is refused and counted."""

    rows: Sequence[Row]
    slugs: Mapping[str, str]
    bookings: dict[int, UUID]
    may_refuse: bool


async def simulate(
    db: Database,
    plan: Plan,
    slugs: Mapping[str, str],
    *,
    may_refuse: bool,
    progress: Callable[[date, int], None],
    stop: asyncio.Event,
    count_oversold: Callable[[date], Awaitable[int]],
) -> Simulation:
    """Run all events in order. `slugs` are the properties by the file's hotel; `progress` is told each day
    and how many events are done; when `stop` is set it ends after the day that runs.

    With `may_refuse` a booking that finds no room is refused and counted; without, it raises `SoldOut`.
    """
    simulation = Simulation(0, Counter())
    run = _Run(plan.rows, slugs, {}, may_refuse)
    lane_of_kind = lanes_of_kinds(plan)
    month = 0
    for day, events in plan.days():
        if stop.is_set():
            return simulation
        if day.month != month:
            month = day.month
            simulation.oversold += await count_oversold(day)
        lanes = spread(events, plan.rows, lane_of_kind)
        for result in await _side_by_side([_lane(db, run, lane) for lane in lanes]):
            run.bookings.update(result.made)
            for index in result.ended:
                del run.bookings[index]
            simulation.refused += result.refused
        simulation.events += len(events)
        simulation.stopped_after = day
        progress(day, simulation.events)
    simulation.stopped_after = None
    return simulation


def lanes_of_kinds(plan: Plan) -> dict[Kind, int]:
    """Room types spread over the lanes for nights, the one with the most rows first to the emptiest."""
    load = [0] * NIGHT_LANES
    lane_of: dict[Kind, int] = {}
    for kind, rows in Counter(row.kind for row in plan.rows).most_common():
        lane_of[kind] = load.index(min(load))
        load[lane_of[kind]] += rows
    return lane_of


def spread(
    events: Sequence[Event], rows: Sequence[Row], lane_of_kind: Mapping[Kind, int]
) -> Iterable[Sequence[Event]]:
    """A day's events by lane, each in its order. All of one booking go to the same."""
    moving = {event.row for event in events if not _quiet(event, rows[event.row])}
    lanes: dict[int, list[Event]] = {}
    for event in events:
        index = event.row
        lane = lane_of_kind[rows[index].kind] if index in moving else NIGHT_LANES + index % QUIET_LANES
        lanes.setdefault(lane, []).append(event)
    return lanes.values()


def _quiet(event: Event, row: Row) -> bool:
    """Whether the event neither takes nor gives back a night."""
    if event.step is Step.CHECK_OUT:
        return departed(row) >= row.departure
    return event.step is Step.CHECK_IN


async def _side_by_side(lanes: Sequence[Coroutine[None, None, _Day]]) -> list[_Day]:
    """Run the lanes of a day; the first error of any ends all."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(lane) for lane in lanes]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _lane(db: Database, run: _Run, events: Sequence[Event]) -> _Day:
    for last in (*[False] * (_ATTEMPTS - 1), True):
        try:
            async with db.transaction() as tx:
                return await _day(tx, run, events)
        except asyncpg.DeadlockDetectedError:
            # Two lanes that store the same new terms of sale in a different order: one begins its day again.
            if last:
                raise
    raise AssertionError  # the loop returns or raises


async def _day(tx: Transaction, run: _Run, events: Sequence[Event]) -> _Day:
    done = _Day({}, set(), Counter())
    for event in events:
        row = run.rows[event.row]
        if event.step is Step.CREATE:
            booking = await _create(tx, run, row, event)
            if booking is None:
                done.refused[SoldOut.code] += 1
            else:
                done.made[event.row] = booking
            continue
        booking = done.made.get(event.row) or run.bookings.get(event.row)
        if booking is None:
            continue  # it was refused, so nothing follows
        await _follow(tx, booking, row, event)
        if event.step is not Step.CHECK_IN:
            done.ended.add(event.row)
    return done


async def _create(tx: Transaction, run: _Run, row: Row, event: Event) -> UUID | None:
    slug = run.slugs[row.kind.hotel]
    if not run.may_refuse:
        return await _book(tx, row, event, slug)
    try:
        async with tx.savepoint():
            return await _book(tx, row, event, slug)
    except SoldOut:
        return None


async def _book(tx: Transaction, row: Row, event: Event, slug: str) -> UUID:
    quote = await service.quote(
        tx,
        property_slug=slug,
        stay=Stay(row.arrival, row.departure),
        rooms=[RoomRequest(row.kind.room_type, PLAN_CODE, row.adults, row.ages)],
        now=event.at,
        agreed_price=row.price,
    )
    held = await service.hold(tx, quote_id=quote.id, guest=guest_of(row), source=SOURCE, now=event.at)
    await service.confirm(tx, booking_id=held.booking.id, now=event.at)
    return held.booking.id


async def _follow(tx: Transaction, booking: UUID, row: Row, event: Event) -> None:
    match event.step:
        case Step.CHECK_IN:
            await service.check_in(tx, booking_id=booking, now=event.at)
        case Step.CHECK_OUT | Step.CHECK_OUT_SAME_DAY:
            await service.check_out(
                tx, booking_id=booking, now=event.at, departed=departed(row), override=OVERRIDE_REASON
            )
        case Step.CANCEL | Step.CANCEL_SAME_DAY:
            await service.cancel(tx, booking_id=booking, now=event.at)
        case Step.NO_SHOW:
            on = row.status_date
            await service.no_show(tx, booking_id=booking, now=event.at, on=on, early=True)
        case Step.CREATE:
            raise AssertionError("a creation follows nothing")


class _Unnamed(GuestDetails, frozen=True):
    """A guest whom the file does not name, and whom nobody can write to: no mail is made for an address that
    is not there."""

    def __post_init__(self) -> None:
        """There is nothing to read: what guests type is not what stands here."""


def guest_of(row: Row) -> GuestDetails:
    """The file names nobody: a guest is the line of the file."""
    return _Unnamed("Guest", f"of line {row.line}", "")
