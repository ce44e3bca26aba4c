"""The OpenAPI document: valid, complete, and the page that people read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from openapi_spec_validator import validate

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.http import openapi
from hotel_booking.http.access import ACCESS
from tests.clients.http_client import api_key, bearer, looked_at, running, settings_for
from tests.factories.small_hotel import SLUG, make_quote, small_hotel, stay

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def app() -> Application:
    return looked_at()


@pytest.fixture(scope="module")
def document(app: Application) -> dict[str, Any]:
    return openapi.document(app)


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_operation_is_documented(document: dict[str, Any]) -> None:
    missing = []
    for name, operation in operations(document):
        missing += [
            f"{name}: {part}" for part in ("summary", "description", "tags") if not operation.get(part)
        ]
        if not name.startswith("GET /health"):
            missing += [
                f"{name}: {s}" for s in ("400", "401", "429", "503") if s not in operation["responses"]
            ]
        if not any(status.startswith("2") for status in operation["responses"]):
            missing.append(f"{name}: an answer")
    assert not missing


def test_no_operation_id_is_used_twice(document: dict[str, Any]) -> None:
    ids = Counter(operation["operationId"] for _, operation in operations(document))
    assert {name: n for name, n in ids.items() if n > 1} == {}


def test_every_tag_in_use_is_described(document: dict[str, Any]) -> None:
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}


def test_who_may_call_is_said(app: Application, document: dict[str, Any]) -> None:
    for path, method, handler in openapi.operations(app):
        operation = document["paths"][path][method]
        access = handler.opt[ACCESS]
        if access == "public":
            assert operation["security"] == [], path
        else:
            assert operation["x-scope"] == " or ".join(access[1:]), path
        named = {parameter["name"] for parameter in operation.get("parameters", ())}
        assert ("Idempotency-Key" in named) == (method != "get"), path


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status[0] in "45" and not name.startswith("GET /health"):
                assert answer["$ref"].startswith("#/components/responses/"), f"{name} {status}"
    for answer in document["components"]["responses"].values():
        assert set(answer["content"]) == {"application/problem+json"}


async def test_who_may_not_set_the_time_is_answered_as_documented(
    document: dict[str, Any], database_url: str
) -> None:
    """Calls that are open to everyone are refused with 403 only where they depend on the time."""
    headers = {"hotel-simulated-time": "2030-01-01T12:00:00Z"}
    times: Counter[int] = Counter()
    async with running(settings_for(database_url)) as (_, client):
        for name, operation in operations(document):
            if operation["security"] or not name.partition(" ")[2].startswith("/api/"):
                continue
            method, path = name.replace("{", "").replace("}", "").split(" ")
            query = {one["name"]: one["example"] for one in operation["parameters"] if "example" in one}
            query.pop("Idempotency-Key", None)
            query = {name: value for name, value in query.items() if f"{{{name}}}" not in path}
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            in_query = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
            answer = await client.request(
                method,
                path,
                params={name: value for name, value in query.items() if name in in_query},
                json=content.get("example"),
                headers=headers,
            )
            assert str(answer.status_code) in operation["responses"], (name, answer.text)
            assert (answer.status_code == 403) == ("403" in operation["responses"]), (name, answer.text)
            times[answer.status_code] += 1
    assert times[403] >= 5, times


async def test_what_has_a_tag_says_so(db: Database, document: dict[str, Any], database_url: str) -> None:
    """What is read with an ETag, and only that, is documented with it, and with the 304 of who has it."""
    tagged = {
        name
        for name, operation in operations(document)
        if name.startswith("GET") and "headers" in operation["responses"]["200"]
    }
    assert len(tagged) == 6
    async with running(settings_for(database_url)) as (_, client):
        await small_hotel(db)
        key = bearer(await api_key(db))
        tax = {"code": "VAT", "percent": "6", "included": True}
        await client.post(f"/api/v1/properties/{SLUG}/taxes", json=tax, headers=key)
        for name, operation in operations(document):
            if not name.startswith("GET /api/v1/properties/{slug}"):
                continue
            path = name.removeprefix("GET ").replace("{slug}", SLUG)
            for thing, code in (
                ("room-types", "DBL"),
                ("rate-plans", "FLEX"),
                ("policies", "FLEX"),
                ("taxes", "VAT"),
            ):
                path = path.replace(f"{thing}/{{code}}", f"{thing}/{code}")
            query = {
                one["name"]: one["example"]
                for one in operation["parameters"]
                if one["in"] == "query" and "example" in one
            }
            answer = await client.get(path, params=query, headers=key)
            assert answer.status_code == 200, (name, answer.text)
            assert ("etag" in answer.headers) == (name in tagged), name
            if name in tagged:
                has = {**key, "if-none-match": answer.headers["etag"]}
                assert (await client.get(path, headers=has)).status_code == 304
                assert "304" in operation["responses"]
                other = await client.get(path, headers={**key, "if-match": '"another"'})
                assert other.status_code == 412
                assert "412" in operation["responses"]


async def test_what_is_created_says_where_it_is_read_also_when_it_is_told_again(
    db: Database, document: dict[str, Any], database_url: str
) -> None:
    located = {
        name.removeprefix("POST ")
        for name, operation in operations(document)
        if "Location" in operation["responses"].get("201", {}).get("headers", {})
    }
    gets = [name.removeprefix("GET ") for name, _ in operations(document) if name.startswith("GET")]
    made = {
        name.removeprefix("POST ")
        for name, operation in operations(document)
        if name.startswith("POST") and "201" in operation["responses"]
    }
    assert located == {path for path in made if any(one.rpartition("/{")[0] == path for one in gets)}
    async with running(settings_for(database_url)) as (_, client):
        await small_hotel(db)
        key = bearer(await api_key(db))
        quote = await make_quote(db, stay(20, 2), now=utc_now())
        guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
        for path, body in (
            (f"/api/v1/properties/{SLUG}/taxes", {"code": "VAT", "percent": "6", "included": True}),
            ("/api/v1/bookings", {"quote": str(quote.id), "guest": guest}),
            ("/api/v1/keys", {"name": "Reader", "scopes": ["bookings:read"]}),
        ):
            for again in (None, "true"):
                answer = await client.post(path, json=body, headers=key | {"idempotency-key": path})
                assert answer.status_code == 201, answer.text
                assert answer.headers.get("idempotency-replayed") == again
                said = answer.json()
                name = said.get("code") or said.get("reference") or said["key"]["id"]
                assert answer.headers["location"] == f"{path}/{name}"
                assert (await client.get(answer.headers["location"], headers=key)).status_code == 200
            refused = await client.post(path, json={}, headers=key)
            assert "location" not in refused.headers


def test_no_answer_promises_what_is_not_sent(document: dict[str, Any]) -> None:
    said = {
        answer["description"]
        for _, operation in operations(document)
        for answer in operation["responses"].values()
        if "description" in answer
    }
    assert not [text for text in said if "URL follows" in text or "document follows" in text]


def test_names_and_types_are_of_one_kind(document: dict[str, Any]) -> None:
    """What trips generators: a title used twice, an enum of two types, an instant or a row without a type."""
    schemas = document["components"]["schemas"]
    titles = Counter(schema.get("title", name) for name, schema in schemas.items())
    assert {title for title, times in titles.items() if times > 1} == set()
    assert [name for name in schemas if "." in name] == []
    wrong: list[str] = []

    def look(value: Any, path: str) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                look(item, f"{path}[{index}]")
        if not isinstance(value, dict):
            return
        if len({type(one) for one in value.get("enum", ())}) > 1:
            wrong.append(f"{path}: an enum of several types")
        if value.get("type") == "object" and not {"properties", "additionalProperties"} & set(value):
            wrong.append(f"{path}: an object of anything")
        instant = path.rsplit(".", 1)[-1].endswith(("_at", "_until", "since"))
        if instant and "date-time" not in str(value):
            wrong.append(f"{path}: an instant without its format")
        for name, item in value.items():
            look(item, f"{path}.{name}")

    for name, schema in schemas.items():
        for field, item in schema.get("properties", {}).items():
            look(item, f"{name}.{field}")
    assert wrong == []


def test_a_body_that_may_be_left_out_is_not_null(document: dict[str, Any]) -> None:
    """A client that is generated from it leaves it out, too: where `null` stands beside the body, generated
    Python sends its mark of what is missing, and fails."""
    optional = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for _, operation in operations(document)
        if "requestBody" in operation and not operation["requestBody"]["required"]
    ]
    assert len(optional) >= 4
    assert [schema for schema in optional if "$ref" not in schema] == []


async def test_it_is_served_with_the_page_made_from_it(database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, client):
        document = openapi.document(app)
        served = await client.get("/api/v1/openapi.json")
        assert served.json() == document
        again = await client.get("/api/v1/openapi.json", headers={"if-none-match": served.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        page = await client.get("/api/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        for _, operation in operations(document):
            assert f'id="{operation["operationId"]}"' in page.text
        for forbidden in ("<script", "style=", "onclick", "http://fonts", "https://cdn"):
            assert forbidden not in page.text
        sheet = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        style = await client.get(sheet)
        assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in style.headers["cache-control"]
        assert (await client.get("/api")).status_code == 200
