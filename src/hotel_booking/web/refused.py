"""A form that was refused: its sender is sent to the form's own page, which says why. So the page can be
loaded anew and come back to, also without scripts, where a browser would ask whether to send the form once
more, or show an error of its own.

    refused = await sent_back(request, tx, page, form, error, now)     in the form's handler; None: draw it
    form = await refused_before(request, tx, now, words) or Form.of()  in the page's

The address has nothing but the code of the reason. What was typed, never a password, and what is wrong with
it is kept for the browser and is shown for half an hour. A browser without a name takes no cookies: it is
answered at once. Whoever writes such an address by hand reads a sentence that the page may say anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import LockedOut
from hotel_booking.domains.bookings import browsers
from hotel_booking.http.ui.forms import Form, FormProblems
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.browser import browser_of
from hotel_booking.web.site import language_of

Words = Callable[[str, str, int], str]
"""The sentence for an error: its code, the field it belongs to ("" for the whole form), and how many seconds
are to be waited."""

SHOWN_FOR = timedelta(minutes=30)
_ASKED = "refused"
_LONGEST = 40  # of a code
_SECRET = frozenset({"password", "credential"})
# Characters of a field that are kept: more than are taken, so that what was too long still is.
_LONGEST_TYPED, _LONGEST_TEXT = 300, 5000
_TEXTS = frozenset({"text", "wishes"})
_MOST_FIELDS, _LONGEST_NAME = 12, 40
_MOST_BYTES = 24_000  # of all that was typed; the row takes 32 KB


class _Kept(msgspec.Struct, frozen=True):
    """A form that was refused. `part` tells the forms of one page apart."""

    language: str
    code: str
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    part: str = "form"
    until: datetime | None = None


def sent_to(request: Request[Any, Any, State], to: str, code: str) -> Response[Any]:
    """To the page of the form at `to`, which may have a query, and says there why it was refused. In the
    access log and in what is counted it stays what was refused."""
    request.scope["state"] |= {"code": code, "refused": True}
    return see_other(request, f"{to}{'&' if '?' in to else '?'}{_ASKED}={code}")


def reason_of(request: Request[Any, Any, State]) -> str:
    """The code of the reason why the form of this page was refused last; empty where it was not."""
    return request.query_params.get(_ASKED, "")[:_LONGEST]


async def sent_back(
    request: Request[Any, Any, State],
    tx: Transaction,
    to: str,
    form: Form,
    error: DomainError,
    now: datetime,
    *,
    part: str = "form",
) -> Response[Any] | None:
    """To the page at `to`, where the form is shown as it was typed, with its errors. None for a browser
    without a name, for which nothing can be kept."""
    browser = browser_of(request)
    if browser is None:
        return None
    kept = _Kept(
        language=language_of(request),
        code=error.code,
        values=_values(form),
        errors=form.errors,
        part=part,
        until=now + timedelta(seconds=error.retry_after) if isinstance(error, LockedOut) else None,
    )
    await browsers.keep_draft(tx, browser=_of_page(browser, to), details=msgspec.to_builtins(kept), now=now)
    return sent_to(request, to, error.code)


def _values(form: Form) -> dict[str, str]:
    """What was typed, as far as there is space for it."""
    found: dict[str, str] = {}
    left = _MOST_BYTES
    for name in form.names()[:_MOST_FIELDS]:
        if name in _SECRET or len(name) > _LONGEST_NAME:
            continue
        text = form.value(name).replace("\x00", "")[: _LONGEST_TEXT if name in _TEXTS else _LONGEST_TYPED]
        found[name] = text.encode("utf-8", "ignore")[:left].decode("utf-8", "ignore")
        left -= len(found[name].encode())
    return found


async def refused_before(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, words: Words, *, part: str = "form"
) -> Form | None:
    """The form of this page as it was sent last, with why it was refused; None where it was not, or it was
    another one of the page. Texts that were kept in another language are written anew by `words`."""
    code, browser = reason_of(request), browser_of(request)
    if not code:
        return None
    found = None
    if browser is not None:
        key = _of_page(browser, request.scope["path"])
        found = await browsers.draft_of(tx, browser=key, now=now, kept_for=SHOWN_FOR)
    if found is None:
        if part != "form" or code == FormProblems.code:
            return None
        form = Form.of()
        form.errors[""] = words(code, "", 0)
        return form
    kept = msgspec.convert(found, _Kept)
    if kept.part != part:
        return None
    form = Form({name: [text] for name, text in kept.values.items()})  # whatever its fields are called
    wait = int((kept.until - now).total_seconds()) if kept.until is not None else 0
    if kept.until is not None and wait <= 0:
        return form
    anew = kept.until is not None or kept.language != language_of(request)
    form.errors |= {
        field: words(kept.code, field, wait) if anew else kept.errors[field] for field in kept.errors
    }
    return form


def _of_page(browser: bytes, page: str) -> bytes:
    """What a browser's form of a page is kept under; the page is the same one in every language."""
    inner = urlsplit(page).path.split("/", 2)[2]
    return sha256(browser + inner.encode()).digest()
