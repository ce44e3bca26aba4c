"""A stay as a calendar entry (RFC 5545), from check-in to check-out."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.dates import local_instant
from hotel_booking.domains.bookings.types import Booking


def calendar_entry(booking: Booking, now: datetime) -> bytes:
    """One event in UTC, which every calendar shows on its own clock."""
    arrival = min(room.arrival for room in booking.reservations)
    departure = max(room.departure for room in booking.reservations)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Hotel Booking//EN",
        "BEGIN:VEVENT",
        f"UID:{booking.id}",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{local_instant(arrival, booking.check_in_time, booking.timezone):%Y%m%dT%H%M%SZ}",
        f"DTEND:{local_instant(departure, booking.check_out_time, booking.timezone):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{_text(booking.property_name)}",
        f"LOCATION:{_text(booking.address)}",
        f"DESCRIPTION:{booking.reference}",
        f"STATUS:{'CANCELLED' if booking.status == 'cancelled' else 'CONFIRMED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) + "\r\n" for line in lines).encode()


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return " ".join(escaped.split())


def _folded(line: str) -> str:
    """At most 75 octets a line; the rest follows on lines that begin with a space."""
    parts, current = [], ""
    for letter in line:
        if len((current + letter).encode()) > 73:
            parts.append(current)
            current = ""
        current += letter
    return "\r\n ".join([*parts, current])
