"""Who a booking is for, and the accounts of guests."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Annotated

import msgspec

from hotel_booking.core.errors import Invalid

# Deliberately loose: the only proof of an address is a mail that arrives. One @, no blanks or control
# characters, a dot in the domain.
_EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+\.[^\s@\x00-\x1f]+")
_PHONE = re.compile(r"\+?[0-9 ()./-]{4,40}")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


def normal_email(text: str, *, field: str = "email") -> str:
    """The one form in which an account's address is kept and compared. Raises `Invalid`."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    if len(email) > 254 or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Invalid("this is not an e-mail address", field=field, fix="give one like name@example.com")
    return email


def phone_number(text: str, *, field: str = "phone") -> str | None:
    """A telephone number as it may be stored; None where there is none. Raises `Invalid`."""
    text = text.strip()
    if text and not _PHONE.fullmatch(text):
        raise _no_phone(field)
    return text or None


def _no_phone(field: str) -> Invalid:
    return Invalid(
        "a phone number has digits, blanks and + ( ) . / - only, 4 to 40 of them",
        field=field,
        fix="give one like +351 21 000 0000, or leave it out",
    )


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's account. Its address was proved by a mail that arrived there."""

    id: int
    email: str
    email_verified_at: datetime
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
    marketing_at: datetime | None
    created_at: datetime
    password_changed_at: datetime | None

    @property
    def name(self) -> str:
        """As a message begins; the address before its @ where no name was given."""
        return f"{self.given_name} {self.family_name}".strip() or self.email.partition("@")[0]


class GuestSession(msgspec.Struct, frozen=True):
    """A session that a request carries. `confirmed_at`: when the guest last proved who they are."""

    id: int
    account: Account
    confirmed_at: datetime


class OpenGuestSession(msgspec.Struct, frozen=True):
    """A session as its owner sees it."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str


class GuestPasskey(msgspec.Struct, frozen=True):
    """A passkey as its owner sees it."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


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
            raise _no_phone("guest.phone")
