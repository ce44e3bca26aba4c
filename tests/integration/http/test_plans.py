"""No statement of a guest's way reads a big table through, whatever PostgreSQL learns.

On a full database every page and call of a guest's way is walked, with plans that know no values (as each
connection's become after some executions). PostgreSQL itself hands over the plan of each statement that ran,
those of functions and triggers too, with the rows that were really read: so a new statement is covered by
itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.http import cookies
from hotel_booking.ops.embedded import Cluster
from tests.clients.addresses import address
from tests.clients.http_client import api_key, bearer, client_of, running, settings_for
from tests.clients.staff_client import SAME_ORIGIN
from tests.databases import copied, placed, template
from tests.factories import full_database
from tests.factories.guest_accounts import opened

pytestmark = pytest.mark.postgresql

BIG = 1000  # rows of a table that is not read through
# Rows that one part of a plan may look at. A city's hotels with their nights are some hundreds.
MOST = 6000
SLUG = "full-7"
GUEST = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
# Whatever is asked of all hotels, or about the whole house: not a guest's way, or cached for all.
NOT_WALKED = re.compile(
    r"^/(admin|assets|art|social|media|metrics|styleguide|sitemap|demo|api/v1/keys|health)\b"
)
# Statements whose answer is made of a whole table, each for the reason that stands here.
WHOLE = {
    "SELECT city.id AS place_id": "cities are counted for the first page",
}
# A page or two of short rows for each hundred hotels: with so few of them the planner goes either way.
EITHER_WAY = {"property_name"}
_EXPLAINED = {
    "session_preload_libraries": "auto_explain",
    "plan_cache_mode": "force_generic_plan",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    "log_min_messages": "fatal",
}


class Plan(msgspec.Struct, frozen=True):
    """A statement as it ran: where on the walk, its text, and its plan."""

    where: str
    text: str
    root: dict[str, Any]

    def nodes(self) -> Iterator[dict[str, Any]]:
        """The plan's parts, from the top."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.get("Plans", ()))


class Walk:
    """What was sent on a guest's way, noted by where it was sent."""

    def __init__(self) -> None:
        self.where = "start"
        self.plans: list[Plan] = []

    def heard(self, _connection: object, fields: dict[str, str], _last_query: object) -> None:
        """A notice of PostgreSQL's, of which plans are taken."""
        text = fields["M"]
        if text.startswith("duration:") and "plan:" in text:
            plan = msgspec.json.decode(text.partition("plan:")[2])
            self.plans.append(Plan(self.where, plan["Query Text"], plan["Plan"]))


def looked_at(node: dict[str, Any]) -> float:
    """Rows that a part of a plan that reads a table looked at, in all its loops."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node.get("Actual Rows", 0) + removed) * node.get("Actual Loops", 1))


def wrong(plan: Plan, big: frozenset[str]) -> list[str]:
    """What is wrong with a plan."""
    if any(plan.text.startswith(known) for known in WHOLE):
        return []
    found = []
    for node in plan.nodes():
        table = node.get("Relation Name")
        if table in big and node["Node Type"].endswith("Seq Scan") and node.get("Actual Loops", 1):
            found.append(f"reads all of {table}")
        elif (table or "Index Name" in node) and looked_at(node) > MOST:
            found.append(f"looks at {looked_at(node):.0f} rows of {table or node['Index Name']}")
    return [f"{plan.where}: {what}: {' '.join(plan.text.split())[:300]}" for what in found]


@pytest.fixture(scope="module")
def full_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a full database that explains what it does."""
    name = template(
        cluster, "template_full", lambda url: asyncio.run(full_database.fill(url)), base=placed(cluster)
    )
    with copied(cluster, name) as url:
        asyncio.run(_explain(url))
        yield url


async def _explain(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        database = await connection.fetchval("SELECT current_database()")
        for setting, value in _EXPLAINED.items():
            await connection.execute(f"ALTER DATABASE {database} SET {setting} = '{value}'")
    finally:
        await connection.close()


@pytest.fixture
async def big(full_url: str) -> frozenset[str]:
    """The tables that are not to be read through."""
    async with Database.open(full_url, size=1) as db, db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > $1::int"
            "   AND relnamespace = 'public'::regnamespace",
            BIG,
        )
    return frozenset(row["relname"] for row in rows) - EITHER_WAY


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> Walk:
    """What the application's connections are told, from now on. (A listener of asyncpg's would be taken off
    each time the pool has its connection back.)"""
    noted = Walk()

    def heard(connection: object, fields: dict[str, str], last_query: object) -> None:
        noted.heard(connection, fields, last_query)

    monkeypatch.setattr(asyncpg.connection.Connection, "_process_log_message", heard)
    return noted


@asynccontextmanager
async def guest(app: Application, walk: Walk) -> AsyncIterator[httpx.AsyncClient]:
    """A guest's client; each request is a stage of the walk, and none may break."""

    async def before(request: httpx.Request) -> None:
        walk.where = f"{request.method} {request.url.raw_path.decode()[:60]}"

    async def after(response: httpx.Response) -> None:
        await response.aread()
        assert response.status_code < 500, response.text[:300]

    async with client_of(app, **SAME_ORIGIN) as client:
        client.event_hooks["request"].append(before)
        client.event_hooks["response"].append(after)
        yield client


def dates(days: int = 10) -> dict[str, str]:
    """A stay of two nights."""
    arrival = utc_now().date() + timedelta(days=days)
    return {"arrival": arrival.isoformat(), "departure": (arrival + timedelta(days=2)).isoformat()}


async def by_program(client: httpx.AsyncClient) -> None:
    """A program of a guest's: everything that the API has for one."""
    asked = {"property": SLUG, **dates(), "rooms": [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2}]}
    for amended in (False, True):
        quote = await client.post("/api/v1/quotes", json=asked)
        assert quote.status_code == 201, quote.text
        body = {"quote": quote.json()["id"], "guest": GUEST}
        key = {"Idempotency-Key": f"walk-{amended}"}
        for _ in range(2):
            held = (await client.post("/api/v1/bookings", json=body, headers=key)).json()
        mine = bearer(held["access_token"])
        here = f"/api/v1/bookings/{held['reference']}"
        token = {"token": "tok_success"}
        paid = await client.post(
            f"{here}/payments", json=token, headers=mine | {"Idempotency-Key": held["reference"]}
        )
        assert paid.json()["status"] == "confirmed", paid.text
        for path in (here, f"{here}/cancellation"):
            assert (await client.get(path, headers=mine)).status_code == 200
        if amended:
            longer = {"departure": dates(11)["departure"]}
            for change in (longer | {"preview": True}, longer):
                answer = await client.post(f"{here}/amend", json=change, headers=mine)
                assert answer.status_code == 200, answer.text
        assert (await client.post(f"{here}/cancel", headers=mine)).status_code == 200


def _offer(plan: str) -> dict[str, Any]:
    return {
        "property": SLUG,
        **dates(),
        "room_type": ["DBL"],
        "rate_plan": [plan],
        "adults": ["2"],
        "children": [""],
    }


async def on_pages(client: httpx.AsyncClient) -> dict[str, str]:
    """A guest on the site: from the offer to the payment; what of it has an address."""
    chosen = await client.post("/en/book", data=_offer("FLEX"))
    where = chosen.headers["location"]
    assert (await client.get(where)).status_code == 200
    pay = (await client.post(where, data=GUEST)).headers["location"]
    page = await client.get(pay)
    expected = re.search(r'name="expected" value="(\d+)"', page.text)
    assert expected is not None
    form = {"method": "card", "expected": expected[1], "card": "tok_success"}
    done = await client.post(pay, data=form)
    assert done.status_code == 303, done.text[:500]
    await client.get(done.headers["location"])
    reference = pay.split("/")[-2]
    quote = (await client.post("/en/book", data=_offer("FLEX"))).headers["location"].split("/")[-1]
    return {"reference": reference, "quote_id": quote.partition("?")[0], "slug": SLUG}


async def searches(client: httpx.AsyncClient) -> None:
    """What is looked for, and in what ways."""
    places = (await client.get("/api/v1/places", params={"q": "mum"})).json()
    for letters in ("m", "shang", "hotel 12", "zzzzqq", "東"):
        await client.get("/api/v1/places", params={"q": letters})
    where: list[dict[str, Any]] = [
        {"place": places["items"][0]["id"]} if "items" in places else {"place": "Mumbai"},
        {"lat": 19.07, "lon": 72.88, "radius_km": 20},
        {"place": "India"},
    ]
    for place in where:
        for more in ({}, {"sort": "price"}, {"sort": "distance"}, {"limit": 5, "min_stars": 3}):
            asked = {**place, **dates(), "adults": 2, **more}
            await client.get("/api/v1/search", params=asked)
    for path in ("offers", "calendar"):
        for more in ({}, {"explain": "true"}):
            await client.get(f"/api/v1/properties/{SLUG}/{path}", params={**dates(), "adults": 2, **more})


async def pages(app: Application, client: httpx.AsyncClient, samples: dict[str, str]) -> None:
    """Every page that a guest can open."""
    stay = urlencode({**dates(), "adults": 2, "place": "Mumbai"})
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or "GET" not in route.methods or NOT_WALKED.match(route.path):
            continue
        for query in ("", f"?{stay}&q=mum"):
            await client.get(address(route, samples) + query)


async def test_no_statement_of_a_guests_way_reads_a_table_through(
    full_url: str, big: frozenset[str], walk: Walk
) -> None:
    assert {"booking", "reservation", "room_night", "rate_night", "quote", "payment", "property"} <= big
    async with running(settings_for(full_url, secret_key="k" * 40)) as (app, _), guest(app, walk) as client:
        await searches(client)
        await by_program(client)
        samples = await on_pages(client)
        await pages(app, client, samples)
        token = (await opened(app.state.database, "walker@example.org")).token
        client.cookies.set(cookies.GUEST, token, domain="test.local")
        await pages(app, client, samples)
        walk.where = "an API key"
        key = await api_key(app.state.database)
        asked = {**dates(), "adults": "2", "place": "Mumbai"}
        await client.get("/api/v1/search", params=asked, headers=bearer(key))
    assert len({plan.where for plan in walk.plans}) > 50
    assert len({plan.text for plan in walk.plans}) > 100
    found = sorted({line for plan in walk.plans for line in wrong(plan, big)})
    assert found == [], "\n" + "\n".join(found)
