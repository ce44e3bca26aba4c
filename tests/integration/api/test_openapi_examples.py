"""Every example of the OpenAPI document is sent as it stands to the demo's hotels, and works."""

from __future__ import annotations

import json
import shlex
from datetime import date, timedelta
from typing import Any

import httpx

from hotel_booking.api import reference_page
from hotel_booking.core.db import Database
from hotel_booking.http import openapi
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)

# What only an answer tells, as in every such document: the example's value is replaced by a real one.
FROM_ANSWERS = {"reference", "key_id", "block_id", "payment_id"}


class Partner:
    """Sends the document's examples."""

    def __init__(self, document: dict[str, Any], client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._key = bearer(key)
        self.operations = {
            operation["operationId"]: (path, method, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

        quote = self.operations["create_quote"][2]["requestBody"]["content"]["application/json"]["example"]
        self.arrival = date.fromisoformat(quote["arrival"])

    async def send(self, name: str, made: dict[str, Any], *, day: int | None = None) -> httpx.Response:
        """The example of an operation, with what answers told before."""
        path, method, operation = self.operations[name]
        query = {}
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                assert "example" in parameter, f"{name}: {parameter['name']} has no example"
                value = made[parameter["name"]] if parameter["name"] in FROM_ANSWERS else parameter["example"]
                path = path.replace(f"{{{parameter['name']}}}", str(value))
            elif parameter["in"] == "query" and "example" in parameter:
                query[parameter["name"]] = parameter["example"]
            elif parameter["in"] == "query":
                assert not parameter["required"], f"{name}: {parameter['name']} has no example"
        body = None
        if "requestBody" in operation:
            body = operation["requestBody"]["content"]["application/json"]["example"]
            if "quote" in body:
                body = body | {"quote": made["quote"]}
        headers = dict(self._key)
        if day is not None:
            headers["Hotel-Simulated-Time"] = f"{self.arrival + timedelta(days=day)}T16:00:00Z"
        return await self._client.request(method, path, params=query, json=body, headers=headers)

    async def check_in(self, made: dict[str, Any]) -> None:
        """Guests who have no room yet."""
        answer = await self._client.post(
            f"/api/v1/bookings/{made['reference']}/check-in",
            json={"override_reason": "Their room is being cleaned"},
            headers=self._key | {"Hotel-Simulated-Time": f"{self.arrival}T15:00:00Z"},
        )
        assert answer.status_code == 200, answer.text

    async def booking(self, state: str) -> dict[str, Any]:
        """A booking made by the examples, brought into a state."""
        made: dict[str, Any] = {}
        quote = await self.send("create_quote", made)
        assert quote.status_code == 201, quote.text
        made["quote"] = quote.json()["id"]
        held = await self.send("create_booking", made)
        assert held.status_code == 201, held.text
        made["reference"] = held.json()["reference"]
        if state != "held":
            paid = await self.send("create_payment", made)
            assert paid.json()["status"] == "confirmed", paid.text
        return made


async def test_every_example_works(chain: Database, chain_url: str) -> None:
    async with running(settings_for(chain_url)) as (app, client):
        document = openapi.document(app)
        partner = Partner(document, client, await api_key(chain))
        made: dict[str, Any] = {}
        refused = {}
        inside = paying = ""
        # Deletions last: they take away what others show.
        for name in sorted(partner.operations, key=lambda name: partner.operations[name][1] == "delete"):
            if name == "create_booking":
                made["quote"] = (await partner.send("create_quote", made)).json()["id"]
            if "{reference}" in partner.operations[name][0]:
                made |= await partner.booking("held" if name == "create_payment" else "confirmed")
            if name == "check_out":
                made["reference"] = inside
            elif name == "reverse_desk_payment":
                made["reference"] = paying
            if name == "undo_check_in":
                await partner.check_in(made)
            day = {"check_in": 0, "undo_check_in": 0, "check_out": 1, "preview_no_show": 1, "no_show": 1}.get(
                name
            )
            answer = await partner.send(name, made, day=day)
            if not answer.is_success:
                refused[name] = (answer.status_code, answer.text)
            elif name == "check_in":
                inside = made["reference"]
            elif name == "record_desk_payment":
                paying, made["payment_id"] = made["reference"], answer.json()["payment"]["id"]
            elif name == "create_key":
                made["key_id"] = answer.json()["key"]["id"]
            elif name == "create_block":
                made["block_id"] = answer.json()["id"]
        assert refused == {}
        assert sum("requestBody" in operation for _, _, operation in partner.operations.values()) >= 20


async def test_the_reference_page_shows_the_same_examples(chain_url: str) -> None:
    async with running(settings_for(chain_url)) as (app, _):
        document = openapi.document(app)
    shown = {
        operation.anchor: operation
        for group in reference_page.page(document).groups
        for operation in group.operations
    }
    for item in document["paths"].values():
        for operation in item.values():
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]["example"]
                page = shown[operation["operationId"]]
                assert json.loads(page.body_example or "") == body
                assert body in [
                    json.loads(word) for word in shlex.split(page.curl) if word.startswith("{")
                ], page.curl
