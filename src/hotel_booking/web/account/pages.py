"""The account's own pages: the guest's bookings, what is filled in for them when they book, and how they like
things."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.phone import is_read, phone_shown
from hotel_booking.domains.bookings.guest_bookings import GuestBooking, bookings_of
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.guests.service import details
from hotel_booking.domains.guests.service.details import Details, Preferences
from hotel_booking.http import cookies
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.language import COOKIE, countries
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, see_other
from hotel_booking.web.account.frame import account_page, again, before
from hotel_booking.web.account.messages import currencies, unread_phone
from hotel_booking.web.account.session import signed_in
from hotel_booking.web.site import CURRENCY, language_of, link

_DETAILS = "account/details.html"
_PREFERENCES = "account/preferences.html"
_YEAR = 365 * 24 * 3600


@get("/account", opt=public(), include_in_schema=False)
async def show_bookings(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """The guest's bookings, those to come first."""
    account = signed_in(request).account
    async with database.transaction() as tx:
        found = await bookings_of(tx, account, language_of(request))
    coming = [one for one in found if _is_to_come(one, now)]
    return account_page(
        request,
        "account/bookings.html",
        coming=sorted(coming, key=lambda one: (one.arrival, one.reference)),
        past=[one for one in found if one not in coming],
    )


def _is_to_come(booking: GuestBooking, now: datetime) -> bool:
    if booking.status == "held":
        return booking.hold_expires_at > now
    today = business_date(now, booking.timezone, booking.day_end_time)
    return booking.status in ("confirmed", "checked_in") and booking.departure >= today


@get("/account/details", opt=public(), include_in_schema=False)
async def show_details(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """Name, telephone, country and wishes."""
    account = signed_in(request).account
    form = await before(request, database, now) or Form.of(
        given_name=account.given_name,
        family_name=account.family_name,
        phone=phone_shown(account.phone),
        country=account.country,
        wishes=account.wishes,
    )
    return account_page(request, _DETAILS, form=form, countries=countries(language_of(request)))


@post("/account/details", opt=public(), include_in_schema=False, status_code=200)
async def save_details(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """Keep them for the next booking. Those of bookings that were made stay as they are."""
    account = signed_in(request).account
    form = await read(request)
    language = language_of(request)
    try:
        async with database.transaction() as tx:
            phone = await details.save_details(
                tx,
                account_id=account.id,
                details=Details(
                    form.value("given_name"),
                    form.value("family_name"),
                    form.value("phone"),
                    form.value("country"),
                    form.value("wishes").replace("\r\n", "\n"),
                ),
            )
    except DomainError as error:
        return await again(request, database, now, _DETAILS, form, error, countries=countries(language))
    notice = translations(language).gettext("Your details have been saved.")
    if phone and not is_read(phone):
        notice = Caution(f"{notice} {unread_phone(phone, language)}")
    return see_other(request, link(language, "account/details"), notice=notice)


@get("/account/preferences", opt=public(), include_in_schema=False)
async def show_preferences(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """Language, currency, and whether news may be sent."""
    account = signed_in(request).account
    form = await before(request, database, now) or Form.of(
        language=account.language, currency=account.currency, marketing=account.marketing
    )
    return account_page(request, _PREFERENCES, form=form, **await _choices(request, database))


@post("/account/preferences", opt=public(), include_in_schema=False, status_code=200)
async def save_preferences(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """Keep them, for this browser too."""
    account = signed_in(request).account
    form = await read(request)
    chosen = Preferences(form.value("language"), form.value("currency"), form.flag("marketing"))
    try:
        if chosen.currency and chosen.currency not in await _shown_in(request, database):
            form.wrong("currency", translations(language_of(request)).gettext("Please choose from the list."))
        form.check()
        async with database.transaction() as tx:
            await details.save_preferences(tx, account_id=account.id, preferences=chosen, now=now)
    except DomainError as error:
        shown = Form.of(language=chosen.language, currency=chosen.currency, marketing=chosen.marketing)
        shown.errors |= form.errors
        return await again(
            request, database, now, _PREFERENCES, shown, error, **await _choices(request, database)
        )
    # The page that comes next speaks the language that was chosen.
    notice = translations(chosen.language).gettext("Your preferences have been saved.")
    answer = see_other(request, link(chosen.language, "account/preferences"), notice=notice)
    answer.cookies.append(cookies.write(request.scope, COOKIE, chosen.language, seconds=_YEAR))
    seconds = _YEAR if chosen.currency else 0
    answer.cookies.append(cookies.write(request.scope, CURRENCY, chosen.currency, seconds=seconds))
    return answer


async def _choices(request: Request[Any, Any, State], database: Database) -> dict[str, Any]:
    return {
        "account": signed_in(request).account,
        "language_choices": list(LANGUAGES.items()),
        "currency_choices": currencies(await _shown_in(request, database), language_of(request)),
    }


async def _shown_in(request: Request[Any, Any, State], database: Database) -> set[str]:
    """The currencies that prices can also be shown in, and the one that was chosen before: it stays chosen,
    though its rate may have gone."""
    async with database.reading() as tx:
        rated = set(await exchange_rates(tx))
    chosen = signed_in(request).account.currency
    return rated | {chosen} if chosen else rated


handlers = [show_bookings, show_details, save_details, show_preferences, save_preferences]
