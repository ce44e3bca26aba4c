"""Who a booking is for, as typed into a form of the site: read by the rules for names, addresses and numbers
of people, and everything that is wrong said at once, beside its field."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.core import bidi
from hotel_booking.core.email_address import read_email
from hotel_booking.core.errors import Invalid
from hotel_booking.core.names import clean_name, clean_text, has_unshown
from hotel_booking.core.phone import is_read, phone_shown, phone_to_keep
from hotel_booking.domains.bookings.service.hold import LONGEST_REQUESTS, LONGEST_ROOM_GUEST
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import LONGEST_NAME, Account, GuestDetails
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.language import countries
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import Caution
from hotel_booking.web.account.messages import longest_name, longest_text, no_phone, unread_phone
from hotel_booking.web.i18n.refused_texts import not_shown
from hotel_booking.web.site import language_of

FIELDS = {"given_name": 100, "family_name": 100, "email": 254, "phone": 40, "country": 2}
"""What a guest is asked for, and the longest text of each."""


def as_typed(who: Account | Booking) -> dict[str, str]:
    """What is known of somebody as they would type it into the form."""
    return {name: getattr(who, name) or "" for name in FIELDS} | {"phone": phone_shown(who.phone)}


def guest_of(request: Request[Any, Any, State], form: Form) -> GuestDetails:
    """Who it is, as typed. What cannot be right stands beside its field; a telephone number that cannot be
    read stays as it is, an unknown country is left out. Raises `FormProblems`."""
    language = language_of(request)
    _ = translations(language).gettext
    message = longest_name(LONGEST_NAME, language)
    values: dict[str, str] = {}
    for name in ("given_name", "family_name"):
        read = partial(clean_name, field=name, longest=LONGEST_NAME)
        values[name] = _read(request, form, name, _("Please fill this in."), message, read)
    values["email"] = _read(
        request,
        form,
        "email",
        _("Please fill this in."),
        _("We can’t send email to this address. Please check it."),
        read_email,
    )
    country = form.value("country").strip().upper()
    known = country if country in dict(countries(language)) else None
    _read(request, form, "phone", "", no_phone(language), lambda typed: phone_to_keep(typed, known) or "")
    form.check()
    return GuestDetails(**values, phone=form.value("phone").strip() or None, country=known)


def room_guests(request: Request[Any, Any, State], form: Form, rooms: int) -> list[str | None]:
    """The names of the rooms' guests (`guest-1` and on), None where there is none."""
    message = longest_name(LONGEST_ROOM_GUEST, language_of(request))
    names: list[str | None] = []
    for number in range(1, rooms + 1):
        field = f"guest-{number}"
        read = partial(clean_name, field=field, longest=LONGEST_ROOM_GUEST, required=False)
        names.append(_read(request, form, field, "", message, read) or None)
    return names


def wishes(request: Request[Any, Any, State], form: Form) -> str | None:
    """What the guest asks for."""
    message = longest_text(LONGEST_REQUESTS, language_of(request))
    read = partial(clean_text, field="requests", longest=LONGEST_REQUESTS)
    return _read(request, form, "requests", "", message, read) or None


def about_phone(request: Request[Any, Any, State], given: GuestDetails, kept: str | None) -> Caution | None:
    """What is said of a telephone number that was kept as it was typed, or read as one of the hotel's country
    because the guest named none; None where it was read as it stands."""
    if not kept or (is_read(kept) and kept == given.phone):
        return None
    if not is_read(kept):
        return Caution(unread_phone(kept, language_of(request)))
    said = translations(language_of(request)).gettext(
        "We’ve read your telephone number as one in the hotel’s country: {number}. "
        "If that’s wrong, please correct your details."
    )
    way = bidi.LEFT_TO_RIGHT  # as numbers are written in any language
    return Caution(said.format(number=f"{way}{phone_shown(kept)}{bidi.END}"))


def _read(
    request: Request[Any, Any, State],
    form: Form,
    field: str,
    missing: str,
    wrong: str,
    read: Callable[[str], str],
) -> str:
    text = form.value(field)
    if missing and not text.strip():
        form.wrong(field, missing)
        return ""
    try:
        return read(text.strip())
    except Invalid:
        unshown = has_unshown(text)
        form.wrong(field, not_shown(language_of(request)) if unshown else wrong)
        return ""
