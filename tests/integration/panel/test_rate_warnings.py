"""Rates that a revenue manager would be sorry for: prices of nothing are confirmed first, a minimum stay
above the maximum is refused where one row says both, and shown where two do."""

from __future__ import annotations

import re
from typing import Any

import httpx

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.types import Scope
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.world import TODAY as WORLD_TODAY
from tests.factories.world import make_rates
from tests.integration.panel.test_catalogue import fields
from tests.integration.panel.test_rates_grid import (
    GRID,
    SLUG,
    everything,
    field,
    grouped,
    hidden,
    hotel,
    night,
    price,
    saved,
    shown,
)

FREE = "Yes, sell these nights free of charge"


def bulk_edit(**changes: Any) -> dict[str, Any]:
    """The form of a bulk edit of the first three nights."""
    return {
        "first": str(night(0)),
        "last": str(night(2)),
        "weekdays": [str(number) for number in range(7)],
        "types": ["DBL"],
        "plans": ["FLEX"],
        "round_to": "1",
        **changes,
    }


async def test_a_price_of_nothing_is_confirmed_in_the_grid(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        before = await everything(db)
        cells = {field(1): ("100.00", "0"), field(2): ("100.00", "90.00")}
        asked = await saved(client, **cells)
        assert asked.status_code == 422
        assert "1 price would be 0, so guests could book free of charge" in shown(asked)
        assert FREE in shown(asked)
        assert await everything(db) == before
        # As the page sends it once the box is ticked.
        data = {f"w|{name}": was for name, (was, _) in cells.items()}
        data |= {f"v|{name}": to for name, (_, to) in cells.items()}
        assert (await client.post(GRID, data=data | {"free": "true"})).status_code == 303
        assert (await price(db, ids, 1), await price(db, ids, 2)) == (0, 9_000)
        grid = await client.get(GRID)
        assert grid.text.count('class="free"') == 2  # of FLEX, and of NRF that is derived from it
        # One that stands already asks nothing.
        assert (await saved(client, **{field(3): ("100.00", "80.00")})).status_code == 303
        for number in ("0", "0.00", "\u0660"):
            assert (await saved(client, **{field(4): ("100.00", number)})).status_code == 422


async def test_prices_of_nothing_are_confirmed_in_a_bulk_edit(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        for kind, value in (("set", "0"), ("percent", "-100"), ("amount", "-100")):
            before = await everything(db)
            preview = await client.post(
                f"{GRID}/bulk/preview", data=bulk_edit(price_kind=kind, price_value=value)
            )
            assert "3 prices become 0" in shown(preview)
            assert FREE in shown(preview)
            data = grouped(hidden(preview.text))
            refused = await client.post(f"{GRID}/bulk", data=data)
            assert refused.status_code == 422
            assert "3 prices would be 0" in shown(refused)
            assert grouped(hidden(refused.text)) == data
            assert await everything(db) == before
        assert (await client.post(f"{GRID}/bulk", data=data | {"free": "true"})).status_code == 303
        assert [await price(db, ids, offset) for offset in range(4)] == [0, 0, 0, 10_000]


async def test_a_row_that_contradicts_itself_is_refused(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        assert (await saved(client, **{field(2, "max_stay"): ("", "3")})).status_code == 303
        before = await everything(db)
        for cells in (
            {field(1, "min_stay_arrival"): ("", "5"), field(1, "max_stay"): ("", "4")},
            {field(1, "min_stay_through"): ("", "5"), field(1, "max_stay"): ("", "4")},
            {field(1, "min_stay_arrival", plan=""): ("", "5"), field(1, "max_stay", plan=""): ("", "4")},
            {field(2, "min_stay_arrival"): ("", "4")},  # the maximum stands there already
            {field(2, "min_stay_through"): ("", "4"), field(3): ("100.00", "90.00")},
        ):
            refused = await saved(client, **cells)
            assert refused.status_code == 422, cells
            assert "nobody could arrive" in shown(refused).lower()
            assert 'aria-invalid="true"' in refused.text
        for changes, beside in (
            ({"min_stay_arrival": "5", "max_stay": "4"}, "min_stay_arrival"),
            ({"min_stay_through": "4"}, "min_stay_through"),
        ):
            refused = await client.post(f"{GRID}/bulk/preview", data=bulk_edit(**changes))
            assert refused.status_code == 422, changes
            assert f'id="{beside}-error">With a min stay of ' in refused.text
        assert await everything(db) == before
        # What fits is saved, and so is what removes the contradiction in the same edit.
        both = bulk_edit(min_stay_through="4", clear=["max_stay"])
        preview = await client.post(f"{GRID}/bulk/preview", data=both)
        assert preview.status_code == 200, shown(preview)
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(preview.text)))).status_code == 303
        assert await price(db, ids, 2, column="min_stay_through") == 4
        shut = {field(6, "min_stay_arrival"): ("", "9"), field(6, "max_stay"): ("", "3")}
        shut[field(6, "closed_to_arrival")] = ("", "1")
        assert (await saved(client, **shut)).status_code == 303
        fits = {field(5, "min_stay_arrival"): ("", "3"), field(5, "max_stay"): ("", "3")}
        assert (await saved(client, **fits)).status_code == 303


async def test_undoing_brings_back_what_was_there(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:  # as two calls of a program leave it
        await tx.execute("UPDATE rate_night SET min_stay_arrival = 5, max_stay = 2")
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        lifted = bulk_edit(clear=["min_stay_arrival", "max_stay"])
        preview = await client.post(f"{GRID}/bulk/preview", data=lifted)
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(preview.text)))).status_code == 303
        assert await price(db, ids, 1, column="max_stay") is None
        async with db.transaction() as tx:
            edit = await tx.fetchval("SELECT max(id) FROM rate_edit")
        page = await client.get(f"{GRID}/edits/{edit}")
        undone = await client.post(f"{GRID}/edits/{edit}/undo", data=dict(hidden(page.text)))
        assert undone.status_code == 303, shown(undone)
        assert await price(db, ids, 1, column="max_stay") == 2


async def test_levels_that_contradict_each_other_are_shown(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        assert "Nobody can arrive" not in (await client.get(GRID)).text
        rules = {
            field(1, "max_stay", plan=""): ("", "3"),
            field(1, "min_stay_arrival"): ("", "5"),
            field(2, "max_stay", plan=""): ("", "3"),
            field(2, "min_stay_arrival"): ("", "5"),
            field(2, "closed_to_arrival"): ("", "1"),  # nobody shall
        }
        assert (await saved(client, **rules)).status_code == 303
        grid = await client.get(GRID)
        text = shown(grid)
        assert "Nobody can arrive on some nights" in text
        assert "on FLEX, " in text
        assert "min stay 5 nights, max stay 3 nights" in text
        assert grid.text.count(' class="unfit"') == 2  # FLEX, and NRF that takes its rules from it
        # A plan's own limits count too.
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_plan SET min_stay = 7 WHERE id = $1", ids["NRF"])
        assert (await saved(client, **{field(4, "max_stay", plan="NRF"): ("", "6")})).status_code == 303
        assert "min stay 7 nights, max stay 6 nights" in shown(await client.get(f"{GRID}?plans=NRF"))


async def test_the_api_refuses_a_call_that_contradicts_itself(db: Database, database_url: str) -> None:
    await hotel(db)
    address = f"/api/v1/properties/{SLUG}/ari"
    line = {"room_type": "DBL", "rate_plan": "FLEX", "from": str(night(1)), "to": str(night(3))}
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(bearer(await api_key(db, Scope.RATES_WRITE)))
        before = await everything(db)
        for updates, where in (
            ([line | {"min_stay_arrival": 5, "max_stay": 4}], "updates[0].max_stay"),
            ([line | {"min_stay_through": 5, "max_stay": 4}], "updates[0].max_stay"),
            ([line | {"max_stay": 4}, line | {"min_stay_arrival": 5}], "updates[1].min_stay_arrival"),
            (
                [
                    {**line, "rate_plan": None, "min_stay_arrival": 5},
                    {**line, "rate_plan": None, "max_stay": 2},
                ],
                "updates[1].max_stay",
            ),
        ):
            refused = await client.put(address, json={"updates": updates})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_ari"), refused.text
            assert refused.json()["field"] == where
        assert await everything(db) == before
        for taken in (
            [line | {"max_stay": 4}],
            [line | {"min_stay_arrival": 5}],  # what stands there may be changed by the next call
            [line | {"max_stay": 3}, line | {"min_stay_arrival": 5}, line | {"max_stay": 7}],
            [line | {"max_stay": 3}, {**line, "rate_plan": None, "min_stay_arrival": 5}],  # two levels
            [line | {"min_stay_arrival": 5, "max_stay": 4, "closed_to_arrival": True}],
            [line | {"price": 0}],
        ):
            assert (await client.put(address, json={"updates": taken})).status_code == 200, taken


async def test_a_preview_foretells_levels_that_contradict_each_other(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    for_type = bulk_edit(plans=["*"], max_stay="3")
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):

        async def previewed(edit: dict[str, Any]) -> httpx.Response:
            answer = await client.post(f"{GRID}/bulk/preview", data=edit)
            assert answer.status_code == 200, shown(answer)
            return answer

        assert "Nobody could arrive" not in (await previewed(for_type)).text
        assert (await saved(client, **{field(1, "min_stay_arrival"): ("", "5")})).status_code == 303
        told = await previewed(for_type)
        on = f"{night(1).day} "
        assert f"on FLEX, {on}" in shown(told)
        assert f"on NRF, {on}" in shown(told)  # it takes its parent's rule
        assert "min stay 5 nights, max stay 3 nights" in shown(told)
        # Others' edits may make it so after the preview: it is shown again before anything is saved.
        other = await previewed(bulk_edit(plans=["*"], max_stay="4", last=str(night(4))))
        assert (await saved(client, **{field(4, "min_stay_through"): ("", "6")})).status_code == 303
        again = await client.post(f"{GRID}/bulk", data=grouped(hidden(other.text)))
        assert again.status_code == 409
        assert "and 1 more night: min stay 5 nights, max stay 4 nights" in shown(again)
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(told.text)))).status_code == 303
        # What is so already is not foretold, but undoing what lifted it is.
        assert "Nobody could arrive" not in (await previewed(bulk_edit(closed_to_departure="1"))).text
        lift = await previewed(bulk_edit(plans=["*"], clear=["max_stay"]))
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(lift.text)))).status_code == 303
        async with db.transaction() as tx:
            edit = await tx.fetchval("SELECT max(id) FROM rate_edit")
        assert "Nobody could arrive on some nights" in (await client.get(f"{GRID}/edits/{edit}")).text
        # Nights that contradict themselves while closed are told of when they are opened, in every way.
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE rate_night SET closed = true, min_stay_arrival = 9, max_stay = 2"
                " WHERE night = $1 AND room_type_id = $2",
                night(2),
                ids["DBL"],
            )
        opened = await previewed(bulk_edit(closed="0"))
        assert "min stay 9 nights, max stay 2 nights" in shown(opened)
        assert "Nobody could arrive" not in (await previewed(bulk_edit(closed="0", types=["SGL"]))).text
        # A plan that the grid does not show is named as well.
        told = await saved(client, **{field(2, "closed"): ("1", "")})
        assert told.status_code == 303
        page = await client.get(f"{GRID}?plans=FLEX")
        assert "Nobody can arrive any more: " in shown(page)
        assert "and 1 more plan." in shown(page)
        # A plan that is no longer sold, and nights without a price, say nothing.
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_night SET closed = true WHERE night = $1", night(2))
            await tx.execute("UPDATE rate_night SET price = NULL WHERE night = $1", night(2))
        assert "Nobody could arrive" not in (await previewed(bulk_edit(closed="0"))).text
        priced = bulk_edit(closed="0", price_kind="set", price_value="80")
        assert "min stay 9 nights, max stay 2 nights" in shown(await previewed(priced))
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_plan SET active = false WHERE id = $1", ids["NRF"])
        assert "on NRF" not in shown(await previewed(priced))


async def test_saving_a_plan_says_which_nights_its_limits_shut(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    plan = f"/admin/properties/{SLUG}/plans/NRF"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):

        async def changed(**values: str) -> str:
            sent = fields((await client.get(plan)).text) | values
            answer = await client.post(plan, data=sent)
            assert answer.status_code == 303, shown(answer)
            return shown(await client.get(answer.headers["location"]))

        assert "Nobody can arrive" not in await changed(max_stay="4")
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE rate_night SET min_stay_arrival = 5 WHERE night = ANY ($1) AND room_type_id = $2",
                [night(1), night(3)],
                ids["DBL"],
            )
        assert "Nobody can arrive" not in await changed(description="With no way back")
        told = await changed(max_stay="3")
        assert f"Nobody can arrive on some nights: DBL on NRF, {night(1).day} " in told
        assert "and 1 more night: min stay 5 nights, max stay 3 nights" in told
        assert "Nobody can arrive" not in await changed(max_stay="9")


async def test_rates_are_copied_from_other_nights_and_from_another_hotel(
    db: Database, database_url: str
) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:
        shift = (night(0) - WORLD_TODAY).days
        await make_rates(tx, ids["foreign"], ids["theirs"], first=shift, nights=10, price=20_000)
        await tx.execute("UPDATE property SET child_bands = '{5,11}' WHERE slug = $1", SLUG)
        # As a channel manager sets them: what further persons pay on one night.
        await tx.execute(
            "UPDATE rate_night SET extra_adult = 2500, child_amounts = '{0,1200}'"
            " WHERE (room_type_id, rate_plan_id, night) = ($1, $2, $3)",
            ids["DBL"],
            ids["FLEX"],
            night(7),
        )
        # And from when there were three ages of children.
        await tx.execute(
            "UPDATE rate_night SET extra_adult = 2600, child_amounts = '{0,900,1200}'"
            " WHERE (room_type_id, rate_plan_id, night) = ($1, $2, $3)",
            ids["DBL"],
            ids["FLEX"],
            night(8),
        )
    copied = bulk_edit(copy=["prices", "restrictions"], copy_from=str(night(7)))
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        assert 'name="copy_hotel"' not in (await client.get(f"{GRID}/bulk")).text
        there = {field(7): ("100.00", "150.00"), field(8, "min_stay_arrival"): ("", "3")}
        assert (await saved(client, **there, **{field(2, "closed"): ("", "1")})).status_code == 303
        before = await everything(db)
        for wrong, why in (
            ({"copy": []}, "choose what to copy"),
            ({"copy_from": str(night(0))}, "these are the nights to change themselves"),
            ({"copy_hotel": "foreign"}, "there is no such hotel"),  # whose rates this account must not see
            ({"price_kind": "set", "price_value": "99"}, "a price is either copied or set"),
        ):
            refused = await client.post(f"{GRID}/bulk/preview", data=copied | wrong)
            assert (refused.status_code, why in shown(refused).lower()) == (422, True), (wrong, why)
        moved = await client.post(f"{GRID}/bulk/preview", data=copied | {"copy_from": str(night(6))})
        assert "Other days of the week" in shown(moved)
        preview = await client.post(
            f"{GRID}/bulk/preview", data=copied | {"price_kind": "percent", "price_value": "10"}
        )
        assert "Other days of the week" not in shown(preview)
        assert "Extra adult" in shown(preview)
        assert "as the room type 0.00, 12.00" in shown(preview)
        assert await everything(db) == before
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(preview.text)))).status_code == 303
        persons = [
            (await price(db, ids, n, column="extra_adult"), await price(db, ids, n, column="child_amounts"))
            for n in range(2)
        ]
        assert persons == [(2_500, [0, 1_200]), (2_600, None)]
        edit = re.findall(r"/edits/(\d+)", (await client.get(GRID)).text)[0]
        undoing = await client.get(f"{GRID}/edits/{edit}")
        back = await client.post(f"{GRID}/edits/{edit}/undo", data=dict(hidden(undoing.text)))
        assert back.status_code == 303
        assert (await everything(db))[1] == before[1]
        again = await client.post(f"{GRID}/bulk", data=grouped(hidden(preview.text)))
        assert again.status_code == 303
        assert [await price(db, ids, offset) for offset in range(4)] == [16_500, 11_000, 11_000, 10_000]
        assert await price(db, ids, 1, column="min_stay_arrival") == 3
        assert await price(db, ids, 2, column="closed") is False  # open there: what is not set is copied too
        assert "restrictions copied from" in shown(await client.get(GRID))
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, None)) as client,
    ):
        assert 'name="copy_hotel"' in (await client.get(f"{GRID}/bulk")).text
        theirs = bulk_edit(copy=["prices"], copy_hotel="foreign", last=str(night(1)))
        lacks = await client.post(f"{GRID}/bulk/preview", data=theirs | {"plans": ["FLEX", "NRF"]})
        assert (lacks.status_code, "has no rate plan NRF" in shown(lacks)) == (422, True)
        preview = await client.post(f"{GRID}/bulk/preview", data=theirs)
        assert (await client.post(f"{GRID}/bulk", data=grouped(hidden(preview.text)))).status_code == 303
        assert [await price(db, ids, offset) for offset in range(3)] == [20_000, 20_000, 11_000]
