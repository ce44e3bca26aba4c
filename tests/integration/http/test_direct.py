"""The short way of the calls that are asked most answers as Litestar's way does: the same status, headers and
body, for what is written plainly and for every mistake."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from litestar.types import ASGIApp, HTTPScope

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.http import fast_path, pipeline
from tests.clients.http_client import running, settings_for
from tests.factories.world import TODAY, make_nights, make_rates, simple_hotel

_HERE = utc_now().date() + timedelta(days=20)
_STAY = f"arrival={_HERE}&departure={_HERE + timedelta(days=2)}"
_NIGHTS = f"from={_HERE}&to={_HERE + timedelta(days=5)}"
_SEARCH, _HOTEL = "/api/v1/search", "/api/v1/properties/seaview"
_LIST, _PAGE = "/en/search", "/de/hotels/seaview"

PLAIN = [
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}",
    f"{_SEARCH}?lat=38.7&lon=-9&radius_km=20&{_STAY}&adults=1&children=5,9&rooms=1&sort=distance&limit=100",
    f"{_SEARCH}?bbox=38,-10,39,-9&{_STAY}&stars=4,5&amenities=1&meal=14&refundable=true&sort=name",
    f"{_SEARCH}?lat=0.5&lon=0&{_STAY}&min_stars=0&price_min=0&price_max=99999999&currency=eur&refundable=false",
    f"{_SEARCH}?place=nowhere-at-all&{_STAY}",
    f"{_SEARCH}?{_STAY}",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&rooms=0",
    f"{_SEARCH}?lat=38.7&lon=-9.1&arrival=2001-01-01&departure=2001-01-02",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&cursor=bm8",
    f"{_HOTEL}/offers?{_STAY}",
    f"{_HOTEL}/offers?{_STAY}&adults=3&children=2&explain=true",
    f"/api/v1/properties/there-is-none/offers?{_STAY}",
    f"{_HOTEL}/calendar?{_NIGHTS}",
    f"{_HOTEL}/calendar?{_NIGHTS}&adults=1&room_type=DBL&rate_plan=FLEX",
    f"{_HOTEL}/calendar?{_NIGHTS}&room_type=none",
    _LIST,
    f"{_LIST}?place=S%C3%A3o+Paulo&{_STAY}",
    f"{_LIST}?at=38.7,-9.1&{_STAY}",
    f"{_LIST}?at=38.7,-9.1&{_STAY}&adults=two&adults=3&stars=4&unknown=%21&cursor=bm8",
    _PAGE,
    f"{_PAGE}?",
    f"{_PAGE}?{_STAY}&adults=2&cursor=%3D",
    f"{_PAGE}?{_STAY}&adults=%32",
    "/fr/hotels/there-is-none",
]
ODD = [
    _SEARCH,
    f"{_SEARCH}?",
    f"{_SEARCH}?lat=38.7&lon=-9.1",
    f"{_SEARCH}?lat=38%2E7&lon=-9.1&{_STAY}",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=two",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=02",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=2.0",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=-1",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=99999999999999999999",
    f"{_SEARCH}?lat=3.87e1&lon=-9.1&{_STAY}",
    f"{_SEARCH}?lat=nan&lon=-9.1&{_STAY}",
    f"{_SEARCH}?lat=038.7&lon=-9.1&{_STAY}",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&limit=0",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&limit=101",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&refundable=1",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&refundable=True",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&sort=",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&sort=a=b",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adults=2&adults=2",
    f"{_SEARCH}?lat=38.7&lon=-9.1&{_STAY}&adluts=2",
    f"{_SEARCH}?place=S%C3%A3o+Paulo&{_STAY}",
    f"{_SEARCH}?lat=38.7&lon=-9.1&arrival=20270101&departure=2027-01-02",
    f"{_SEARCH}?lat=38.7&lon=-9.1&arrival=2027-W01-1&departure=2027-01-02",
    f"{_SEARCH}?lat=38.7&lon=-9.1&arrival=2027-02-30&departure=2027-03-02",
    f"{_SEARCH}?lat=38.7&lon=-9.1&arrival=2027-01-01T00:00&departure=2027-03-02",
    f"{_HOTEL}/calendar?from={_HERE}",
    f"{_LIST}?{_STAY}&cursor=",
    f"{_LIST}?{_STAY}&cursor=a&cursor=b",
    f"{_LIST}?{_STAY}&cursor=%62m8",
    f"{_LIST}?{_STAY}&curso%72=bm8",
    f"{_PAGE}?{_STAY}&",
    f"{_PAGE}?{_STAY}&adults%5B%5D=2",
]


@pytest.mark.postgresql
async def test_both_ways_answer_alike(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.transaction() as tx:
        _, kind, plan = await simple_hotel(tx)
        shift = (utc_now().date() - TODAY).days
        await make_nights(tx, kind, first=shift)
        await make_rates(tx, kind, plan, first=shift)
    short: list[str] = []

    def watched(scope: HTTPScope, app: ASGIApp) -> ASGIApp:
        found = fast_path.shortened(scope, app)
        if found is not app:
            short.append(scope["path"])
        return found

    async with running(settings_for(database_url)) as (_, client):

        async def said(address: str, **headers: str) -> tuple[Any, ...]:
            answer = await client.get(address, headers=headers)
            own = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
            # What is refused, and a page of it, says which request it was.
            body = answer.content.replace(answer.headers["x-request-id"].encode(), b"")
            return answer.status_code, own, body

        for plain, addresses in ((True, PLAIN), (False, ODD)):
            for address in addresses:
                for headers in ({}, {"accept-encoding": "gzip"}, {"hotel-simulated-time": "2026-01-01"}):
                    monkeypatch.setattr(pipeline, "shortened", lambda _scope, app: app)
                    long_way = await said(address, **headers)
                    monkeypatch.setattr(pipeline, "shortened", watched)
                    short.clear()
                    assert await said(address, **headers) == long_way, address
                    assert bool(short) is plain, address
