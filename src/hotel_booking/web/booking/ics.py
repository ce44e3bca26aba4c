"""A stay as a calendar entry (RFC 5545), from check-in to check-out."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.dates import local_instant
from hotel_booking.domains.bookings.types import Booking

_STATES = {
    "held": "TENTATIVE",
    "confirmed": "CONFIRMED",
    "checked_in": "CONFIRMED",
    "checked_out": "CONFIRMED",
}


def calendar_entry(
    booking: Booking,
    now: datetime,
    *,
    sequence: int,
    organizer: str,
    url: str,
    where: list[str],
    about: str,
) -> bytes:
    """One event in UTC, which every calendar shows on its own clock: from check-in to check-out by the
    hotel's.

    Its UID is the booking's for ever, so what is opened again takes the place of what was there, where its
    `sequence` is not lower; it rises with every change. What is cancelled, lapsed or was not come to is taken
    out of the calendar (METHOD:CANCEL, RFC 5546). `organizer` is the hotel's e-mail address, `url` the
    booking's page, `where` the hotel's address and country, and `about` which booking it is, both in the
    guest's language."""
    arrival = min(room.arrival for room in booking.coming)
    departure = max(room.departure for room in booking.coming)
    status = _STATES.get(booking.status, "CANCELLED")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Hotel Booking//EN",
        "CALSCALE:GREGORIAN",
        f"METHOD:{'CANCEL' if status == 'CANCELLED' else 'PUBLISH'}",
        "BEGIN:VEVENT",
        f"UID:{booking.id}",
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{local_instant(arrival, booking.check_in_time, booking.timezone):%Y%m%dT%H%M%SZ}",
        f"DTEND:{local_instant(departure, booking.check_out_time, booking.timezone):%Y%m%dT%H%M%SZ}",
        f"ORGANIZER;CN={_parameter(booking.property_name)}:mailto:{organizer}",
        f"SUMMARY:{_text(booking.property_name)}",
        f"LOCATION:{_text(', '.join(filter(None, where)))}",
        f"DESCRIPTION:{_text(about)}",
        f"URL:{url}",
        f"STATUS:{status}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) + "\r\n" for line in lines).encode()


def _parameter(value: str) -> str:
    """In quotes, which a parameter cannot hold themselves."""
    quoted = value.replace('"', "\N{RIGHT DOUBLE QUOTATION MARK}")
    plain = "".join(letter for letter in quoted if letter.isprintable())
    return f'"{plain}"'


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
