"""A form of the checkout that was refused: its sender is sent to the form's own page, which says why. So the
page can be loaded anew and come back to, also without scripts, where a browser would ask whether to send the
form once more, or show an error of its own.

What was typed is kept for the browser (`quotes.keep_typed`); the address has nothing but the code of the
reason. Whoever writes such an address by hand reads a sentence that the page may say anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.errors import DomainError
from hotel_booking.domains.payments.errors import PaymentNeverMade
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form, FormProblems
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.booking.messages import NEVER_MADE, why_of
from hotel_booking.web.site import language_of

_ASKED = "refused"
_LONGEST = 40  # of a code


def sent_back(request: Request[Any, Any, State], to: str, error: DomainError) -> Response[Any]:
    """To the page of the form at `to`, which may have a query, and says there why it was refused."""
    code = NEVER_MADE if isinstance(error, PaymentNeverMade) else error.code
    return see_other(request, f"{to}{'&' if '?' in to else '?'}{_ASKED}={code}")


def reason_of(request: Request[Any, Any, State]) -> str:
    """The code of the reason why the form of this page was refused last; empty where it was not."""
    return request.query_params.get(_ASKED, "")[:_LONGEST]


def with_reason(request: Request[Any, Any, State], form: Form, check: Callable[[Form], object]) -> Form:
    """What was typed with why it was refused, as the address has it. `check` reads the fields and notes what
    is wrong with them, or raises."""
    code = reason_of(request)
    if code == FormProblems.code:
        with suppress(FormProblems):
            check(form)
    elif code:
        form.errors[""] = why_of(code, translations(language_of(request)))
    return form
