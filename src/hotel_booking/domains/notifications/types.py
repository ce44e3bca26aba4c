"""Messages, and what sends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction

Status = Literal["waiting", "sending", "sent", "failed", "uncertain"]
Outcome = Literal["sent", "again", "failed", "uncertain"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the outbox. `failed`: refused for good, or too often. `uncertain`: the connection broke
    after the message was handed over, so the mail server may have it or not; only a person sends it again."""

    id: UUID
    event_key: str
    template: str
    language: str
    recipient: str
    subject: str | None
    data: dict[str, Any]
    booking_id: UUID | None
    property_id: int | None
    staff_id: int | None
    status: Status
    attempts: int
    created_at: datetime
    touched_at: datetime
    last_error: str | None


class DeliveryAttempt(msgspec.Struct, frozen=True):
    """One attempt to send a message, and what the mail server said."""

    at: datetime
    outcome: Outcome
    reply: str | None


class Rendered(msgspec.Struct, frozen=True):
    """A message as a person reads it, in both its parts. `unsubscribe` is the address by which a mail program
    ends such messages with one click, `reply_to` who gets the answer, where that is not the sender."""

    subject: str
    text: str
    html: str
    language: str
    rtl: bool
    unsubscribe: str | None = None
    reply_to: str | None = None


class Link(Protocol):
    """A path of the site as the whole address that a message carries, signed where that opens something: for
    the one address that it is mailed to, or for whoever has it ("")."""

    def __call__(self, path: str, reader: str = "", /) -> str:
        """The address."""


# The address of a property, which gets the answers to what is sent about its bookings; None: it has none.
HotelAddress = Callable[[Transaction, int], Awaitable[str | None]]


class Delivery(msgspec.Struct, frozen=True):
    """What became of one try, and what the mail server said. `keep`: links that open an account stay in the
    outbox (the demo shows its mail); else they are forgotten once they are on their way. `unreachable`: the
    server did not speak to us at all, so that no other message would fare better. `unwritten`: this release
    cannot write the message, so that no server was asked."""

    outcome: Outcome
    reply: str = ""
    keep: bool = False
    unreachable: bool = False
    unwritten: bool = False


class Mailer(Protocol):
    """Something that hands messages to a mail server."""

    async def send(self, *, message_id: str, recipient: str, rendered: Rendered) -> Delivery:
        """Try once. Never raises for what a mail server or the network does."""


class MessageLimit(msgspec.Struct, frozen=True):
    """How many messages of one template somebody unknown can have sent to one address."""

    an_hour: int
    a_day: int
