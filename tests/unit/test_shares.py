"""Who gets a place when all are taken, and that none is lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from hotel_booking.core.shares import Kind, QueueFull, Shares

SOON = 0.01


async def _fill(shares: Shares, kind: Kind) -> int:
    held = 0
    while True:
        try:
            await shares.enter(kind, longest=SOON)
        except QueueFull:
            return held
        held += 1


@pytest.mark.parametrize(
    ("places", "browsing", "booking", "vital"), [(10, 6, 3, 1), (20, 12, 6, 2), (4, 2, 1, 1), (2, 1, 0, 1)]
)
async def test_something_is_left_for_what_matters_more(
    places: int, browsing: int, booking: int, vital: int
) -> None:
    shares = Shares(places)
    assert await _fill(shares, "browsing") == browsing
    assert await _fill(shares, "booking") == booking
    assert await _fill(shares, "vital") == vital
    shares.leave("browsing")
    assert await _fill(shares, "booking") == 1


async def test_who_matters_most_is_served_first() -> None:
    shares = Shares(2)
    for _ in range(2):
        await shares.enter("vital", longest=SOON)
    served: list[str] = []

    async def ask(kind: Kind) -> None:
        await shares.enter(kind, longest=10)
        served.append(kind)
        shares.leave(kind)

    kinds: tuple[Kind, ...] = ("browsing", "booking", "vital", "browsing")
    tasks = []
    for kind in kinds:
        tasks.append(asyncio.create_task(ask(kind)))
        await asyncio.sleep(0)
    shares.leave("vital")
    shares.leave("vital")
    await asyncio.gather(*tasks)
    assert served == ["vital", "booking", "browsing", "browsing"]


async def test_a_place_is_never_lost_or_given_twice() -> None:
    """Thousands come, are cancelled while they wait or when their turn has just come, and give up."""
    shares = Shares(10)
    inside: dict[Kind, int] = {"vital": 0, "booking": 0, "browsing": 0}
    refused = 0

    async def visit(number: int) -> None:
        nonlocal refused
        kind: Kind = ("vital", "booking", "browsing")[number % 3]
        try:
            await shares.enter(kind, longest=0.005 * (number % 7))
        except QueueFull:
            refused += 1
            return
        inside[kind] += 1
        assert sum(inside.values()) <= 10
        assert inside["browsing"] <= 6
        assert inside["browsing"] + inside["booking"] <= 9
        try:
            await asyncio.sleep(0.001 * (number % 5))
        finally:
            inside[kind] -= 1
            shares.leave(kind)

    tasks = [asyncio.create_task(visit(number)) for number in range(3_000)]
    for number, task in enumerate(tasks):
        if number % 11 == 0:
            await asyncio.sleep(0)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert refused > 0
    assert await _fill(shares, "vital") == 10, "every place came back"


async def test_a_full_queue_refuses_at_once() -> None:
    shares = Shares(2)
    for _ in range(2):
        await shares.enter("vital", longest=SOON)
    waiting = [asyncio.create_task(shares.enter("browsing", longest=60)) for _ in range(100)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await shares.enter("browsing", longest=60)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
