"""A form of the checkout that was refused (see `web/refused.py`): what was typed is kept for all of its pages
(`quotes.keep_typed`), and read again where its page says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.errors import DomainError
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form, FormProblems
from hotel_booking.web.booking.messages import code_of, why_of
from hotel_booking.web.refused import reason_of, sent_to
from hotel_booking.web.site import language_of


def back_to(request: Request[Any, Any, State], to: str, error: DomainError) -> Response[Any]:
    """To the page of the form at `to`, which may have a query, and says there why it was refused."""
    return sent_to(request, to, code_of(error))


def with_reason(
    request: Request[Any, Any, State], form: Form, check: Callable[[Form], object], rooms: int
) -> Form:
    """What was typed with why it was refused, as the address has it. `check` reads the fields and notes what
    is wrong with them, or raises; it is about so many `rooms`."""
    code = reason_of(request)
    if code == FormProblems.code:
        with suppress(FormProblems):
            check(form)
    elif code:
        form.errors[""] = why_of(code, translations(language_of(request)), rooms)
    return form
