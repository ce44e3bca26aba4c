"""A browser's name for people, from what it says of itself."""

from __future__ import annotations

from hotel_booking.http.visitors import browser_and_system


def browser_of(user_agent: str) -> str:
    """Such as "Firefox on Windows"; "Unknown browser" where it says nothing that we know."""
    browser, system = browser_and_system(user_agent)
    return " on ".join(part for part in (browser or "Unknown browser", system) if part)
