"""What all pages of the account share: they are kept by nobody, show a form once more with what is wrong, and
mail the owner what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.guests import mail
from hotel_booking.domains.guests.queries import account_by_id
from hotel_booking.http.signing_in import status_of, wait
from hotel_booking.http.ui.forms import Form
from hotel_booking.web.account.messages import failed, reworded
from hotel_booking.web.browser import named
from hotel_booking.web.refused import reason_of, refused_before, sent_back
from hotel_booking.web.site import language_of, page_path, site

PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def account_page(
    request: Request[Any, Any, State], template: str, /, *, status: int = 200, **values: Any
) -> Response[Any]:
    """A page of the account: kept by nobody, and telling no other site where one was. The browser gets a
    name, by which a form of the page that is refused is kept for it."""
    answer = site(request, template, status=status, headers=PRIVATE, **values)
    if request.method == "GET":
        named(request, answer)
    return answer


async def again(
    request: Request[Any, Any, State],
    database: Database,
    now: datetime,
    template: str,
    form: Form,
    error: DomainError,
    /,
    *,
    page: str = "",
    part: str = "form",
    **values: Any,
) -> Response[Any]:
    """The form once more, with what is wrong: at its page, which is the nearest to where it was sent unless
    `page` is another, or at once for a browser without a name. `part` is what the page calls the form."""
    failed(form, error, language_of(request))
    async with database.transaction() as tx:
        answer = await sent_back(request, tx, page or page_path(request.scope), form, error, now, part=part)
    if answer is None:
        answer = account_page(request, template, status=status_of(error), **{part: form}, **values)
    return wait(answer, error)


async def before(
    request: Request[Any, Any, State], database: Database, now: datetime, *, part: str = "form"
) -> Form | None:
    """The form of this page as it was sent and refused; None where it was not."""
    if not reason_of(request):
        return None
    async with database.transaction() as tx:
        return await refused_before(request, tx, now, reworded(language_of(request)), part=part)


async def tell(database: Database, account_id: int, what: str, now: datetime) -> None:
    """The owner of an account hears by mail what happened to it, whoever did it."""
    async with database.transaction() as tx:
        account = await account_by_id(tx, account_id)
        if account is not None:
            await mail.send_notice(tx, account, what=what, now=now)
