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
from hotel_booking.web.account.messages import failed
from hotel_booking.web.site import language_of, site

PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def account_page(
    request: Request[Any, Any, State], template: str, /, *, status: int = 200, **values: Any
) -> Response[Any]:
    """A page of the account: kept by nobody, and telling no other site where one was."""
    return site(request, template, status=status, headers=PRIVATE, **values)


def again(
    request: Request[Any, Any, State], template: str, form: Form, error: DomainError, /, **values: Any
) -> Response[Any]:
    """The form once more, with what is wrong."""
    answer = account_page(
        request,
        template,
        status=status_of(error),
        form=failed(form, error, language_of(request)),
        **values,
    )
    return wait(answer, error)


async def tell(database: Database, account_id: int, what: str, now: datetime) -> None:
    """The owner of an account hears by mail what happened to it, whoever did it."""
    async with database.transaction() as tx:
        account = await account_by_id(tx, account_id)
        if account is not None:
            await mail.send_notice(tx, account, what=what, now=now)
