"""Odd values in every place of every address: never a 5xx, and every answer has its headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle, repeat
from urllib.parse import quote

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import (
    api_key,
    bearer,
    client_of,
    running,
    settings_for,
)
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.factories.small_hotel import small_hotel

# As they stand in an address, encoded already.
ODD = {
    "NUL": "a%00b",
    "a lone surrogate": "%ED%A0%80",
    "no UTF-8": "%FF%FE",
    "a line's end": "a%0D%0Ab",
    "an endless number": "9" * 400,
    "a negative one": "-1",
    "a fraction": "1e309",
    "the last day": "9999-12-31",
    "the first day": "0001-01-01",
    "a direction": "%E2%80%AEabc",
    "digits of another script": "%D9%A3",
    "a backslash and quotes": "%5C%27%22%3B--",
    "nothing": "",
}
NAMES = (
    "place", "arrival", "departure", "adults", "children", "rooms", "sort", "cursor", "limit", "q", "next",
    "page", "currency", "language", "month", "start", "end", "from", "to", "lat", "lon", "radius_km", "meal",
    "amenities", "max_price", "min_price", "bbox", "text", "status", "property", "room_type", "rate_plan",
    "email", "reference", "given_name", "family_name", "phone", "country", "token", "password", "amount",
    "action_token", "requests", "message", "view", "name",
)  # fmt: skip
_LEFT_OUT = re.compile(r"/sign-out|end-all|/account/data/erase")


def _filled(path: str, value: str) -> list[str]:
    """The address with an odd value in its places, and with a sane one."""
    places = re.compile(r"\{(\w+)\}")
    sane = {"slug": "seaview", "language": "en", "code": "EUR", "name": "x", "gateway": "sandbox"}
    found = [places.sub(lambda place: sane.get(place[1], "1"), path)]
    path = path.replace("{language}", "en", 1) if path.startswith("/{language}") else path
    if places.search(path) and value:
        found.append(places.sub(value, path))
    return found


@pytest.mark.parametrize(
    "values",
    [
        # The values in turns; each night every value everywhere.
        pytest.param(cycle(ODD.values()), id="in turns"),
        *(pytest.param(repeat(ODD[what]), id=what, marks=pytest.mark.nightly) for what in ODD),
    ],
)
async def test_no_odd_value_breaks_anything(db: Database, database_url: str, values: Iterator[str]) -> None:
    await small_hotel(db)
    settings = settings_for(database_url, secret_key="k" * 40, mfa_required=False)
    broken: list[str] = []
    async with (
        running(settings) as (app, client),
        signed_in(app, db, (Role.OWNER, None)) as staff,
        client_of(app, **bearer(await api_key(db))) as program,
    ):
        client.headers.update(SAME_ORIGIN)
        for route in app.routes:
            path = route.path_format
            if _LEFT_OUT.search(path):
                continue
            sender = staff if path.startswith("/admin") else program if path.startswith("/api/v1") else client
            for method in sorted(getattr(route, "methods", set()) & {"GET", "POST"}):
                value = next(values)
                for address in _filled(path, value):
                    broken += await _tried(sender, method, address, _everywhere(value))
        # Whatever is typed into an address bar.
        for address in ("/{}", "/en/{}", "/admin/{}", "/api/v1/{}", "/en/hotels/{}"):
            value = next(values)
            broken += await _tried(client, "GET", address.format(value), _everywhere(value))
    assert broken == []


def _everywhere(value: str) -> str:
    """A query in which every name that we know has this value."""
    return "&".join(f"{name}={value}" for name in NAMES)


async def _tried(client: httpx.AsyncClient, method: str, address: str, query: str) -> list[str]:
    try:
        if method == "GET":
            answer = await client.get(httpx.URL(f"http://test{address}?{query}"))
        elif address.startswith("/api/"):
            answer = await client.post(httpx.URL(f"http://test{address}"), json={"a": query})
        else:
            answer = await client.post(
                httpx.URL(f"http://test{address}"),
                content=query.encode(),
                headers={"content-type": "application/x-www-form-urlencoded"},
            )
    except httpx.InvalidURL:
        return []
    what = f"{method} {quote(address)} {answer.status_code}"
    if answer.status_code >= 500 and answer.status_code != 503:
        return [what]
    kind = answer.headers.get("content-type", "")
    if "x-content-type-options" not in answer.headers or kind.count("charset") > 1:
        return [f"{what} lacks its headers, or has {kind}"]
    if any("\r" in text or "\n" in text for text in answer.headers.values()):
        return [f"{what} splits its headers"]
    return []
