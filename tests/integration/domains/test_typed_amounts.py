"""Every form of the panel reads an amount by the same rules, and refuses what could be two with both named;
nothing changes then."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.staff_client import signed_in
from tests.factories.paying import held, look
from tests.factories.paying import hotel as money_hotel  # a fixture
from tests.integration.panel.test_catalogue import (
    BASE,
    editing,
    error_of,
    fields,
)
from tests.integration.panel.test_payments import page_of, panel, sold
from tests.integration.panel.test_rates_grid import (
    GRID,
    SLUG,
    field,
    hotel,
    night,
    price,
)

__all__ = ["money_hotel"]


async def rows(db: Database, table: str) -> Any:
    async with db.transaction() as tx:
        return await tx.fetchval(f"SELECT string_agg(t::text, ';' ORDER BY t::text) FROM {table} t")


NEW = {"code": "X", "name": "X"}
# The page with the form, the table it changes, its field, and what makes the field one of money.
FORMS: list[tuple[str, str, str, dict[str, str]]] = [
    (f"{BASE}/room-types/DBL", "room_type", "extra_adult", {}),
    (f"{BASE}/new-tax", "tax", "value", NEW | {"kind": "fixed"}),
    (f"{BASE}/new-policy", "cancellation_policy", "no_show_value", NEW | {"no_show_kind": "fixed"}),
    (f"{BASE}/new-plan", "rate_plan", "deposit_value", NEW | {"deposit_kind": "fixed"}),
    (
        f"{BASE}/new-plan",
        "rate_plan",
        "adjust_value",
        NEW | {"parent": "FLEX", "adjust_kind": "amount"},
    ),
]


@pytest.mark.parametrize(("path", "table", "name", "rest"), FORMS)
async def test_a_form_refuses_what_could_be_two(
    db: Database, database_url: str, path: str, table: str, name: str, rest: dict[str, str]
) -> None:
    async with editing(db, database_url) as client:
        page = await client.get(path)
        assert page.status_code == 200
        form = fields(page.text) | rest
        before = await rows(db, table)
        for typed, said in (
            ("1.200", "type 1200 or 1.20"),
            ("12,345", "type 12345 or 12.34 or 12.35"),
            ("0.005", "type 0.00 or 0.01"),
            ("$5", "type the amount alone"),
        ):
            refused = await client.post(path, data=form | {name: typed})
            assert refused.status_code == 422, typed
            assert said in error_of(refused.text, name).replace("Type", "type")
            assert await rows(db, table) == before
        saved = await client.post(path, data=form | {name: "\u0663,\u0665\u0660\u00a0€"})
        assert saved.status_code == 303, error_of(saved.text, name)
        after = await rows(db, table)
        assert after != before
        assert "350" in str(after)


@pytest.mark.parametrize(
    ("path", "table", "name", "rest"),
    [
        (f"{BASE}/new-tax", "tax", "value", NEW | {"kind": "percent"}),
        (f"{BASE}/new-policy", "cancellation_policy", "no_show_value", NEW | {"no_show_kind": "percent"}),
        (f"{BASE}/new-plan", "rate_plan", "deposit_value", NEW | {"deposit_kind": "percent"}),
        (f"{BASE}/new-plan", "rate_plan", "adjust_value", NEW | {"parent": "FLEX", "adjust_kind": "percent"}),
    ],
)
async def test_a_form_reads_a_percentage_by_the_same_rules(
    db: Database, database_url: str, path: str, table: str, name: str, rest: dict[str, str]
) -> None:
    async with editing(db, database_url) as client:
        form = fields((await client.get(path)).text) | rest
        before = await rows(db, table)
        for typed in ("12.12345", "1.2.3", "1e1", "ten"):
            assert (await client.post(path, data=form | {name: typed})).status_code == 422, typed
        assert await rows(db, table) == before
        assert (await client.post(path, data=form | {name: "7,5 %"})).status_code == 303
        assert "75000" in str(await rows(db, table))


async def test_bulk_edit_and_grid_refuse_what_could_be_two(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    bulk = {
        "first": night(0).isoformat(),
        "last": night(2).isoformat(),
        "weekdays": [str(day) for day in range(7)],
        "types": ["DBL"],
        "plans": ["FLEX"],
        "price_kind": "set",
        "round_to": "1",
    }
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):

        async def refused(path: str, data: dict[str, Any], said: str) -> None:
            answer = await client.post(path, data=data)
            assert answer.status_code == 422
            assert said in answer.text
            assert [await price(db, ids, offset) for offset in range(3)] == [10_000] * 3
            assert not await rows(db, "rate_edit")

        for path in (f"{GRID}/bulk/preview", f"{GRID}/bulk"):
            await refused(path, bulk | {"price_value": "12.000"}, "type 12000 or 12.00")
            await refused(path, bulk | {"price_kind": "percent", "price_value": "1.000"}, "type 1000 or 1")
        cell = {f"v|{field(0)}": "1,200", f"w|{field(0)}": "100.00"}
        await refused(GRID, cell, "type 1200 or 1.20")
        saved = await client.post(GRID, data={f"v|{field(0)}": "1 200,5", f"w|{field(0)}": "100.00"})
        assert saved.status_code == 303
        assert await price(db, ids, 0) == 120_050


async def test_yen_typed_with_a_point_are_not_twelve(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET currency = 'JPY' WHERE slug = $1", SLUG)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        answer = await client.post(GRID, data={f"v|{field(0)}": "12.000", f"w|{field(0)}": "10000"})
        assert answer.status_code == 422
        assert "could be 12,000 or 12 JPY" in answer.text
        assert await price(db, ids, 0) == 10_000


async def test_dinars_are_sold_in_amounts_that_can_be_charged(db: Database, database_url: str) -> None:
    """Cards take no third decimal but 0: neither a form nor the API takes one."""
    ids = await hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET currency = 'KWD' WHERE slug = $1", SLUG)
    key = await api_key(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, api),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        page = await client.get(GRID)
        assert 'data-v="10.00"' in page.text  # 10.000 would be read as ten thousand by some
        cell = {f"w|{field(0)}": "10.00"}
        answer = await client.post(GRID, data=cell | {f"v|{field(0)}": "12.3450"})
        assert answer.status_code == 422
        assert "charged in steps of 0.010. Type 12.34 or 12.35" in answer.text
        line = {
            "room_type": "DBL",
            "rate_plan": "FLEX",
            "from": night(0).isoformat(),
            "to": night(0).isoformat(),
            "price": 12_345,
        }
        sent: httpx.Response = await api.put(
            f"/api/v1/properties/{SLUG}/ari", json={"updates": [line]}, headers=bearer(key)
        )
        assert (sent.status_code, sent.json()["code"]) == (422, "amount_not_charged")
        assert sent.json()["field"] == "updates[0].price"
        assert await price(db, ids, 0) == 10_000
        assert (await client.post(GRID, data=cell | {f"v|{field(0)}": "12.34"})).status_code == 303
        assert await price(db, ids, 0) == 12_340


async def test_a_refund_and_a_transfer_are_read_by_the_same_rules(
    money_hotel: Database, database_url: str
) -> None:
    """A refund of "1.000" paid 1.00, and "12.345" paid 12.35."""
    db = money_hotel
    async with panel(database_url, db) as (client, gateways):
        booking = await sold(db, gateways)
        for typed, said in (
            ("1.000", "type 1000 or 1.00"),
            ("12.345", "type 12345 or 12.34 or 12.35"),
            ("0.005", "type 0.00 or 0.01"),
            ("$50", "type the amount alone"),
        ):
            refused = await client.post(
                f"{page_of(booking)}/refund", data={"amount": typed, "reason": "noise"}
            )
            assert refused.status_code == 422, typed
            assert said in refused.text.replace("Type", "type")
            assert not await rows(db, "refund")
        paid = await client.post(f"{page_of(booking)}/refund", data={"amount": "3,50 €", "reason": "noise"})
        assert paid.status_code == 303
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT sum(amount) FROM refund") == 350

        waiting = await held(db, "PRE")
        assert (await client.post(f"{page_of(waiting)}/transfer")).status_code == 303
        async with db.transaction() as tx:
            number = await tx.fetchval("SELECT id FROM payment WHERE booking_id = $1", waiting.id)
        where = f"{page_of(waiting)}/{number}/received"
        refused = await client.post(where, data={"received": "200.000", "statement": "17/3"})
        assert refused.status_code == 422
        assert "type 200000 or 200.00" in refused.text
        assert (await look(db, waiting.id)).status == "held"
        noted = await client.post(where, data={"received": "200,00", "statement": "17/3"})
        assert noted.status_code == 303
        assert (await look(db, waiting.id)).paid == 20_000
