"""Who a booking is for."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from hotel_booking.core.errors import Invalid

# Deliberately loose: the only proof of an address is a mail that arrives. One @, no blanks or control
# characters, a dot in the domain.
_EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+\.[^\s@\x00-\x1f]+")
_PHONE = re.compile(r"\+?[0-9 ()./-]{4,40}")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class GuestDetails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The guest as given at booking. `country` is an ISO 3166 alpha-2 code.

    Raises `Invalid` with the field where a value cannot be right.
    """

    given_name: Name
    family_name: Name
    email: Annotated[str, msgspec.Meta(max_length=254)]
    phone: str | None = None
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None

    def __post_init__(self) -> None:
        for field in ("given_name", "family_name"):
            value = getattr(self, field)
            if not value.strip() or not value.isprintable():
                raise Invalid("the name must have visible characters only", field=f"guest.{field}")
        if not _EMAIL.fullmatch(self.email):
            raise Invalid(
                "this is not an e-mail address", field="guest.email", fix="give one like name@example.com"
            )
        if self.phone is not None and not _PHONE.fullmatch(self.phone):
            raise Invalid(
                "a phone number has digits, blanks and + ( ) . / - only, 4 to 40 of them",
                field="guest.phone",
                fix="give one like +351 21 000 0000, or leave it out",
            )
