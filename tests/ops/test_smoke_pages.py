"""What a release is asked before guests are led to it are addresses that it has."""

from __future__ import annotations

import pytest
from litestar.routes import HTTPRoute

from hotel_booking.ops.colours.guest_site import Answer, GuestSite
from hotel_booking.ops.colours.smoke import LISTED, PAGES, Watch
from tests.clients.http_client import looked_at


def test_every_page_that_is_asked_is_there() -> None:
    application = looked_at()
    known = {route.path for route in application.routes if isinstance(route, HTTPRoute)}
    assert {*PAGES, LISTED, "/health/ready"} <= known


@pytest.mark.parametrize(("took", "bad"), [(1.2, True), (0.9, False)])
def test_what_is_watched_is_how_long_guests_wait(
    monkeypatch: pytest.MonkeyPatch, took: float, bad: bool
) -> None:
    """What Kubernetes asks is answered at once by a release that guests wait for."""

    def ask(_: GuestSite, path: str) -> Answer:
        return Answer(200, {}, b"", took if path == LISTED else 0.01)

    monkeypatch.setattr(GuestSite, "ask", ask)
    watch = Watch("hotelbooking.com", "", "", print)
    found = [watch.look("hotel-booking-production", "hotel-booking-green") for _ in range(20)]
    assert [one for one in found if one] == (["10 of the last 10 answers took more than 1 s"] if bad else [])
