"""Whose requests take turns where a process has too much to do, and whose never do."""

from __future__ import annotations

import time

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import GUEST, offer

_DEAR = (
    "/en/search?q=Lisbon",
    "/en/hotels/seaview",
    "/api/v1/properties/seaview/calendar?from=2030-03-01&to=2030-03-30",
    "/api/v1/search?bbox=-80,-170,80,170&arrival=2030-03-21&departure=2030-03-23",
)


async def test_unknown_readers_are_refused_and_everybody_else_goes_on(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    key = bearer(await api_key(db))
    settings = settings_for(
        database_url, rate_limit_reads=1000, rate_limit_writes=1000, secret_key="k" * 40, mfa_required=False
    )
    async with running(settings) as (app, client):
        client.headers.update(SAME_ORIGIN)
        for path in _DEAR:
            assert (await client.get(path)).status_code == 200, path
        # The next turn is an hour away, and nobody is held: the test need not wait.
        pressure = app.state.pressure
        far = time.perf_counter() + 3600
        pressure._busy_until = pressure._next = far  # noqa: SLF001 - no test waits for a machine to be late
        pressure._held = 10_000  # noqa: SLF001 - as above
        for path in _DEAR:
            # A token that nobody has looked at is no key.
            for headers in ({}, bearer("nobody-s"), {"cookie": "hotel_guest=x"}):
                if path.startswith("/en") and "Authorization" in headers:
                    continue
                refused = await client.get(path, headers=headers)
                assert refused.status_code == 503, (path, headers)
                assert int(refused.headers["retry-after"]) >= 1
            if path.startswith("/api"):
                assert (await client.get(path, headers=key)).status_code == 200, path
        chosen = await client.post("/en/book", data=offer())
        booked = await client.post(chosen.headers["location"], data=GUEST)
        assert booked.status_code == 303
        assert (await client.get(booked.headers["location"])).status_code == 200
        form = {"method": "card", "card": "tok_success", "expected": "18000"}
        assert (await client.post(booked.headers["location"], data=form)).status_code == 303
        for path in ("/status", "/health/ready", "/admin/sign-in"):
            assert (await client.get(path)).status_code == 200, path
        async with signed_in(app, db, (Role.OWNER, None)) as staff:
            assert (await staff.get("/admin/today")).status_code == 200


async def test_who_is_over_the_allowance_is_held_while_there_is_too_much_to_do(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url, rate_limit_reads=2, rate_limit_writes=2)) as (app, client):
        held: list[str] = []

        async def hold() -> None:
            held.append("")

        app.state.pressure.hold = hold
        statuses = [(await client.get("/en")).status_code for _ in range(40)]
    # Two pages; then no more points, and from the twentieth request on nothing at all.
    assert statuses.count(200) >= 2
    assert len(held) == statuses.count(429) > 30
