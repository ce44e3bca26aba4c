"""Why a message is not sent again."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, NotFound


class MessageNotFound(NotFound):
    """There is no such message, or not one the caller may see."""

    code = "message_not_found"


class NotToBeSentAgain(Conflict):
    """The message is on its way or was sent: it would arrive twice."""

    code = "not_to_be_sent_again"
