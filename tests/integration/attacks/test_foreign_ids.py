"""Every name and number in every address of the API, the panel and the site is one by which something of
somebody else could be reached: by a key or a member of staff of another property, or by another guest."""

from __future__ import annotations

from typing import Any

import httpx
from litestar.routes import HTTPRoute

from hotel_booking.app import Application
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http import openapi
from tests.clients.addresses import address
from tests.clients.http_client import api_key, bearer, client_of, running, settings_for
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.factories.guest_accounts import opened
from tests.factories.small_hotel import small_hotel
from tests.integration.http.test_access import contents
from tests.integration.panel.test_panel_matrix import send, world
from tests.integration.site.test_account import entered
from tests.integration.site.test_checkout import held, site

# What the platform says of a thing that is not there, or not theirs.
_HIDDEN = (403, 404)
# Of no property: who may see them sees all.
_CHAIN_WIDE = {"run_id", "incident_id"}


def _parameters(route: HTTPRoute) -> list[str]:
    return [part.name for part in route.path_components if not isinstance(part, str)]


async def _moved_to(db: Database, foreign: dict[str, str], own: dict[str, str]) -> None:
    """Codes and numbers of the foreign hotel are its alone, so that a foreign one cannot be an own one."""
    changed = (
        ("room_type", "code", "code"),
        ("rate_plan", "code", "plan"),
        ("cancellation_policy", "code", "policy"),
        ("tax", "code", "tax"),
        ("room", "number", "number"),
    )
    async with db.transaction() as tx:
        for table, column, name in changed:
            await tx.execute(
                f"UPDATE {table} SET {column} = 'ZZ' || {column} WHERE property_id ="
                f" (SELECT id FROM property WHERE slug = $1)",
                foreign["slug"],
            )
            foreign[name] = "ZZ" + foreign[name]
            assert foreign[name] != own[name]


async def test_no_id_of_another_property_opens_anything_of_the_panel(chain: Database, chain_url: str) -> None:
    """Each place of an address by itself: an own property's address with a foreign room in it, too."""
    own, foreign = await world(chain)
    await _moved_to(chain, foreign, own)
    wrong, tried = [], 0
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.OWNER, own["slug"])) as client,
    ):
        before = await contents(chain)
        for route in _routes(app, "/admin"):
            for name in set(_parameters(route)) & set(foreign) - _CHAIN_WIDE:
                where = address(route, {**own, name: foreign[name]})
                for method in sorted(route.methods & {"GET", "POST"}):
                    answer = await send(client, method, where)
                    tried += 1
                    if answer.status_code not in _HIDDEN:
                        wrong.append(f"{method} {where}: {answer.status_code}")
        assert wrong == []
        assert tried > 100
        assert await contents(chain) == before


async def test_no_id_of_another_opens_anything_of_the_api(chain: Database, chain_url: str) -> None:
    own, foreign = await world(chain)
    await _moved_to(chain, foreign, own)
    key = bearer(await api_key(chain, Scope.ALL, properties=[own["slug"]]))
    wrong, tried = [], 0
    async with running(settings_for(chain_url)) as (app, client):
        paths = openapi.document(app)["paths"]
        bodies = _examples(paths)
        before = await contents(chain)
        for route in _routes(app, "/api/v1"):
            for name in set(_parameters(route)) & set(foreign):
                for samples in ({**own, name: foreign[name]}, foreign):
                    # The API calls every code so; which table's it is the address says.
                    codes = {foreign["code"], foreign["plan"], foreign["policy"], foreign["tax"]}
                    for code in codes if name == "code" else {samples.get("code", "")}:
                        where = address(route, {**samples, "code": code})
                        for method in sorted(route.methods - {"OPTIONS", "HEAD"}):
                            if method == "GET" and _public(route, method):
                                continue
                            body = bodies.get((route.path_format, method.lower()))
                            query = _query(paths, route.path_format) if method == "GET" else {}
                            answer = await client.request(method, where, json=body, params=query, headers=key)
                            tried += 1
                            if answer.status_code not in _HIDDEN:
                                wrong.append(f"{method} {where}: {answer.status_code} {answer.text[:120]}")
        assert sorted(set(wrong)) == []
        assert tried > 50
        assert await contents(chain) == before


async def test_no_id_of_another_opens_anything_of_the_site(db: Database, database_url: str) -> None:
    """Another guest with an account, and a stranger: the booking's pages and forms, and accounts."""
    await small_hotel(db, rooms=5)
    await opened(db)
    await opened(db, "eve@example.com", password="umber ferry cobalt moss")
    async with site(database_url) as (app, ana):
        await entered(ana)
        pay = await held(ana, language="en")
        reference = pay.split("/")[3]
        async with db.transaction() as tx:
            session_id = await tx.fetchval("SELECT max(id) FROM guest_session")
        samples = {"reference": reference, "session_id": str(session_id)}
        async with client_of(app, **SAME_ORIGIN) as eve, client_of(app, **SAME_ORIGIN) as stranger:
            assert (await entered(eve, "eve@example.com", "umber ferry cobalt moss")).status_code == 303
            before = await _guests_data(db)
            wrong, tried = [], 0
            for route in _routes(app, "/{language"):
                if not set(_parameters(route)) & set(samples):
                    continue
                where = address(route, samples)
                for name, client in (("another guest", eve), ("a stranger", stranger)):
                    for method in sorted(route.methods & {"GET", "POST"}):
                        answer = await client.request(method, where, data=_FORM if method == "POST" else None)
                        tried += 1
                        if not await _turned_away(client, answer):
                            wrong.append(f"{method} {where} by {name}: {answer.status_code}")
            assert wrong == []
            assert tried > 30
            assert await _guests_data(db) == before
            assert (await ana.get(pay)).status_code == 200


_FORM = {
    "method": "card",
    "card": "tok_success",
    "expected": "18000",
    "email": "eve@example.com",
    "given_name": "Eve",
    "family_name": "Example",
    "message": "let me in",
    "confirm": "yes",
    "fee": "0",
    "arrival": "2030-03-22",
    "departure": "2030-03-25",
}


async def _turned_away(client: httpx.AsyncClient, answer: httpx.Response) -> bool:
    for _ in range(3):
        if answer.status_code in _HIDDEN:
            return True
        if answer.status_code not in (303, 307):
            return False
        to = answer.headers["location"]
        if "/sign-in" in to or to.partition("?")[0] == "/en/booking":  # asked for by reference and address
            return True
        answer = await client.get(to)
    return False


async def _guests_data(db: Database) -> dict[str, Any]:
    counted = ("guest_session", "sign_in_failure", "known_device", "browser_booking")  # that somebody asked
    return {table: found for table, found in (await contents(db)).items() if table not in counted}


def _routes(app: Application, prefix: str) -> list[HTTPRoute]:
    return [
        route
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(prefix) and route.path_parameters
    ]


def _public(route: HTTPRoute, method: str) -> bool:
    return any(
        method in handler.http_methods and handler.opt.get("access") == "public"
        for handler in route.route_handlers
    )


def _query(paths: dict[str, Any], path: str) -> dict[str, Any]:
    """What a call has to be asked with."""
    operation = paths[path]["get"]
    return {
        parameter["name"]: parameter["example"]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    }


def _examples(paths: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """A body that each call takes, by path and method."""
    return {
        (path, method): operation["requestBody"]["content"]["application/json"]["example"]
        for path, item in paths.items()
        for method, operation in item.items()
        if "requestBody" in operation
    }
