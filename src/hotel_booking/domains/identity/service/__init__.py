"""What can be done with keys, staff and their sessions: a file per subject. The transaction is passed in."""

from hotel_booking.domains.identity.service.keys import (
    create_key,
    resolve,
    revoke_key,
    rotate_key,
    visible_to,
)

__all__ = ["create_key", "resolve", "revoke_key", "rotate_key", "visible_to"]
