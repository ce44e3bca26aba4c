"""Whatever is sent to any operation: no 5xx, and every answer is as the OpenAPI document says.

The application listens on a real socket, so that the web server's own reading of requests is part of it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hotel_booking.app import build
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.inventory import blocks
from hotel_booking.domains.payments import service as payments
from hotel_booking.http import openapi
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import api_key, looked_at, settings_for
from tests.clients.waiting import wait_until
from tests.databases import copied, migrated
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    stay,
)

# By name alone: what is sent to them takes seconds to think of, in every worker that collects tests. Sorted,
# because a route keeps its methods in a set, and all workers have to collect the same.
# What deletes comes last: it takes away what the others are about.
OPERATIONS = sorted(
    (f"{method.upper()} {path}" for path, method, _ in openapi.operations(looked_at())),
    key=lambda name: (name.startswith("DELETE"), name),
)
WANTED: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


# What a hotel's things are called, by what stands before the name in a path.
CODES = {"policies": "FLEX", "rate-plans": "FLEX", "room-types": "DBL", "rooms": "DBL-1", "taxes": "CITY"}
WHEN = stay(10, 2)


class Target(NamedTuple):
    """A running application with one hotel and one booking in it; `things` are their names, by what they are
    called in a path or in a body."""

    session: requests.Session
    url: str
    key: str
    things: dict[str, object]


@pytest.fixture(scope="module")
def schema() -> BaseSchema:
    """Our OpenAPI document."""
    found = schemathesis.openapi.from_dict(openapi.document(looked_at()))
    found.config.base_url = "http://127.0.0.1"  # replaced by each call's own
    return found


@pytest.fixture(scope="module")
def target(cluster: Cluster) -> Iterator[Target]:
    """The application on a socket, on a database of its own."""
    with copied(cluster, migrated(cluster)) as url:
        key, things = asyncio.run(_fill(url))
        listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms an answer
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            build(settings_for(url)), log_config=None, access_log=False, server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_until(lambda: server.started)
        with requests.Session() as session:
            session.trust_env = False  # else it looks for a proxy at every request
            yield Target(session, f"http://127.0.0.1:{listener.getsockname()[1]}", key, things)
        server.should_exit = True
        thread.join()
        listener.close()


async def _fill(url: str) -> tuple[str, dict[str, object]]:
    async with Database.open(url, size=2) as db:
        await small_hotel(db, rooms=30)
        async with db.transaction() as tx:
            # Far from what is generated: a test must not revoke its own key.
            await tx.execute("ALTER TABLE api_key ALTER COLUMN id RESTART WITH 1777777777")
            hotel = await tx.fetchval(
                "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
                " SELECT id, 'CITY', 'City tax', 'percent', 50000, 12, false FROM property"
                " RETURNING property_id"
            )
            block = await blocks.block(
                tx, property_id=hotel, room="DBL-2", stay=stay(20, 1), reason="painted"
            )
        quotes = [await make_quote(db, stay(3, 2)), await make_quote(db, WHEN)]
        async with db.transaction() as tx:
            held = await service.hold(tx, quote_id=quotes[0].id, guest=GUEST, now=NOW)
            paid = await payments.note_taken(
                tx,
                booking_id=held.booking.id,
                amount=1,
                currency="EUR",
                way="cash",
                purpose="balance",
                receipt=None,
                now=NOW,
            )
        await api_key(db)  # the one that is looked at, rotated and revoked
        things = {
            "slug": SLUG,
            "property": SLUG,
            "reference": held.booking.reference,
            "quote": str(quotes[1].id),
            "room_type": "DBL",
            "rate_plan": "FLEX",
            "policy": "FLEX",
            "parent": "FLEX",
            "room": "DBL-1",
            "key_id": 1777777777,
            "block_id": block.id,
            "payment_id": str(paid.id),
            "arrival": str(WHEN.arrival),
            "departure": str(WHEN.departure),
            "from": str(WHEN.arrival),
            "to": str(WHEN.departure),
            "active": True,  # what sells nothing any more answers little
        }
        return await api_key(db), things


def attack(case: schemathesis.Case[Any], target: Target, sent: set[str] | None) -> None:
    """With a key that may do everything; then about things that exist, or as nobody where that is allowed.

    `sent` holds the things that were asked for already: most cases differ elsewhere and name the same thing,
    which does not exist, and the whole case goes to what exists anyway. None: each is asked for."""
    with_key = {"Authorization": f"Bearer {target.key}", "Hotel-Simulated-Time": NOW.isoformat()}
    path = {name: _thing(case.path, name, target) for name in case.path_parameters or ()}
    body, query = _about(case.body, target.things), _about(case.query, target.things)
    asked = repr(case.path_parameters)
    if not path or sent is None or asked not in sent:
        send(case, target, with_key)
    if sent is not None:
        sent.add(asked)
    if path or body != case.body or query != case.query:
        case.path_parameters.update(path)
        case.body, case.query = body, query
        if "If-Match" in case.headers:
            case.headers["If-Match"] = "*"
        send(case, target, with_key)
    elif case.operation.definition.raw.get("security") == [{}]:
        send(case, target, {"Authorization": ""})


def _thing(path: str, name: str, target: Target) -> object:
    """What exists and a path's parameter may name."""
    if name in target.things:
        return target.things[name]
    return CODES[path.partition(f"/{{{name}}}")[0].rpartition("/")[2]]


def _about(body: Any, things: dict[str, object]) -> Any:
    """The same body, about what exists; what is of another type stays as wrong as it is."""
    if isinstance(body, list):
        return [_about(one, things) for one in body]
    if not isinstance(body, dict):
        return body
    return {
        key: things[key] if key in things and isinstance(value, type(things[key])) else _about(value, things)
        for key, value in body.items()
    }


def send(case: schemathesis.Case[Any], target: Target, headers: dict[str, str]) -> None:
    case.call_and_validate(base_url=target.url, session=target.session, checks=WANTED, headers=headers)


def attacked(
    schema: BaseSchema, name: str, target: Target, settings: hypothesis.settings, sent: set[str] | None = None
) -> None:
    """Send one operation all that `schema.parametrize()` would, thought of now."""
    operation = schema.find_operation_by_label(name)
    assert operation is not None
    test = build_operation_test(
        config=schema.config,
        operation=operation,
        test_func=attack,
        given_kwargs={},
        feedback=FeedbackSources(),
        explicit_settings=settings,
    )
    test(target=target, sent=sent)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation(name: str, schema: BaseSchema, target: Target) -> None:
    few = hypothesis.settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=QUIET,
        phases=[Phase.generate],  # those of every boundary of the schema, many times as many, each night
    )
    attacked(schema, name, target, few, set())


@pytest.mark.nightly
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_for_long(name: str, schema: BaseSchema, target: Target) -> None:
    many = hypothesis.settings(max_examples=1000, deadline=None, suppress_health_check=QUIET)
    attacked(schema, name, target, many)
