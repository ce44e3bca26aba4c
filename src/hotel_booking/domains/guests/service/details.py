"""What an account remembers: who its guest is, how they like it, and what they agreed to."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.iso_codes import check_country, check_currency
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.names import clean_name, clean_text
from hotel_booking.core.phone import phone_to_keep
from hotel_booking.domains.guests.errors import InvalidAccount
from hotel_booking.domains.guests.types import LONGEST_NAME

LONGEST_WISHES = 1000


class Details(msgspec.Struct, frozen=True):
    """What is filled in for the guest when they book. "" stands for nothing."""

    given_name: str = ""
    family_name: str = ""
    phone: str = ""
    country: str = ""
    wishes: str = ""


class Preferences(msgspec.Struct, frozen=True):
    """Language of mail and pages; the currency that prices are also shown in ("": each hotel's own); whether
    news and offers may be sent."""

    language: str
    currency: str = ""
    marketing: bool = False


async def save_details(tx: Transaction, *, account_id: int, details: Details) -> str | None:
    """The telephone number as it is kept. Raises `Invalid` with the field where a value cannot be right."""
    if details.country:
        check_country(details.country, error=InvalidAccount)
    wishes = clean_text(
        details.wishes, field="wishes", longest=LONGEST_WISHES, error=InvalidAccount, name="a wish"
    )
    phone = phone_to_keep(details.phone, details.country, error=InvalidAccount)
    await tx.execute(
        "UPDATE guest_account SET given_name = $2, family_name = $3, phone = $4, country = $5, wishes = $6"
        " WHERE id = $1",
        account_id,
        name_part(details.given_name, "given_name"),
        name_part(details.family_name, "family_name"),
        phone,
        details.country or None,
        wishes,
    )
    return phone


async def save_preferences(
    tx: Transaction, *, account_id: int, preferences: Preferences, now: datetime
) -> None:
    """When somebody agreed, or took it back, is kept; saving the same again changes nothing of it. Raises
    `InvalidAccount`."""
    if preferences.language not in LANGUAGES:
        raise InvalidAccount(
            "this language is not supported", field="language", fix="choose one from the list"
        )
    if preferences.currency:
        check_currency(preferences.currency, error=InvalidAccount)
    await tx.execute(
        "UPDATE guest_account SET language = $2, currency = $3, marketing = $4,"
        "       marketing_at = CASE WHEN marketing = $4 THEN marketing_at ELSE $5 END WHERE id = $1",
        account_id,
        preferences.language,
        preferences.currency or None,
        preferences.marketing,
        now,
    )


def name_part(text: str, field: str) -> str:
    """A name as it may be stored. Raises `InvalidAccount`."""
    return clean_name(text, field=field, longest=LONGEST_NAME, required=False, error=InvalidAccount)


async def remove(tx: Transaction, *, account_id: int) -> None:
    """Remove an account, with its passkeys and sessions. Its bookings are the bookings' to forget."""
    await tx.execute("DELETE FROM guest_account WHERE id = $1", account_id)
