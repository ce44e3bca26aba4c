"""What the status page calls things: states, components, the sentence at its top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hotel_booking.domains.incidents.status_summary import Overall
from hotel_booking.domains.incidents.status_types import Component, Shown
from hotel_booking.domains.incidents.types import UpdateStatus


class Texts(Protocol):
    """A gettext catalogue."""

    def gettext(self, message: str, /) -> str:
        """The message in the catalogue's language."""


# A sign besides the colour and the word.
MARKS: Mapping[Shown, str] = {
    "operational": "✓",
    "degraded": "!",
    "partial_outage": "!",
    "major_outage": "✕",
    "maintenance": "⚙",
    "unknown": "?",
}
OVERALL_MARKS: Mapping[Overall, str] = {
    "operational": "✓",
    "minor": "!",
    "major": "!",
    "critical": "✕",
    "maintenance": "⚙",
    "unknown": "?",
}


def component(key: str, texts: Texts) -> str:
    """A component's name; one that is not known stays as it is called."""
    _ = texts.gettext
    names: dict[Component, str] = {
        "site": _("Website"),
        "api": _("API for partners"),
        "admin": _("Staff panel"),
        "payments": _("Payments by card"),
        "notifications": _("Confirmations by email"),
        "search": _("Room search"),
    }
    return next((name for known, name in names.items() if known == key), key)


def state(shown: Shown, texts: Texts) -> str:
    """A component's state."""
    _ = texts.gettext
    words: dict[Shown, str] = {
        "operational": _("Working"),
        "degraded": _("Slow or unreliable"),
        "partial_outage": _("Partial outage"),
        "major_outage": _("Outage"),
        "maintenance": _("In maintenance"),
        "unknown": _("Not known"),
    }
    return words[shown]


def headline(overall: Overall, texts: Texts) -> str:
    """The sentence at the top."""
    _ = texts.gettext
    words: dict[Overall, str] = {
        "operational": _("All systems are working"),
        "minor": _("Some systems are slow or unreliable"),
        "major": _("Some systems are down"),
        "critical": _("The platform is down"),
        "maintenance": _("Maintenance in progress"),
        "unknown": _("We cannot measure everything at the moment"),
    }
    return words[overall]


def update(status: UpdateStatus, texts: Texts) -> str:
    """Where an incident was when an update was written."""
    _ = texts.gettext
    words: dict[UpdateStatus, str] = {
        "investigating": _("Investigating"),
        "identified": _("Identified"),
        "monitoring": _("Monitoring"),
        "resolved": _("Resolved"),
    }
    return words[status]


def subscription(what: str, texts: Texts) -> tuple[str, str, str]:
    """What a page about a subscription says: its headline, a sentence, and its button, where it has one."""
    _ = texts.gettext
    return {
        "asked": (
            _("Please look into your mailbox"),
            _("If the address is right, we have sent a link to it. Nothing is sent until it is confirmed."),
            "",
        ),
        "invalid": (_("This isn’t a valid email address"), _("Please go back and check what you typed."), ""),
        "confirm": (
            _("Updates on our status"),
            _("We will write to you when something goes wrong, when it is solved, and before maintenance."),
            _("Yes, tell me"),
        ),
        "confirmed": (_("You will be told"), _("Every message has a link by which you can stop this."), ""),
        "too_late": (_("This link is too old"), _("Please ask for a new one on the status page."), ""),
        "leave": (_("Stop these messages?"), _("We then forget your address."), _("Stop")),
        "webhook_asked": (
            _("We are asking your program"),
            _(
                "Within a minute we send it a secret, by which our messages are signed, and a challenge, "
                "which it must send back as its whole answer."
            ),
            "",
        ),
        "invalid_webhook": (
            _("We cannot tell this address"),
            _(
                "It must begin with https:// and be reachable from the Internet at port 443 or 8443, and not"
                " too many of one host may wait to be confirmed."
            ),
            "",
        ),
        "no_webhooks": (_("We cannot tell programs here"), _("Please follow the feed instead."), ""),
        "left": (_("You will get no more messages"), _("We have forgotten your address."), ""),
    }[what]
