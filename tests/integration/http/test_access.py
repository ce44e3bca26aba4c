"""Who may call what: all routes, all scopes. A call that is turned away changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import get
from litestar.routes import HTTPRoute

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.identity import service
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.types import SCOPE_WORDS, Scope
from hotel_booking.http.access import ACCESS, public
from tests.clients.addresses import addresses
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.staff_client import SAME_ORIGIN


@get("/api/v1/now", opt=public())
async def what_time(now: datetime) -> datetime:
    """The instant that the request takes place at."""
    return now


# Takes a token of its own alone: tests/integration/http/test_alertmanager.py
OWN_TOKEN = "/webhooks/alertmanager"
SAMPLES = {
    "slug": "seaview",
    "reference": "ABCD-EFGH",
    "code": "DBL",
    "key_id": "999999",
    "payment_id": "00000000-0000-0000-0000-000000000001",
}


def routes(app: Application) -> list[tuple[str, str, Any]]:
    """Every method and address of the application with the access it declares."""
    found = []
    for route in app.routes:
        assert isinstance(route, HTTPRoute), route.path
        for handler in route.route_handlers:
            found += [
                (str(method), path, handler.opt.get(ACCESS))
                for method in handler.http_methods
                if method != "OPTIONS"
                for path in addresses(route, SAMPLES)
            ]
    return found


async def contents(db: Database) -> dict[str, Any]:
    """A fingerprint of every table that a request could change: its rows in whatever order, as to sort all
    places of the world takes longer than all that a test asks for. Most tables have no file yet: to open each
    with its indexes would take a fresh connection a fifteenth of a second."""
    async with db.transaction() as tx:
        tables = await tx.fetch(
            "SELECT relname AS name, pg_relation_size(oid) > 0 AS filled FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname <> 'api_key'"
        )
        found: dict[str, Any] = {row["name"]: "(0,)" for row in tables}
        filled = [row["name"] for row in tables if row["filled"]]
        if filled:
            whole = (
                "SELECT '{0}' AS name, (count(*), sum(hashtextextended(t::text, 0)))::text AS rows FROM {0} t"
            )
            rows = await tx.fetch(" UNION ALL ".join(whole.format(name) for name in filled))
            found |= {row["name"]: row["rows"] for row in rows}
        return found


async def test_every_route_declares_its_access(database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, _):
        undeclared = [
            f"{method} {path}"
            for method, path, access in routes(app)
            if access not in ("public", "signed_in")
            and not (isinstance(access, tuple) and isinstance(access[1], Scope | Permission))
        ]
    assert undeclared == []


async def test_all_routes_times_all_scopes(db: Database, database_url: str) -> None:
    keys = {scope: bearer(await api_key(db, scope)) for scope in Scope}
    wrong: list[str] = []
    async with running(settings_for(database_url)) as (app, client):
        before = await contents(db)
        for method, path, access in routes(app):
            if not isinstance(access, tuple) or not isinstance(access[1], Scope):
                continue  # tests/integration/panel/test_panel_matrix.py walks the panel
            kind, *needed = access
            anonymous = await call(client, method, path, {})
            if (anonymous.status_code, anonymous.json()["code"]) != (401, "credentials_required"):
                wrong.append(f"{method} {path} anonymous: {anonymous.status_code}")
            guest = await call(client, method, path, bearer("a-token-of-nobody"))
            if kind == "needs" and (guest.status_code, guest.json()["code"]) != (401, "api_key_required"):
                wrong.append(f"{method} {path} guest: {guest.status_code}")
            for scope, headers in keys.items():
                key = Caller(kind="key", scopes=frozenset({scope}))
                if any(key.has(one) for one in needed):
                    continue
                refused = await call(client, method, path, headers)
                if (refused.status_code, refused.json()["code"]) != (403, "missing_scope"):
                    wrong.append(f"{method} {path} with {scope}: {refused.status_code}")
        assert wrong == []
        assert await contents(db) == before


async def test_the_words_of_a_scope_name_what_it_opens(database_url: str) -> None:
    nouns = {
        "room-types": "room types",
        "rooms": "rooms",
        "blocks": "blocks",
        "taxes": "taxes",
        "rate-plans": "rate plans",
        "policies": "policies",
    }
    async with running(settings_for(database_url)) as (app, _):
        found = {
            path.rpartition("/")[2]: access[1]
            for method, path, access in routes(app)
            if method == "POST"
            and path.rpartition("/")[2] in nouns
            and path.startswith("/api/v1/properties/")
        }
    assert found.keys() == nouns.keys()
    for name, noun in nouns.items():
        for scope in (Scope.PROPERTIES_WRITE, Scope.RATES_WRITE):
            assert (noun in SCOPE_WORDS[scope]) == (scope is found[name]), (noun, scope)


async def test_who_makes_rooms_can_read_them(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for scope, status in (
            (Scope.PROPERTIES_WRITE, 404),
            (Scope.BOOKINGS_READ, 404),
            (Scope.RATES_WRITE, 403),
        ):
            headers = bearer(await api_key(db, scope))
            assert (await client.get("/api/v1/properties/x/rooms", headers=headers)).status_code == status


async def test_a_route_with_the_scope_gets_past_the_door(db: Database, database_url: str) -> None:
    everything = bearer(await api_key(db)) | SAME_ORIGIN
    async with running(settings_for(database_url)) as (app, client):
        for method, path, access in routes(app):
            if path.startswith("/admin") or path == OWN_TOKEN:
                continue
            answer = await call(client, method, path, everything)
            assert answer.status_code not in {401, 403}, f"{method} {path} ({access})"
            assert answer.status_code < 500, f"{method} {path}: {answer.text}"


async def call(client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"json": {}}
    return await client.request(method, path, headers=headers, **body)


@pytest.mark.parametrize(
    "header",
    ["Bearer hbk_" + "x" * 43, "Bearer", "Bearer " + "x" * 300, "Basic YTpi", "Bearer ü", "hbk_x"],
)
async def test_bad_credentials_are_refused_everywhere(database_url: str, header: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for path in ("/api/v1/keys", "/health/live"):
            answer = await client.get(path, headers=[(b"authorization", header.encode("latin-1"))])
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_expired_and_revoked_keys_open_nothing(db: Database, database_url: str) -> None:
    now = utc_now()
    async with db.transaction() as tx:
        expiring = await service.create_key(
            tx, name="a", scopes=[Scope.ALL], expires_at=now + timedelta(hours=1), now=now
        )
        revoked = await service.create_key(tx, name="b", scopes=[Scope.ALL], now=now)
    async with running(settings_for(database_url)) as (_, client):
        for new in (expiring, revoked):
            assert (await client.get("/api/v1/keys", headers=bearer(new.secret))).status_code == 200
        async with db.transaction() as tx:
            await tx.execute("UPDATE api_key SET expires_at = $2 WHERE id = $1", expiring.key.id, now)
            await service.revoke_key(tx, key_id=revoked.key.id, now=now)
        for new in (expiring, revoked):
            answer = await client.get("/api/v1/keys", headers=bearer(new.secret))
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


async def test_use_is_noted_once_a_minute(db: Database) -> None:
    now = utc_now()
    async with db.transaction() as tx:
        new = await service.create_key(tx, name="a", scopes=[Scope.ALL], now=now)
        for seconds, noted in ((0, 0), (59, 0), (60, 60)):
            await service.resolve(tx, token=new.secret, now=now + timedelta(seconds=seconds))
            used = await tx.fetchval("SELECT last_used_at FROM api_key WHERE id = $1", new.key.id)
            assert used == now + timedelta(seconds=noted)


async def test_a_key_grants_only_what_it_has(db: Database, database_url: str) -> None:
    await hotels(db, "one", "two")
    limited = bearer(await api_key(db, Scope.KEYS_WRITE, Scope.RATES_WRITE, properties=["one"]))
    stranger = await api_key(db, Scope.RATES_WRITE)
    async with running(settings_for(database_url)) as (_, client):

        async def create(**body: Any) -> tuple[int, str | None]:
            answer = await client.post("/api/v1/keys", json={"name": "x", **body}, headers=limited)
            return answer.status_code, answer.json().get("code")

        assert await create(scopes=["all"], properties=["one"]) == (403, "scope_not_yours")
        assert await create(scopes=["rates:write"]) == (403, "property_not_allowed")
        assert await create(scopes=["rates:write"], properties=["one", "two"]) == (
            403,
            "property_not_allowed",
        )
        assert await create(scopes=["rates:write"], properties=["one"]) == (201, None)
        listed = (await client.get("/api/v1/keys", headers=limited)).json()["items"]
        assert [key["properties"] for key in listed] == [["one"], ["one"]]
        async with db.transaction() as tx:
            foreign = await tx.fetchval("SELECT id FROM api_key WHERE key_hash = $1", token_hash(stranger))
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
            answer = await call(client, method, f"/api/v1/keys/{foreign}{path}", limited)
            assert (answer.status_code, answer.json()["code"]) == (404, "key_not_found")
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT revoked_at FROM api_key WHERE id = $1", foreign) is None


async def test_a_rotated_key_overlaps(db: Database, database_url: str) -> None:
    old = await api_key(db)
    async with running(settings_for(database_url)) as (_, client):
        listed = (await client.get("/api/v1/keys", headers=bearer(old))).json()["items"]
        new = (
            await client.post(f"/api/v1/keys/{listed[0]['id']}/rotate", json={}, headers=bearer(old))
        ).json()
        for secret in (old, new["secret"]):
            assert (await client.get("/api/v1/keys", headers=bearer(secret))).status_code == 200
        await client.post(
            f"/api/v1/keys/{new['key']['id']}/rotate", json={"overlap_hours": 0}, headers=bearer(old)
        )
        assert (await client.get("/api/v1/keys", headers=bearer(new["secret"]))).status_code == 401


async def test_a_key_is_rotated_once_and_its_expiry_stays_the_one_that_was_meant(
    db: Database, database_url: str
) -> None:
    old = await api_key(db)
    async with running(settings_for(database_url)) as (_, client):
        first = (await client.get("/api/v1/keys", headers=bearer(old))).json()["items"][0]["id"]

        async def rotated(number: int) -> httpx.Response:
            return await client.post(f"/api/v1/keys/{number}/rotate", json={}, headers=bearer(old))

        second = (await rotated(first)).json()["key"]
        assert (second["expires_at"], second["replaced_by"]) == (None, None)
        for key in (await client.get("/api/v1/keys", headers=bearer(old))).json()["items"]:
            assert (key["expires_at"] is None) == (key["replaced_by"] is None) == (key["id"] == second["id"])
        # A second time it would hand on the day that it has left, and two keys would have taken its place.
        again = await rotated(first)
        assert (again.status_code, again.json()["code"]) == (409, "key_replaced")
        assert again.json()["fix"] == f"rotate key {second['id']}"
        assert again.json()["replaced_by"] == second["id"]
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM api_key") == 2
        third = (await rotated(second["id"])).json()["key"]
        assert third["expires_at"] is None
        await client.delete(f"/api/v1/keys/{second['id']}", headers=bearer(old))
        assert (await rotated(first)).json()["fix"] == "create a new key"


async def test_pages_of_keys_hold_every_key_once(db: Database, database_url: str) -> None:
    keys = [await api_key(db) for _ in range(7)]
    key = bearer(keys[0])
    async with running(settings_for(database_url)) as (_, client):
        seen, cursor = [], None
        while True:
            query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/keys", params=query, headers=key)).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == len(seen) == 7


async def test_time_is_simulated_only_by_those_who_may(db: Database, database_url: str) -> None:
    wanted = {"Hotel-Simulated-Time": "2031-05-01T12:00:00+02:00"}
    may, may_not = bearer(await api_key(db)), bearer(await api_key(db, Scope.RATES_WRITE))
    async with running(settings_for(database_url), what_time) as (_, client):
        assert (await client.get("/api/v1/now", headers=may | wanted)).json() == "2031-05-01T12:00:00+02:00"
        for headers in ({}, may_not):
            answer = await client.get("/api/v1/now", headers=headers | wanted)
            assert (answer.status_code, answer.json()["code"]) == (403, "simulated_time_not_allowed")
        for text in ("", "soon", "2031-05-01T12:00:00", "9999-12-31T23:59:59Z", "2031-05-01"):
            answer = await client.get("/api/v1/now", headers=may | {"Hotel-Simulated-Time": text})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_header"), text
    async with running(settings_for(database_url, environment="production"), what_time) as (_, client):
        assert (await client.get("/api/v1/now", headers=may | wanted)).status_code == 403


async def hotels(db: Database, *slugs: str) -> None:
    async with db.transaction() as tx:
        for slug in slugs:
            await tx.execute(
                "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
                " VALUES ($1, $1, 'PT', 38.7, -9.1, 'Europe/Lisbon', 'EUR')",
                slug,
            )
