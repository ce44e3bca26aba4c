"""What is counted for people in English."""

from __future__ import annotations

from hotel_booking.core.counting import count


def test_one_is_told_as_one() -> None:
    assert count(1, "check") == "1 check"
    assert count(0, "check") == "0 checks"
    assert count(1, "entry waits", "entries wait") == "1 entry waits"
    assert count(1200, "key was", "keys were") == "1,200 keys were"
