"""All routes of the API and the panel x all roles x an own and a foreign property. What is denied changes
nothing; what does not concern somebody is answered as if it did not exist."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx
from litestar.routes import HTTPRoute

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import ROLE_PERMISSIONS, Permission, Role
from hotel_booking.domains.incidents import service as incidents
from hotel_booking.domains.incidents.types import Actor
from hotel_booking.http.access import ACCESS
from tests.clients.addresses import address
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.integration.http.test_access import contents

# Pages about the whole chain: no role at a single property opens them.
CHAIN_WIDE = (
    "/admin/group-pages",
    "/admin/incidents",
    "/admin/jobs",
    "/admin/monitoring",
    "/admin/payments/compar",
    "/admin/properties/new",
    "/admin/runbook",
)
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def world(db: Database) -> tuple[dict[str, str], dict[str, str]]:
    """For every name in an address: something of the own hotel, and the same of a foreign one."""
    async with db.transaction() as tx:
        hotels = await tx.fetch("SELECT id, slug FROM property ORDER BY id LIMIT 2")
        # What was compared is of no hotel: there is one for both.
        run_id = await tx.fetchval(
            "INSERT INTO reconciliation (gateway, since, until, ran_at, payments, differences)"
            " VALUES ('sandbox', now() - interval '1 day', now(), now(), 1, 2) RETURNING id"
        )
        # Nor is what goes wrong with the platform.
        incident = await incidents.declare(
            tx, title="Nobody can pay", severity="P2", by=Actor("Ada Example"), now=utc_now()
        )
        found = []
        for hotel in hotels:
            one = await tx.fetchrow(
                "SELECT b.reference, t.code, r.number, p.code AS plan, c.code AS policy, x.code AS tax,"
                "       r.id AS room_id, t.id AS room_type_id, p.id AS rate_plan_id"
                "  FROM booking b, room_type t, room r, rate_plan p, cancellation_policy c, tax x"
                " WHERE b.property_id = $1 AND t.property_id = $1 AND r.property_id = $1"
                "   AND p.property_id = $1 AND c.property_id = $1 AND x.property_id = $1"
                "   AND b.status = 'confirmed' LIMIT 1",
                hotel["id"],
            )
            assert one is not None
            staff_id = await tx.fetchval(
                "INSERT INTO staff (email, name, created_at) VALUES ($1, 'Colleague', now()) RETURNING id",
                f"colleague@{hotel['slug']}.example",
            )
            await tx.execute(
                "INSERT INTO staff_grant (staff_id, role, property_id) VALUES ($1, 'read_only', $2)",
                staff_id,
                hotel["id"],
            )
            key_id = await tx.fetchval(
                "INSERT INTO api_key (name, key_hash, scopes, property_ids, created_at)"
                " VALUES ('k', $1, '{rates:write}', $2, now()) RETURNING id",
                hotel["slug"].encode(),
                [hotel["id"]],
            )
            payment_id = await tx.fetchval(
                "SELECT p.id FROM payment p JOIN booking b ON b.id = p.booking_id WHERE b.reference = $1"
                " LIMIT 1",
                one["reference"],
            )
            await tx.execute(
                "INSERT INTO reconciliation_difference (reconciliation_id, position, kind, payment_id,"
                "                                       reference, ours, theirs)"
                " VALUES ($1, $2, 'captured', $3, 'sandbox_1', '12000 (captured)', '0 (authorised)')",
                run_id,
                hotel["id"],
                payment_id,
            )
            found.append(
                {
                    "slug": hotel["slug"],
                    "reference": one["reference"],
                    "code": one["code"],
                    "number": one["number"],
                    "plan": one["plan"],
                    "policy": one["policy"],
                    "tax": one["tax"],
                    "room_id": str(one["room_id"]),
                    "key_id": str(key_id),
                    "run_id": str(run_id),
                    "incident_id": str(incident.id),
                    "payment_id": str(payment_id),
                    "staff_id": str(staff_id),
                }
            )
    return found[0], found[1]


def panel_routes(app: Application) -> list[tuple[str, HTTPRoute, Permission]]:
    """Every method and route of the panel that takes a permission."""
    found = []
    for route in app.routes:
        assert isinstance(route, HTTPRoute), route.path
        for handler in route.route_handlers:
            access = handler.opt.get(ACCESS)
            if route.path.startswith("/admin") and isinstance(access, tuple):
                found += [
                    (str(method), route, access[1]) for method in handler.http_methods if method != "OPTIONS"
                ]
    return found


async def send(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    if method == "GET":
        return await client.get(path)
    return await client.request(method, path, headers=FORM, content="")


async def test_all_routes_times_all_roles_times_own_and_foreign_property(
    chain: Database, chain_url: str
) -> None:
    own, foreign = await world(chain)
    wrong: list[str] = []
    async with running(settings_for(chain_url, mfa_required=False)) as (app, stranger):
        routes = panel_routes(app)
        assert len(routes) > 60
        for role in Role:
            async with signed_in(app, chain, (role, own["slug"])) as client:
                before = await contents(chain)
                for method, route, permission in routes:
                    allowed = permission in ROLE_PERMISSIONS[role]
                    here, there = address(route, own), address(route, foreign)
                    said = [f"{method} {here} as {role} of it"]
                    if not allowed or route.path.startswith(CHAIN_WIDE):
                        answer = await send(client, method, here)
                        if answer.status_code != 403:
                            wrong.append(f"{said}: {answer.status_code} instead of 403")
                    if here != there:
                        answer = await send(client, method, there)
                        # Without the permission anywhere the answer is 403 whatever is asked for.
                        if answer.status_code not in ((404,) if allowed or "slug" in route.path else (403,)):
                            wrong.append(f"{method} {there} as {role} of another: {answer.status_code}")
                assert await contents(chain) == before
        for method, route, _ in routes:
            answer = await send(stranger, method, address(route, own))
            refused = (303, "/admin/sign-in") if method == "GET" else (403, "")
            if (answer.status_code, answer.headers.get("location", "").partition("?")[0]) != refused:
                wrong.append(f"{method} {address(route, own)} by a stranger: {answer.status_code}")
        async with signed_in(app, chain) as nobody:
            for method, route, _ in routes:
                answer = await send(nobody, method, address(route, own))
                if answer.status_code not in (403, 404):
                    wrong.append(f"{method} {address(route, own)} without any role: {answer.status_code}")
    assert wrong == []


async def test_who_may_gets_past_the_door(chain: Database, chain_url: str) -> None:
    own, _ = await world(chain)
    wrong: list[str] = []
    async with running(settings_for(chain_url, mfa_required=False)) as (app, _):
        for method, route, permission in panel_routes(app):
            for role in Role:
                if permission not in ROLE_PERMISSIONS[role]:
                    continue
                grant = (role, None if route.path.startswith(CHAIN_WIDE) else own["slug"])
                async with signed_in(app, chain, grant) as client:
                    answer = await send(client, method, address(route, own))
                if answer.status_code in (401, 403) or answer.status_code >= 500:
                    wrong.append(f"{method} {address(route, own)} as {role}: {answer.status_code}")
    assert wrong == []


def led_to(page: str, url: str) -> set[tuple[str, str]]:
    """Methods and paths of everything in the panel that a page's links and forms lead to."""
    found = {("GET", target) for target in re.findall(r'<a [^>]*?href="([^"]*)"', page)}
    for attributes in re.findall(r"<form\b([^>]*)>", page):
        method = "POST" if 'method="post"' in attributes else "GET"
        action = re.search(r'\baction="([^"]*)"', attributes)
        found.add((method, action[1] if action else ""))
    found |= {("POST", target) for target in re.findall(r'formaction="([^"]*)"', page)}
    paths = {(method, urlsplit(urljoin(url, html.unescape(target))).path) for method, target in found}
    return {(method, path) for method, path in paths if path.startswith("/admin")}


async def test_every_link_and_form_of_every_page_leads_somewhere(chain: Database, chain_url: str) -> None:
    own, _ = await world(chain)
    wrong: list[str] = []
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.OWNER, None)) as client,
    ):
        known: dict[str, list[re.Pattern[str]]] = {"GET": [], "POST": []}
        for route in app.routes:
            for method in known.keys() & route.methods if isinstance(route, HTTPRoute) else ():
                known[method].append(re.compile(re.sub(r"\{[^}]+\}", "[^/<>{}]+", route.path)))
        for route in app.routes:
            if not (isinstance(route, HTTPRoute) and route.path.startswith("/admin")):
                continue
            if "GET" not in route.methods:
                continue
            asked = address(route, own)
            answer = await client.get(asked)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            wrong += [
                f"{asked}: {method} {path}"
                for method, path in led_to(answer.text, asked)
                if not any(pattern.fullmatch(unquote(path)) for pattern in known[method])
            ]
    assert wrong == []


async def test_a_session_opens_no_route_of_the_api(chain: Database, chain_url: str) -> None:
    own, _ = await world(chain)
    async with (
        running(settings_for(chain_url, mfa_required=False)) as (app, _),
        signed_in(app, chain, (Role.OWNER, None)) as client,
    ):
        before = await contents(chain)
        for route in app.routes:
            assert isinstance(route, HTTPRoute)
            for handler in route.route_handlers:
                if not route.path.startswith("/api/v1") or handler.opt.get(ACCESS) == "public":
                    continue
                for method in handler.http_methods - {"OPTIONS"}:
                    body: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"json": {}}
                    answer = await client.request(str(method), address(route, own), **body)
                    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_required")
        assert await contents(chain) == before
