"""How many of something, in English words for people."""

from __future__ import annotations


def count(number: int, one: str, many: str | None = None) -> str:
    """1 night, 2 nights, 1,000 nights; `many` where the plural takes more than an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
