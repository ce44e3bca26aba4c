"""The demo chain: the invented Wayfinch group in real cities, with prices, rooms, taxes and guests."""

from __future__ import annotations

from hotel_booking.demo.keys import credentials, read_credentials
from hotel_booking.demo.loader import (
    NIGHTS,
    PROPERTIES,
    NotEmpty,
    load,
)

__all__ = ["NIGHTS", "PROPERTIES", "NotEmpty", "credentials", "load", "read_credentials"]
