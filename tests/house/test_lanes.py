"""Every queue has exactly one lane: what has none would never run."""

from __future__ import annotations

from hotel_booking.worker import application
from hotel_booking.worker.lanes import LANES


def test_every_queue_has_exactly_one_lane() -> None:
    tasks = application("postgresql://nobody@nowhere/none").tasks.values()
    used = {task.queue for task in tasks if not task.name.startswith("builtin:")}
    lanes = [queue for lane in LANES for queue in lane.queues]
    assert len(lanes) == len(set(lanes))
    assert used - set(lanes) == set(), "name the queue in worker/lanes.py, with what else may wait for it"
    assert set(lanes) - used == set()
