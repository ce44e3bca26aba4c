"""What customers are told, in words that are ready: for each state of an incident."""

from __future__ import annotations

import msgspec

from hotel_booking.domains.incidents.types import UpdateStatus

UNNAMED = "Technical problem"
"""What an incident is called in other languages as long as only an alert has named it, in English."""


class Template(msgspec.Struct, frozen=True):
    """A text that is offered; `key` is kept with an update that uses it unchanged, so that the status page
    can say it in other languages."""

    key: str
    status: UpdateStatus
    label: str
    body: str


TEMPLATES = (
    Template(
        "investigating",
        "investigating",
        "We are looking into it",
        "We have noticed a problem and are looking into it. We will tell you more within 30 minutes.",
    ),
    Template(
        "booking_fails",
        "investigating",
        "Booking may fail",
        "Booking and paying may fail at the moment. Bookings that were confirmed are safe. We are working on "
        "it and will tell you more within 30 minutes.",
    ),
    Template(
        "slow",
        "investigating",
        "Pages are slow",
        "Pages may take longer than usual to load. We are working on it and will tell you more within 30 "
        "minutes.",
    ),
    Template(
        "identified",
        "identified",
        "We know the cause",
        "We have found the cause and are working on a solution. We will tell you more within 30 minutes.",
    ),
    Template(
        "still_working",
        "identified",
        "Still working on it",
        "We are still working on the solution. We will tell you more within 30 minutes.",
    ),
    Template(
        "monitoring",
        "monitoring",
        "It works again, we watch it",
        "Everything works again. We keep watching it for a while.",
    ),
    Template(
        "resolved",
        "resolved",
        "It is over",
        "The problem is solved. We are sorry for the trouble.",
    ),
)
_BY_KEY = {template.key: template for template in TEMPLATES}
_BODIES = frozenset(template.body for template in TEMPLATES)


def is_ready(body: str) -> bool:
    """Whether it is one of these texts as it stands."""
    return body in _BODIES


def unchanged(key: str | None, body: str) -> str | None:
    """The key, where the body is its text as it stands."""
    template = _BY_KEY.get(key or "")
    return template.key if template is not None and template.body == body else None
