"""What a release is asked before guests are led to it are addresses that it has."""

from __future__ import annotations

from litestar.routes import HTTPRoute

from hotel_booking.app import build
from hotel_booking.ops.colours.smoke import LISTED, PAGES
from tests.clients.http_client import settings_for


def test_every_page_that_is_asked_is_there() -> None:
    application = build(settings_for("postgresql://nobody@nowhere/none"))
    known = {route.path for route in application.routes if isinstance(route, HTTPRoute)}
    assert {*PAGES, LISTED, "/health/ready"} <= known
