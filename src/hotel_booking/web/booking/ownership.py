"""Which bookings a browser may open. See docs/decisions/0033-what-a-browser-owns.md.

A browser is known by a random name in one cookie; what it owns stands in a table, so that any number of tabs
add to it at once. Besides, each of the latest bookings has a signed cookie of its own, which opens it without
the table: a link in a mail sets nothing else, for a GET writes nothing. None overwrites another's.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.links import for_reader, is_good, signature
from hotel_booking.domains.bookings import browsers, guest_bookings
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.names import booking_in
from hotel_booking.domains.bookings.queries import Written, booking_by_id, written, written_elsewhere
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


class _Cookie(NamedTuple):
    """A booking's own cookie: the reference without its dash, and when it was set, in milliseconds."""

    plain: str
    at: int
    token: str


async def remember(
    request: Request[Any, Any, State],
    tx: Transaction,
    answer: Response[Any],
    *,
    booking: Booking,
    now: datetime,
) -> bytes:
    """This browser, which is returned, opens the booking from now on, besides those it opens already."""
    browser = named(request, answer)
    if browser == browser_of(request):  # its cookie lives as long as what was remembered last
        name = cookies.read(request.scope, BROWSER) or ""
        answer.cookies.append(cookies.write(request.scope, BROWSER, name, seconds=SECONDS))
    await browsers.remember(tx, browser=browser, booking_id=booking.id, now=now)
    remember_by_cookie(request, answer, booking, now)
    return browser


def remember_by_cookie(
    request: Request[Any, Any, State], answer: Response[Any], booking: Booking, now: datetime
) -> None:
    """The same by the booking's own cookie alone, which writes nothing here: for a mail's link. It is good
    for as long as the guest has the address."""
    plain, at = booking.reference.replace("-", ""), int(now.timestamp() * 1000)
    token = signature(_key(request), _signed_text(plain, at, booking.email))
    answer.cookies.append(cookies.write(request.scope, _BOOKING + plain, f"{at}.{token}", seconds=SECONDS))
    others = sorted(((one.at, one.plain) for one in _held(request, now) if one.plain != plain), reverse=True)
    for _, old in others[_MOST_COOKIES - 1 :]:
        answer.cookies.append(cookies.write(request.scope, _BOOKING + old, "", seconds=0))


async def link_is_good(
    request: Request[Any, Any, State], tx: Transaction, booking: Booking, token: str
) -> bool:
    """Whether a mail's link was made for this booking and the address that its guest has now."""
    key, path = request.app.state.settings.secret_key, f"/booking/{booking.reference}"
    if is_good(key, for_reader(path, booking.email), token):
        return True
    # As links were signed until the release of 2026-12, which did not say for whom.
    return is_good(key, path, token) and not await written_elsewhere(tx, booking.id)


async def own_ids(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> list[UUID]:
    """The bookings that this browser opens, the latest first."""
    browser = browser_of(request)
    found = await browsers.ids_of(tx, browser=browser, now=now) if browser is not None else []
    by_cookie = _references(request, now)
    named = await written(tx, by_cookie) if by_cookie else []
    more = [booking.id for booking in named if await _by_cookie(request, tx, booking, now)]
    return list(dict.fromkeys([*found, *more]))


async def opens(request: Request[Any, Any, State], tx: Transaction, booking: Written, now: datetime) -> bool:
    """Whether whoever asks may open the booking: by this browser, or by the account that it is in."""
    if await _by_cookie(request, tx, booking, now):
        return True
    browser, account = browser_of(request), current_guest(request)
    if browser is not None and await browsers.may_open(tx, browser=browser, booking_id=booking.id, now=now):
        return True
    return account is not None and await guest_bookings.may_open(tx, account, booking.id)


async def open_own(
    request: Request[Any, Any, State], tx: Transaction, reference: str, now: datetime
) -> Booking:
    """The booking, for the browser that owns it and for the guest whose account it is in. Raises
    `BookingNotFound` for anybody else, as if there were no booking."""
    normal = normalise(reference)
    for booking in await written(tx, [normal]) if normal is not None else ():
        if await opens(request, tx, booking, now):
            return await booking_in(tx, await booking_by_id(tx, booking.id), language_of(request))
    raise BookingNotFound("there is no such booking")


def _references(request: Request[Any, Any, State], now: datetime) -> list[str]:
    """The bookings that have a cookie here, the latest first, in their one form."""
    own = sorted(((one.at, one.plain) for one in _held(request, now)), reverse=True)
    found = (normalise(text) for text in (*(plain for _, plain in own), *_listed(request)))
    return list(dict.fromkeys(reference for reference in found if reference is not None))


async def _by_cookie(
    request: Request[Any, Any, State], tx: Transaction, booking: Written, now: datetime
) -> bool:
    """Whether a cookie opens the booking: one that was set when its guest had the address that they have."""
    key, plain = _key(request), booking.reference.replace("-", "")
    held = [one for one in _held(request, now) if one.plain == plain]
    if any(is_good(key, _signed_text(plain, one.at, booking.email), one.token) for one in held):
        return True
    # As cookies were until the release of 2026-12, which did not say for whom.
    before = any(is_good(key, _unaddressed(plain, one.at), one.token) for one in held)
    return (before or plain in _listed(request)) and not await written_elsewhere(tx, booking.id)


def _listed(request: Request[Any, Any, State]) -> list[str]:
    old, _, token = (cookies.read(request.scope, _OLD_LIST) or "").rpartition(".")
    return old.split("-") if old and is_good(_key(request), f"browser:{_OLD_LIST}:{old}", token) else []


def _held(request: Request[Any, Any, State], now: datetime) -> list[_Cookie]:
    """Each booking's own cookie that is not over; whether it is good shows with the booking's address."""
    found = []
    for name, value in cookies.starting(request.scope, _BOOKING).items():
        at, _, token = value.partition(".")
        plain = name.removeprefix(_BOOKING)
        if not (at.isascii() and at.isdecimal() and len(at) < 15):
            continue
        lapses = int(at) / 1000 + SECONDS
        if lapses > now.timestamp():
            found.append(_Cookie(plain, int(at), token))
    return found


def _key(request: Request[Any, Any, State]) -> str:
    key: str | None = request.app.state.settings.secret_key
    return key or _PASSING_KEY


def _signed_text(plain: str, at: int, email: str) -> str:
    return for_reader(_unaddressed(plain, at), email)


def _unaddressed(plain: str, at: int) -> str:
    # Not the path of the mails' links: a cookie is no link, and a link no cookie.
    return f"browser:{_BOOKING}{plain}:{at}"


async def reread(request: Request[Any, Any, State], tx: Transaction, booking: Booking) -> Booking:
    """The booking as it is now, with its names in the page's language."""
    return await booking_in(tx, await booking_by_id(tx, booking.id), language_of(request))
