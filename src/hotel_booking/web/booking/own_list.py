"""The bookings of whoever is here, as a list: this browser's and the account's; and for who has lost the
references, the list of an address by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.service import link_requests
from hotel_booking.domains.bookings.guest_bookings import GuestBooking, ids_of, list_bookings
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.signing_in import status_of, wait
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.account.frame import PRIVATE
from hotel_booking.web.account.mailed_links import address_to_mail
from hotel_booking.web.account.messages import failed
from hotel_booking.web.account.session import current_guest
from hotel_booking.web.booking.ownership import own_ids
from hotel_booking.web.browser import named
from hotel_booking.web.refused import sent_back
from hotel_booking.web.site import language_of, link, site


async def own_list(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> list[GuestBooking]:
    """The bookings that this browser opens and those of the account that is signed in, each once, the last
    to arrive first."""
    ids = await own_ids(request, tx, now)
    account = current_guest(request)
    if account is not None:
        ids += await ids_of(tx, account)
    return await list_bookings(tx, list(dict.fromkeys(ids)), language_of(request)) if ids else []


async def find_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    now: datetime,
    form: Form,
    *,
    lost: Form | None = None,
    status: int = 200,
) -> Response[Any]:
    """The list of one's own bookings, and the two ways to others: by reference, by mail."""
    answer = site(
        request,
        "manage/find.html",
        status=status,
        headers=PRIVATE,
        form=form,
        lost=lost or Form.of(),
        own=await own_list(request, tx, now),
    )
    if request.method == "GET":
        named(request, answer)
    return answer


@post("/booking/lost", opt=public(), include_in_schema=False)
async def mail_list(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """Mail the address its bookings. The answer and its work are the same whether there are any: a job
    looks."""
    form = await read(request)
    language = language_of(request)
    try:
        email = await address_to_mail(request, database, form, now)
        if email is not None:
            async with database.transaction() as tx:
                await link_requests.note(
                    tx, kind="bookings", email=email, language=language, pages={}, now=now
                )
    except DomainError as error:
        failed(form, error, language)
        async with database.transaction() as tx:
            page = link(language, "booking")
            answer = await sent_back(request, tx, page, form, error, now, part="lost")
            if answer is None:
                answer = await find_page(request, tx, now, Form.of(), lost=form, status=status_of(error))
        return wait(answer, error)
    notice = translations(language).gettext(
        "If there are any bookings with this address, we’ll email you a list shortly."
    )
    return see_other(request, link(language, "booking"), notice=notice)


@get("/booking/lost", opt=public(), include_in_schema=False, sync_to_thread=False)
def show_lost(request: Request[Any, Any, State]) -> Response[Any]:
    """Where that form was sent to: reloaded, it is the page that it stands on."""
    return see_other(request, link(language_of(request), "booking"))


handlers = [mail_list, show_lost]
