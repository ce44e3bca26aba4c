"""An error as a page for a person."""

from __future__ import annotations

import re

from litestar.types import Scope as AsgiScope

from hotel_booking.http.problems import NoSuchAddress, Problem, WrongMethod
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui.render import render

_HEADLINES = {
    400: "We couldn’t read that",
    401: "Please sign in",
    403: "You don’t have access to this",
    404: "Page not found",
    405: "There is no page here",
    409: "That isn’t possible right now",
    413: "That is too large",
    422: "Please check what you entered",
    429: "Too many requests",
    503: "One moment, please",
}


# What a form was sent to has often no page of its own, and an address is mistyped at its end; whoever opens
# it wants what it is about.
_ABOUT = re.compile(r"/admin/(?:bookings|properties|incidents)/[\w-]+(?=/)")


def problem_page(scope: AsgiScope, problem: Problem, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """The headers and the body; `headers` are those that the error has anyway."""
    headline = _HEADLINES.get(problem.status, "Something went wrong")
    strayed = problem.code in (NoSuchAddress.code, WrongMethod.code)
    about = _ABOUT.match(scope["path"]) if strayed else None
    text = render(
        scope, "problem.html", problem=problem, headline=headline, about=about[0] if about else None
    )
    page_headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_POLICY}
    return {**headers, **page_headers}, text.encode()
