"""Which bookings a browser may open. See docs/decisions/0033-what-a-browser-owns.md.

A browser is known by a random name in one cookie; what it owns stands in a table, so that any number of tabs
add to it at once. Besides, each of the latest bookings has a signed cookie of its own, which opens it without
the table: a link in a mail sets nothing else, for a GET writes nothing. None overwrites another's.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.links import is_good, signature
from hotel_booking.domains.bookings import browsers, guest_bookings
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.names import booking_in
from hotel_booking.domains.bookings.queries import booking_by_id, id_of_reference, ids_of_references
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.http import cookies
from hotel_booking.web.account.session import current_guest
from hotel_booking.web.browser import BROWSER, SECONDS, browser_of, named
from hotel_booking.web.site import language_of

_BOOKING = "hotel_booking_"  # and the reference without its dash
# So many bookings have a cookie of their own, about 60 bytes each; the table has the others.
_MOST_COOKIES = 12
# The one cookie with all references, as it was set until the release of 2026-11; it lapses by itself.
_OLD_LIST = "hotel_bookings"
# Where no key is set (never in production) the cookies' rights end with the process.
_PASSING_KEY = secrets.token_urlsafe(32)


async def remember(
    request: Request[Any, Any, State],
    tx: Transaction,
    answer: Response[Any],
    *,
    booking_id: UUID,
    reference: str,
    now: datetime,
) -> bytes:
    """This browser, which is returned, opens the booking from now on, besides those it opens already."""
    browser = named(request, answer)
    if browser == browser_of(request):  # its cookie lives as long as what was remembered last
        name = cookies.read(request.scope, BROWSER) or ""
        answer.cookies.append(cookies.write(request.scope, BROWSER, name, seconds=SECONDS))
    await browsers.remember(tx, browser=browser, booking_id=booking_id, now=now)
    remember_by_cookie(request, answer, reference, now)
    return browser


def remember_by_cookie(
    request: Request[Any, Any, State], answer: Response[Any], reference: str, now: datetime
) -> None:
    """The same by the booking's own cookie alone, which writes nothing here: for a mail's link."""
    plain, at = reference.replace("-", ""), int(now.timestamp() * 1000)
    token = signature(_key(request), _signed_text(plain, at))
    answer.cookies.append(cookies.write(request.scope, _BOOKING + plain, f"{at}.{token}", seconds=SECONDS))
    others = sorted(((since, one) for one, since in _held(request, now) if one != plain), reverse=True)
    for _, old in others[_MOST_COOKIES - 1 :]:
        answer.cookies.append(cookies.write(request.scope, _BOOKING + old, "", seconds=0))


def link_is_good(request: Request[Any, Any, State], reference: str, token: str) -> bool:
    """Whether a mail's link was made for this booking."""
    return is_good(request.app.state.settings.secret_key, f"/booking/{reference}", token)


async def own_ids(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> list[UUID]:
    """The bookings that this browser opens, the latest first."""
    browser = browser_of(request)
    found = await browsers.ids_of(tx, browser=browser, now=now) if browser is not None else []
    by_cookie = _references(request, now)
    more = await ids_of_references(tx, by_cookie) if by_cookie else []
    return list(dict.fromkeys([*found, *more]))


async def opens(
    request: Request[Any, Any, State], tx: Transaction, booking_id: UUID, reference: str, now: datetime
) -> bool:
    """Whether whoever asks may open the booking: by this browser, or by the account that it is in."""
    if reference in _references(request, now):
        return True
    browser, account = browser_of(request), current_guest(request)
    if browser is not None and await browsers.may_open(tx, browser=browser, booking_id=booking_id, now=now):
        return True
    return account is not None and await guest_bookings.may_open(tx, account, booking_id)


async def open_own(
    request: Request[Any, Any, State], tx: Transaction, reference: str, now: datetime
) -> Booking:
    """The booking, for the browser that owns it and for the guest whose account it is in. Raises
    `BookingNotFound` for anybody else, as if there were no booking."""
    normal = normalise(reference)
    booking_id = await id_of_reference(tx, normal) if normal is not None else None
    if normal is None or booking_id is None or not await opens(request, tx, booking_id, normal, now):
        raise BookingNotFound("there is no such booking")
    return await booking_in(tx, await booking_by_id(tx, booking_id), language_of(request))


def _references(request: Request[Any, Any, State], now: datetime) -> list[str]:
    """The bookings that a cookie opens, the latest first, in their one form."""
    own = sorted(((at, one) for one, at in _held(request, now)), reverse=True)
    old, _, token = (cookies.read(request.scope, _OLD_LIST) or "").rpartition(".")
    listed = old.split("-") if old and is_good(_key(request), f"browser:{_OLD_LIST}:{old}", token) else []
    found = (normalise(text) for text in (*(one for _, one in own), *listed))
    return list(dict.fromkeys(reference for reference in found if reference is not None))


def _held(request: Request[Any, Any, State], now: datetime) -> list[tuple[str, int]]:
    """Each booking's own cookie that is good: the reference without its dash, and when it was set, in
    milliseconds."""
    found = []
    for name, value in cookies.starting(request.scope, _BOOKING).items():
        at, _, token = value.partition(".")
        plain = name.removeprefix(_BOOKING)
        if not (at.isascii() and at.isdecimal() and len(at) < 15):
            continue
        lapses = int(at) / 1000 + SECONDS
        if lapses > now.timestamp() and is_good(_key(request), _signed_text(plain, int(at)), token):
            found.append((plain, int(at)))
    return found


def _key(request: Request[Any, Any, State]) -> str:
    key: str | None = request.app.state.settings.secret_key
    return key or _PASSING_KEY


def _signed_text(plain: str, at: int) -> str:
    # Not the path of the mails' links: a cookie is no link, and a link no cookie.
    return f"browser:{_BOOKING}{plain}:{at}"


async def reread(request: Request[Any, Any, State], tx: Transaction, booking: Booking) -> Booking:
    """The booking as it is now, with its names in the page's language."""
    return await booking_in(tx, await booking_by_id(tx, booking.id), language_of(request))
