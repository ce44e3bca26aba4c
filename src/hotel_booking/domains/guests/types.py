"""Who a booking is for, and the accounts of guests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec.structs import force_setattr

from hotel_booking.core.email_address import email_key, read_email
from hotel_booking.core.iso_codes import check_country
from hotel_booking.core.names import clean_name, full_name
from hotel_booking.core.phone import phone_to_keep

LONGEST_NAME = 100
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


def normal_email(text: str, *, field: str = "email") -> str:
    """The one form in which an account's address is kept and compared. Raises `Invalid`."""
    return email_key(read_email(text, field=field))


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's account. Its address was proved by a mail that arrived there."""

    id: int
    email: str
    has_password: bool
    passkeys: int
    given_name: str
    family_name: str
    phone: str | None
    country: str | None
    wishes: str
    language: str
    currency: str | None
    marketing: bool
    created_at: datetime
    password_changed_at: datetime | None

    @property
    def name(self) -> str:
        """As a message begins; empty where none was given."""
        return full_name(self.given_name, self.family_name)


class GuestSession(msgspec.Struct, frozen=True):
    """A session that a request carries. `confirmed_at`: when the guest last proved who they are."""

    id: int
    account: Account
    confirmed_at: datetime | None


class GuestDetails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The guest as given at booking, in the form in which it is kept (`core.names`, `core.email_address`,
    `core.phone`). `country` is an ISO 3166 alpha-2 code. A telephone number is read as one of that country
    where it names none itself; one that cannot be read stays as it is; words are none.

    Raises `Invalid` with the field where a value cannot be right.
    """

    given_name: Name
    family_name: Name
    email: Annotated[str, msgspec.Meta(max_length=254)]
    phone: str | None = None
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None

    def __post_init__(self) -> None:
        for field in ("given_name", "family_name"):
            name = clean_name(getattr(self, field), field=f"guest.{field}", longest=LONGEST_NAME)
            force_setattr(self, field, name)
        force_setattr(self, "email", self._address())
        if self.country is not None:
            check_country(self.country, field="guest.country")
        force_setattr(self, "phone", phone_to_keep(self.phone, self.country, field="guest.phone"))

    def reached_in(self, country: str | None) -> GuestDetails:
        """The same guest, whose telephone number may be one of this country where it names none and is none
        of their own."""
        return msgspec.structs.replace(self, phone=phone_to_keep(self.phone, self.country, country))

    def _address(self) -> str:
        return read_email(self.email, field="guest.email")


class DeskGuest(GuestDetails, frozen=True):
    """A guest as the desk writes them down: one who has no e-mail address, or gives none, has an empty one,
    and gets no mail. A made-up one would be somebody else's."""

    def _address(self) -> str:
        return super()._address() if self.email.strip() else ""
