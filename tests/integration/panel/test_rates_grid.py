"""Rates in the panel: the grid, cells saved at once, bulk edits, undo, and two editors at once."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import DAY_END, business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.changes import CellKey, InvalidEdit
from hotel_booking.domains.rates.edits import Cell
from hotel_booking.domains.rates.queries import load_catalogue
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.staff_client import signed_in
from tests.factories.world import TODAY as WORLD_TODAY
from tests.factories.world import (
    make_nights,
    make_plan,
    make_property,
    make_rates,
    make_room_type,
)

SLUG = "seaview"
ADA = Caller(kind="staff", name="Ada")
BEA = Caller(kind="staff", name="Bea")
GRID = f"/admin/properties/{SLUG}/rates"


async def hotel(db: Database) -> dict[str, int]:
    """A property with two room types, the plan FLEX and NRF (10 % less than it), for 40 nights from today on;
    and a foreign one."""
    async with db.transaction() as tx:
        shift = (night(0) - WORLD_TODAY).days
        one = await make_property(tx, SLUG)
        ids = {"property": one.id}
        ids["FLEX"] = await make_plan(tx, one)
        ids["NRF"] = await make_plan(
            tx, one, "NRF", policy="NRF", parent=ids["FLEX"], adjust=("percent", -100_000)
        )
        for sort, code in enumerate(("DBL", "SGL")):
            ids[code] = await make_room_type(tx, one, code, sort=sort)
            await make_nights(tx, ids[code], first=shift, nights=40, rooms=5)
            await make_rates(tx, ids[code], ids["FLEX"], first=shift, nights=40, price=10_000)
        two = await make_property(tx, "foreign")
        ids["foreign"] = await make_room_type(tx, two, "DBL")
        ids["theirs"] = await make_plan(tx, two)
    return ids


def night(offset: int) -> date:
    today = business_date(utc_now(), "Europe/Lisbon", DAY_END)  # asked each time: a run may pass midnight
    return today + timedelta(days=offset)


def field(offset: int, column: str = "price", kind: str = "DBL", plan: str = "FLEX") -> str:
    return f"{kind}|{plan}|{night(offset)}|{column}"


async def price(
    db: Database, ids: dict[str, int], offset: int, kind: str = "DBL", column: str = "price"
) -> Any:
    async with db.transaction() as tx:
        return await tx.fetchval(
            f"SELECT {column} FROM rate_night WHERE room_type_id = $1 AND rate_plan_id = $2 AND night = $3",
            ids[kind],
            ids["FLEX"],
            night(offset),
        )


def shown(answer: httpx.Response) -> str:
    """The page's text, without tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def test_the_grid_shows_what_is_sold(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE rate_night SET min_stay_arrival = 2, closed_to_departure = true"
            " WHERE room_type_id = $1 AND night = $2",
            ids["DBL"],
            night(3),
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        answer = await client.get(GRID)
        assert answer.status_code == 200, (answer.headers, answer.text[-500:])
        text = shown(answer)
        assert "5 left; 0 of 5 rooms sold" in text
        assert "min stay 2 nights on arrival" in text
        assert "no departure" in text
        assert "min stay 2 nights on arrival (from its parent)" in text
        assert '<i class="mark as inherited">FLEX</i>' in answer.text
        alone = await client.get(f"{GRID}?plans=NRF")
        assert '<i class="mark no inherited">no out</i>' in alone.text
        assert '<td title="derived">90<span' in answer.text
        assert 'data-v="100.00"' in answer.text
        only = await client.get(f"{GRID}?from={night(30)}&days=28&type=SGL&plans=FLEX")
        assert 'data-t="SGL"' in only.text
        assert 'data-t="DBL"' not in only.text
        assert "not on sale" in shown(only)
        assert "no price" in shown(only)
        one = await client.get("/admin/rates")
        assert (one.status_code, one.headers["location"]) == (303, GRID)
        for strange in (
            "from=x&days=9999999999999999&type=%01&plans=<script>",
            "from=0001-01-01",
            "from=9999-12-31",
        ):
            assert (await client.get(f"{GRID}?{strange}")).status_code == 200


async def saved(client: httpx.AsyncClient, **cells: tuple[str, str]) -> httpx.Response:
    """Post cells by name as (loaded with, wanted)."""
    data = {f"w|{name}": was for name, (was, _) in cells.items()}
    return await client.post(GRID, data=data | {f"v|{name}": to for name, (_, to) in cells.items()})


async def test_cells_are_saved_at_once_or_not_at_all(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG), name="Ada <b>") as client,
    ):
        answer = await saved(
            client,
            **{
                field(1): ("100.00", "129.50"),
                field(2): ("100.00", ""),
                field(3, "closed"): ("", "1"),
                field(3, "min_stay_arrival", plan="NRF"): ("", "3"),
                field(3, "overbooking_limit", plan=""): ("0", "2"),
                field(4): ("100.00", "100.00"),
            },
        )
        assert answer.status_code == 303, shown(answer)
        assert (await price(db, ids, 1), await price(db, ids, 2)) == (12_950, None)
        assert await price(db, ids, 3, column="closed") is True
        page = await client.get(GRID)
        assert "5 values set by hand" in shown(page)
        assert "Ada <b>" in shown(page)
        assert "Ada <b>" not in page.text
        before = await everything(db)
        for strange in (
            {field(5): ("100.00", "a lot")},
            {field(5): ("100.00", "-1")},
            {field(5): ("100.00", "9" * 29)},
            {field(5): ("100.00", "1\x002")},
            {field(5): ("100.00", "NaN")},
            {field(5): ("100.00", "120"), field(6): ("100.00", "<script>alert(1)</script>")},
            {field(5, "min_stay_arrival"): ("", "0")},
            {field(5, "max_stay"): ("", "367")},
            {field(5, plan="NRF"): ("", "90.00")},  # derived
            {field(5, kind="GONE"): ("100.00", "90.00")},
            {field(5, "id"): ("", "1")},
            {field(-1): ("100.00", "90.00")},
            {"DBL|FLEX|2030-99-99|price": ("", "1")},
            {"|||": ("", "1"), "x|" * 3000: ("", "1")},
        ):
            refused = await saved(client, **strange)
            assert refused.status_code == 422, strange
            assert "Nothing was saved" in shown(refused)
            assert "<script>alert" not in refused.text
        assert await everything(db) == before


async def everything(db: Database) -> list[Any]:
    async with db.transaction() as tx:
        return [
            await tx.fetch("SELECT * FROM room_night ORDER BY 1, 2"),
            await tx.fetch("SELECT * FROM rate_night ORDER BY 1, 2, 3"),
            await tx.fetchval("SELECT count(*) FROM rate_edit"),
        ]


async def test_fewer_rooms_than_sold_is_refused_in_words(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE room_night SET overbooking_limit = 2, taken = 7 WHERE room_type_id = $1", ids["DBL"]
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        refused = await saved(client, **{field(1, "overbooking_limit", plan=""): ("2", "1")})
        assert refused.status_code == 422
        assert "fewer rooms than are sold" in shown(refused)


async def test_a_conflict_is_told_and_not_overwritten(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG), name="Ada") as ada,
        signed_in(app, db, (Role.REVENUE, SLUG), name="Bea") as bea,
    ):
        await saved(bea, **{field(1): ("100.00", "111.00"), field(2): ("100.00", "122.00")})
        cells = {
            field(1): ("100.00", "99.00"),
            field(2): ("100.00", "98.00"),
            field(3): ("100.00", "97.00"),
        }
        told = await saved(ada, **cells)
        assert told.status_code == 409
        text = shown(told)
        assert "Keep theirs: 111.00 Bea" in text
        assert "Use mine: 99.00" in text
        assert "97.00" in text
        assert [await price(db, ids, offset) for offset in (1, 2, 3)] == [11_100, 12_200, 10_000]
        # The page's own form: mine for the first, theirs for the second, the third as it was meant.
        data = dict(hidden(told.text))
        data |= {f"k|{field(1)}": "mine", f"k|{field(2)}": "theirs"}
        assert (await ada.post(GRID, data=data)).status_code == 303
        assert [await price(db, ids, offset) for offset in (1, 2, 3)] == [9_900, 12_200, 9_700]
        # Somebody who wants what stands there already has no conflict; a third change in between has.
        again = await ada.post(GRID, data=data)
        assert again.status_code == 422  # nothing left to change
        await saved(bea, **{field(1): ("99.00", "77.00")})
        assert (await ada.post(GRID, data=data)).status_code == 409
        assert await price(db, ids, 1) == 7_700


def hidden(text: str) -> list[tuple[str, str]]:
    """Hidden fields of a page."""
    return [
        (unescape(name), unescape(value))
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    ]


async def test_programs_are_named_in_a_conflict_too(db: Database, database_url: str) -> None:
    await hotel(db)
    key = await api_key(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, partner),
        signed_in(app, db, (Role.REVENUE, SLUG)) as ada,
    ):
        line = {
            "room_type": "DBL",
            "rate_plan": "FLEX",
            "from": str(night(1)),
            "to": str(night(1)),
            "price": 5_000,
        }
        sent = await partner.put(
            f"/api/v1/properties/{SLUG}/ari", json={"updates": [line]}, headers=bearer(key)
        )
        assert sent.status_code == 200, sent.text
        told = await saved(ada, **{field(1): ("100.00", "99.00")})
        assert told.status_code == 409
        assert "Keep theirs: 50.00 test (API key)" in shown(told)
        assert "test (API key)" in shown(await ada.get(GRID))


async def test_read_only_sees_and_may_not_edit(db: Database, database_url: str) -> None:
    await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.READ_ONLY, SLUG)) as client,
    ):
        before = await everything(db)
        page = await client.get(GRID)
        assert page.status_code == 200
        for control in ("data-v=", "Bulk edit", "/edit?", "<dialog", "Save"):
            assert control not in page.text, control
        assert (await saved(client, **{field(1): ("100.00", "1.00")})).status_code == 403
        for path in ("/edit?type=DBL", "/bulk"):
            assert (await client.get(f"{GRID}{path}")).status_code == 403
        for path in ("/bulk", "/bulk/preview", "/edits/1/undo"):
            assert (await client.post(f"{GRID}{path}", data={"x": "1"})).status_code == 403
        assert await everything(db) == before


async def test_a_foreign_property_is_not_found(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:
        theirs = await load_catalogue(tx, "foreign")
        key = CellKey(ids["foreign"], ids["theirs"], night(1), "price")
        edit, _ = await edits.save_cells(
            tx, catalogue=theirs, cells=[Cell(key, None, 5)], by=BEA, now=utc_now()
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, SLUG)) as client,
    ):
        before = await everything(db)
        for path in ("", "/edit?type=DBL", "/bulk", f"/edits/{edit.id}"):
            assert (await client.get(f"/admin/properties/foreign/rates{path}")).status_code == 404, path
        for path in ("", "/bulk", "/bulk/preview", f"/edits/{edit.id}/undo"):
            answer = await client.post(f"/admin/properties/foreign/rates{path}", data={"v|a": "1"})
            assert answer.status_code == 404, path
        # Another property's edit and cells by the own property's address.
        assert (await client.get(f"{GRID}/edits/{edit.id}")).status_code == 404
        assert (await client.post(f"{GRID}/edits/{edit.id}/undo", data={"seen": ""})).status_code == 404
        async with db.transaction() as tx:
            own = await load_catalogue(tx, SLUG)
            with pytest.raises(InvalidEdit):
                await edits.save_cells(tx, catalogue=own, cells=[Cell(key, 5, 6)], by=ADA, now=utc_now())
        assert await everything(db) == before


async def test_without_a_script_nights_are_edited_in_a_form(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        page = await client.get(f"{GRID}/edit?type=DBL&plan=FLEX&days=7")
        assert page.status_code == 200
        fields = dict(hidden(page.text))
        typed = re.findall(r'name="(v\|[^"]+)" value="([^"]*)" inputmode', page.text)
        data: dict[str, Any] = fields | dict(typed) | {f"v|{field(1)}": "140"}
        data[f"v|{field(2, 'closed')}"] = ["", "1"]  # the hidden field, then the box that is ticked
        assert (await client.post(GRID, data=data)).status_code == 303
        assert (await price(db, ids, 1), await price(db, ids, 2, column="closed")) == (14_000, True)
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT cells FROM rate_edit") == 2
        derived = await client.get(f"{GRID}/edit?type=DBL&plan=NRF")
        assert "are derived" in shown(derived)
        assert "|price" not in derived.text
        assert (await client.get(f"{GRID}/edit?type=DBL")).status_code == 200
        for gone in ("type=GONE", "type=DBL&plan=GONE", ""):
            assert (await client.get(f"{GRID}/edit?{gone}")).status_code == 404


def bulk_edit(**changes: Any) -> dict[str, Any]:
    """The form of a bulk edit of a fortnight's Fridays and Saturdays, from today on."""
    return {
        "first": str(night(0)),
        "last": str(night(13)),
        "weekdays": ["4", "5"],
        "types": ["DBL", "SGL"],
        "plans": ["FLEX"],
        "price_kind": "percent",
        "price_value": "10",
        "round_to": "100",
        "closed_to_arrival": "1",
        **changes,
    }


async def test_a_bulk_edit_is_previewed_applied_and_undone(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    weekend = [offset for offset in range(14) if night(offset).weekday() in (4, 5)]
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG), name="Ada") as ada,
        signed_in(app, db, (Role.REVENUE, SLUG), name="Bea") as bea,
    ):
        before = await everything(db)
        form = await ada.get(f"{GRID}/bulk?first={night(3)}&last={night(5)}&types=SGL&plans=FLEX")
        assert f'value="{night(5)}"' in form.text
        preview = await ada.post(f"{GRID}/bulk/preview", data=bulk_edit())
        assert preview.status_code == 200, shown(preview)
        assert "16 values on 4 nights change" in shown(preview)
        assert "100.00 110.00" in shown(preview)
        assert await everything(db) == before
        data = grouped(hidden(preview.text))
        assert (await ada.post(f"{GRID}/bulk", data=data)).status_code == 303
        prices = [await price(db, ids, offset) for offset in range(14)]
        assert prices == [11_000 if offset in weekend else 10_000 for offset in range(14)]
        async with db.transaction() as tx:
            edit_id = await tx.fetchval("SELECT id FROM rate_edit")
            noted = await tx.fetchrow(
                "SELECT actor_kind, actor_name, before, after FROM audit_entry WHERE object_kind = 'rates'"
                " AND action = 'update' ORDER BY id DESC LIMIT 1"
            )
        assert noted is not None
        assert (noted["actor_kind"], noted["actor_name"]) == ("staff", "Ada")
        assert (noted["before"]["highest"], noted["after"]["highest"]) == (10_000, 11_000)
        # Bea changes one of them; undoing names it and leaves it alone.
        assert (await saved(bea, **{field(weekend[0]): ("110.00", "150.00")})).status_code == 303
        page = await ada.get(f"{GRID}/edits/{edit_id}")
        assert "1 value was changed since and stays as it is" in shown(page)
        assert "150.00 Bea" in shown(page)
        assert "Undo the other 15" in shown(page)
        data = dict(hidden(page.text))
        # Not what was shown: Bea is at it again.
        await saved(bea, **{field(weekend[1]): ("110.00", "160.00")})
        told = await ada.post(f"{GRID}/edits/{edit_id}/undo", data=data)
        assert told.status_code == 409
        assert "Undo the other 14" in shown(told)
        assert await price(db, ids, weekend[2]) == 11_000
        assert (
            await ada.post(f"{GRID}/edits/{edit_id}/undo", data=dict(hidden(told.text)))
        ).status_code == 303
        assert [await price(db, ids, offset) for offset in weekend] == [15_000, 16_000, 10_000, 10_000]
        twice = await ada.post(f"{GRID}/edits/{edit_id}/undo", data=dict(hidden(told.text)))
        assert twice.status_code == 422
        assert "already been undone" in shown(twice)
        assert "This change was undone" in shown(await ada.get(f"{GRID}/edits/{edit_id}"))
        # Undoing the undoing brings the edit back.
        async with db.transaction() as tx:
            last = await tx.fetchval("SELECT max(id) FROM rate_edit")
        page = await ada.get(f"{GRID}/edits/{last}")
        assert (await ada.post(f"{GRID}/edits/{last}/undo", data=dict(hidden(page.text)))).status_code == 303
        assert [await price(db, ids, offset) for offset in weekend] == [15_000, 16_000, 11_000, 11_000]
        assert (await ada.get(f"{GRID}/edits/999999")).status_code == 404


def grouped(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


async def test_a_preview_that_is_out_of_date_is_shown_anew(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        preview = await client.post(
            f"{GRID}/bulk/preview", data=bulk_edit(weekdays=[str(i) for i in range(7)])
        )
        await saved(client, **{field(1): ("100.00", "200.00")})
        told = await client.post(f"{GRID}/bulk", data=grouped(hidden(preview.text)))
        assert told.status_code == 409
        assert "200.00 220.00" in shown(told)
        assert await price(db, ids, 2) == 10_000
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(told.text)))).status_code == 303
        assert (await price(db, ids, 1), await price(db, ids, 2)) == (22_000, 11_000)
        wrongs: list[dict[str, Any]] = [
            {"plans": ["NRF"]},
            {"price_value": "x"},
            {"price_value": "-101"},
            {"price_value": "1e999999999"},
            {"price_value": ""},
            {"price_kind": "multiply"},
            {"first": str(night(-1))},
            {"last": "2026-02-30"},
            {"weekdays": []},
            {"types": []},
            {"types": ["GONE"]},
            {"plans": []},
            {"round_to": "7"},
            {"max_stay": "4", "clear": ["max_stay"]},
            {"min_stay_arrival": "🏨" * 10},
            {"overbooking_limit": "\x00"},
        ]
        for wrong in wrongs:
            for path in ("/bulk/preview", "/bulk"):
                refused = await client.post(f"{GRID}{path}", data=bulk_edit(**wrong))
                assert refused.status_code == 422, (wrong, path)


async def test_a_whole_screen_is_saved_at_once(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    cells = {
        field(offset, column, kind): (was, to)
        for kind in ("DBL", "SGL")
        for offset in range(28)
        for column, was, to in (
            ("price", "100.00", f"{100 + offset}"),
            *((flag, "", "1") for flag in ("closed", "closed_to_arrival", "closed_to_departure")),
            *((limit, "", "9") for limit in ("min_stay_arrival", "min_stay_through", "max_stay")),
        )
    }
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        answer = await saved(client, **cells)
        assert answer.status_code == 303, shown(answer)
        assert await price(db, ids, 27, "SGL") == 12_700
        # All of them in conflict: 390 cells come back to be asked about.
        told = await saved(
            client, **{name: ("", "8") if "max" in name else pair for name, pair in cells.items()}
        )
        assert told.status_code == 409
        assert told.text.count('value="mine"') == 28 * 2
