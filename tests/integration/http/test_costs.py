"""What requests cost: the list names routes that there are, and every surface is limited."""

from __future__ import annotations

import pytest
from litestar.types import Method

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http import costs, pressure
from hotel_booking.http.costs import cost, kind, plain
from tests.clients.http_client import client_of, looked_at, running, settings_for
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.factories.small_hotel import small_hotel


def route_of(method: Method, address: str) -> str:
    """What the router calls the route that it finds for an address: what limits and metrics go by."""
    template: str = looked_at().asgi_router.handle_routing(path=address, method=method)[-1]
    return template


def test_every_listed_cost_is_of_a_route_that_there_is() -> None:
    there = {
        (method, plain(route.path_format))
        for route in looked_at().routes
        for method in getattr(route, "methods", ())
    }
    assert set(costs._POINTS) - there == set()  # noqa: SLF001 - the list itself is what is checked


@pytest.mark.parametrize(
    ("method", "address", "expected"),
    [
        ("GET", "/en/search", ("reads", 3)),
        ("GET", "/ar", ("reads", 1)),
        ("GET", "/fr/hotels/seaview", ("reads", 2)),
        ("GET", "/api/v1/properties/seaview/offers", ("reads", 2)),
        ("POST", "/es/booking/ABCD-EFGH/message", ("writes", 4)),
        ("POST", "/es/booking/lost", ("writes", 6)),
        ("POST", "/es/account/sign-in/passkey", ("writes", 4)),
        ("POST", "/api/v1/bookings/ABCD-EFGH/payments", ("payments", 1)),
        ("GET", "/", ("reads", 1)),
        ("POST", "/de/book/1c9ac5f1-6ad9-4e4c-8d9e-0d1c6c4c9b2e", ("writes", 4)),
        ("POST", "/en/booking/ABCD-EFGH/pay", ("payments", 1)),
        ("POST", "/webhooks/stripe", ("notices", 1)),
        ("GET", "/media/room.webp", ("files", 1)),
        ("GET", "/health/ready", ("reads", 0)),
    ],
)
def test_what_requests_cost(method: Method, address: str, expected: tuple[str, int]) -> None:
    found = cost(method, route_of(method, address))
    assert (found.purse, found.points) == expected


@pytest.mark.parametrize(
    ("method", "address", "expected"),
    [
        ("GET", "/health/ready", "vital"),
        ("POST", "/webhooks/stripe", "vital"),
        ("POST", "/fr/booking/ABCD-EFGH/pay", "vital"),
        ("GET", "/fr/booking/ABCD-EFGH/payment", "vital"),
        ("POST", "/api/v1/bookings/ABCD-EFGH/payments", "vital"),
        ("POST", "/api/v1/bookings", "booking"),
        ("POST", "/api/v1/quotes", "booking"),
        ("POST", "/en/book/1c9ac5f1-6ad9-4e4c-8d9e-0d1c6c4c9b2e", "booking"),
        ("GET", "/en/booking/ABCD-EFGH", "booking"),
        ("GET", "/admin/today", "booking"),
        ("GET", "/en/search", "browsing"),
        ("GET", "/api/v1/search", "browsing"),
        ("GET", "/en", "browsing"),
        ("GET", "/en/account/register", "browsing"),
    ],
)
def test_who_waits_for_whom(method: Method, address: str, expected: str) -> None:
    assert kind(route_of(method, address)) == expected


async def test_every_surface_is_limited_and_says_when_there_is_more(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine is late by itself, and then each of some hundred refusals is held back for seconds.
    monkeypatch.setattr(pressure, "_HELD", 0.0)
    await small_hotel(db)
    settings = settings_for(database_url, rate_limit_reads=6, rate_limit_writes=6, mfa_required=False)
    async with running(settings) as (app, _):
        surfaces = {
            "/en": "GET",
            "/admin/sign-in": "GET",
            "/api/v1/properties": "GET",
            "/en/booking": "POST",
            "/media/nothing.webp": "GET",
            "/webhooks/stripe": "POST",
            "/en/booking/ABC/pay": "POST",
        }
        for number, (path, method) in enumerate(surfaces.items()):
            async with client_of(app, address=f"198.51.100.{number}", **SAME_ORIGIN) as client:
                answers = [
                    await client.request(method, path, data={} if method == "POST" else None)
                    for _ in range(62)
                ]
            refused = [answer for answer in answers if answer.status_code == 429]
            assert refused, path
            assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused), path
            assert all("ratelimit-limit" in answer.headers for answer in refused), path
            assert all("ratelimit-reset" in answer.headers for answer in refused), path
        # Another network of IPv6 is somebody else, another address of the same is not.
        for address, status in (
            ("2001:db8:1:1::1", 200), ("2001:db8:1:1::2", 429), ("2001:db8:1:2::1", 200),
        ):  # fmt: skip
            async with client_of(app, address=address) as client:
                seen = {(await client.get("/en")).status_code for _ in range(6)}
                assert status in seen if status == 429 else seen == {200}, address
        # Staff pay from an allowance of their own, whatever their address did.
        async with client_of(app, address="203.0.113.7") as client:
            while (await client.get("/en")).status_code != 429:
                pass
        async with signed_in(app, db, (Role.OWNER, None)) as client:
            assert (await client.get("/admin/today")).status_code == 200
