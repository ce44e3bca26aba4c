"""An error as a page for a guest: in their language, what happened and what to do, never a code alone."""

from __future__ import annotations

import gettext
from urllib.parse import quote

from litestar.types import Scope as AsgiScope

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.http import cookies
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.language import preferred
from hotel_booking.http.problems import Problem
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.web.browser import BROWSER
from hotel_booking.web.site import draw


def problem_page(scope: AsgiScope, problem: Problem, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """The headers and the body; `headers` are those that the error has anyway."""
    first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
    language = first if first in LANGUAGES else preferred(scope)
    texts = translations(language)
    headline, advice = _words(problem, texts)
    if problem.code == BookingNotFound.code and cookies.read(scope, BROWSER) is None:
        # Lost, or never taken: then no booking can be opened in it.
        advice = f"{advice} {texts.gettext('For that, your browser has to accept this site’s cookies.')}"
    if problem.code == BookingNotFound.code and scope.get("method") == "POST":
        undone = texts.gettext(
            "What you’ve just sent hasn’t been carried out: nothing has been changed or charged."
        )
        advice = f"{undone} {advice}"
    body = draw(
        scope,
        language,
        "problem_site.html",
        problem=problem,
        headline=headline,
        advice=advice,
        booking=_booking_of(scope),
    )
    page_headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": PAGE_POLICY,
        "content-language": language,
    }
    return {**headers, **page_headers}, body.encode()


def _booking_of(scope: AsgiScope) -> str:
    """Where the booking of the address is asked for, with its reference filled in."""
    parts = scope["path"].split("/")[2:4]
    known = len(parts) == 2 and parts[0] == "booking"
    return f"booking/{quote(parts[1][:20], safe='')}" if known else "booking"


def _words(problem: Problem, words: gettext.NullTranslations) -> tuple[str, str]:
    _ = words.gettext
    if problem.code == "closed_for_maintenance":
        return _("We’ll be back soon"), _(
            "Our booking site is closed for maintenance at the moment. Your bookings are safe, and rooms "
            "that are being held for you stay held until we’re back."
        )
    if problem.code == BookingNotFound.code:
        return _("We can’t open this booking here"), _(
            "If you’ve already booked, use the link in your email, or find your booking with its reference "
            "and your email address."
        )
    match problem.status:
        case 404 | 405:
            return _("This page does not exist"), _(
                "The address may be mistyped, or the page may have moved. Search for a room, or start over."
            )
        case 401 | 403:
            return _("You don’t have access to this page"), _(
                "If the page asked you for details, please open it again and send the form from there."
            )
        case 429:
            return _("One moment, please"), _("That was a lot at once. Please wait a minute, then try again.")
        case 503:
            return _("One moment, please"), _(
                "We can’t respond right now. Nothing has been changed or charged. Please try again in a "
                "minute."
            )
        case status if status < 500:
            return _("We couldn’t read that"), _("Please go back, check what you’ve entered and try again.")
    return _("Something went wrong on our side"), _(
        "We’ve made a note of it, and nothing has been lost. Please try again; if it happens again, let us "
        "know the number below."
    )
