"""What a request costs its sender, and what kind it is: one list for the limits and the database's shares.

An allowance is counted in points. A page costs one, what searches or prices many rooms costs more, and so do
acts that hold rooms, keep rows or send mail. Kinds say who waits for whom when the database has too much to
do: `vital` (health, payments, gateways' notices) before `booking` (the way to a booking, and the staff's
panel) before `browsing`. Why: docs/decisions/0028-what-an-anonymous-client-may-cost.md and 0029.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from hotel_booking.core.shares import Kind

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# Which of an address's allowances pays: pages and calls that read, those that write, files (a page of results
# shows thirty photos), attempts to pay, and gateways' notices.
Purse = Literal["reads", "writes", "files", "payments", "notices"]


class Cost(msgspec.Struct, frozen=True):
    """So many points of an allowance; a request of no points is never refused."""

    purse: Purse
    points: int


# By method and route (as the router names what it has found: parameters without their types), without the
# site's language. What is not named costs one point.
_POINTS: dict[tuple[str, str], int] = {
    ("GET", "/search"): 3,
    ("GET", "/nights"): 2,
    ("GET", "/hotels/{slug}"): 2,
    ("GET", "/api/v1/search"): 3,
    ("GET", "/api/v1/properties/{slug}/offers"): 2,
    ("GET", "/api/v1/properties/{slug}/calendar"): 2,
    ("GET", "/account/data/export"): 10,
    ("GET", "/sitemap.xml"): 10,
    ("GET", "/sitemap/{after}"): 10,
    # A quote is kept, a hold takes rooms from others.
    ("POST", "/book"): 2,
    ("POST", "/book/{quote_id}"): 4,
    ("POST", "/booking/{reference}/again"): 2,
    ("POST", "/api/v1/quotes"): 2,
    ("POST", "/api/v1/bookings"): 4,
    # What sends mail, has a password computed, or keeps what was typed where it is refused.
    ("POST", "/booking"): 4,
    ("POST", "/booking/lost"): 6,
    ("POST", "/status/subscriptions"): 6,
    ("POST", "/status/webhooks"): 6,
    ("POST", "/booking/{reference}/message"): 4,
    ("POST", "/account/sign-in"): 4,
    ("POST", "/account/sign-in/passkey"): 4,
    ("POST", "/account/sign-in/link"): 6,
    ("POST", "/account/register"): 6,
    ("POST", "/account/forgotten-password"): 6,
    ("POST", "/account/security/email"): 6,
    ("POST", "/account/security/password"): 4,
    ("POST", "/admin/sign-in"): 4,
    ("POST", "/admin/forgot-password"): 6,
    ("POST", "/account/sign-in/passkey/options"): 2,
    ("POST", "/admin/sign-in/passkey/options"): 2,
}
_FREE = frozenset({"/health/live", "/health/ready"})
_FILES = ("/media/", "/assets/", "/art/", "/api/static/", "/favicon.ico", "/apple-touch-icon")
# A payment's pages are vital, so that who has a room can pay for it whatever else goes on.
_VITAL = ("/health", "/webhooks", "/booking/{reference}/pay", "/api/v1/bookings/{reference}/payments")
_BOOKING = ("/book", "/booking", "/admin", "/account/sign-in", "/api/v1/quotes", "/api/v1/bookings")


@cache
def cost(method: str, route: str) -> Cost:
    """What a request to a route (its template, as the metrics name it) costs."""
    route = plain(route)
    if route in _FREE:
        return Cost("reads", 0)
    points = _POINTS.get((method, route), 1)
    if route.startswith(_FILES):
        return Cost("files", points)
    if method in SAFE:
        return Cost("reads", points)
    if route.startswith("/webhooks/"):
        return Cost("notices", points)
    return Cost("payments" if route.startswith(_VITAL) else "writes", points)


@cache
def kind(route: str) -> Kind:
    """Who waits for whom. `/booking/../payment` is where a guest comes back to from the bank."""
    route = plain(route)
    if route.startswith(_VITAL):
        return "vital"
    first = "/".join(route.split("/")[:4] if route.startswith("/api/") else route.split("/")[:2])
    return "booking" if first in _BOOKING or route.startswith("/account/sign-in") else "browsing"


@cache
def takes_turns(route: str) -> bool:
    """Whether reads of an unknown sender take turns where a process has too much to do: what browses, but no
    files; and not the status page, which is drawn once for many and has to be there just then."""
    return (
        kind(route) == "browsing"
        and cost("GET", route).purse == "reads"
        and not plain(route).startswith("/status")
    )


@cache
def goes_first(route: str) -> bool:
    """Whether readers have to make room for who asks this: the way to a booking, payments, the panel; not for
    health, which is asked all the time."""
    return kind(route) != "browsing" and not plain(route).startswith("/health")


def plain(route: str) -> str:
    """A route of the site without its language: /{language}/search is /search."""
    return route.removeprefix("/{language}") or "/"
