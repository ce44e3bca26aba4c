"""An error as a page for a person."""

from __future__ import annotations

from litestar.types import Scope as AsgiScope

from hotel_booking.http.problems import Problem
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui.render import render

_HEADLINES = {
    400: "That could not be read",
    401: "Please sign in",
    403: "That is not for you",
    404: "There is nothing here",
    409: "That does not go now",
    413: "That is too large",
    422: "That cannot be right",
    429: "Too many at once",
    503: "One moment, please",
}


def problem_page(scope: AsgiScope, problem: Problem, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """The headers and the body; `headers` are those that the error has anyway."""
    headline = _HEADLINES.get(problem.status, "Something went wrong")
    text = render(scope, "problem.html", problem=problem, headline=headline)
    page_headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_POLICY}
    return {**headers, **page_headers}, text.encode()
