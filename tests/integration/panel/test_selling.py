"""Room types, rooms, plans, policies and taxes in the panel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.embedded import Cluster
from tests.clients.staff_client import signed_in
from tests.databases import filled
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    SLUG,
    make_quote,
    stay,
)
from tests.integration.http.test_access import contents
from tests.integration.panel.test_catalogue import (
    BASE,
    HOSTILE,
    editing,
    error_of,
    fields,
    hotel,
    said,
    trying,
    two_hotels,
    value,
)


@pytest.fixture(scope="module")
def tried(cluster: Cluster) -> Iterator[str]:
    """The URL of a database with the hotels; whatever is sent there is refused."""
    with filled(cluster, two_hotels) as (url, _):
        yield url


async def book(db: Database) -> None:
    """A booking of the small hotel's double on FLEX, years ahead."""
    quote = await make_quote(db, stay(3, 2))
    async with db.transaction() as tx:
        await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW, lifetime=timedelta(minutes=15))


# Room types --------------------------------------------------------------------------------------


async def test_a_room_type_is_made_changed_and_removed(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        form = fields((await client.get(f"{BASE}/new-room-type")).text)
        form |= {"name": HOSTILE, "code": "FAM", "max_occupancy": "4", "max_children": "2", "size_m2": "31"}
        form |= {"extra_adult": "25.50", "child-0": "", "child-1": "12", "bed-0": "double", "beds-0": "1"}
        form |= {"bed-1": "sofa bed", "beds-1": "2", "amenities": ["7", "13"]}
        made = await client.post(f"{BASE}/new-room-type", data=form)
        assert made.status_code == 303, said(made.text)
        listed = await client.get(f"{BASE}/room-types")
        assert "<script>alert" not in listed.text
        assert "1 double bed, 2 sofa bed" in said(listed.text)
        shown = fields((await client.get(f"{BASE}/room-types/FAM")).text)
        assert (shown["extra_adult"], shown["child-1"], shown["beds-1"]) == ("25.50", "12.00", "2")
        assert sorted(shown["amenities"]) == ["13", "7"]
        changed = await client.post(f"{BASE}/room-types/FAM", data=shown | {"name": "Family"})
        assert changed.status_code == 303, said(changed.text)
        old = await client.post(f"{BASE}/room-types/FAM", data=shown | {"name": "Other"})
        assert old.status_code == 409
        assert "Ada Member has changed this since you opened it" in said(old.text)
        assert error_of(old.text, "name") == "Is now: Family"
        asked = await client.get(f"{BASE}/room-types/FAM/delete")
        assert "It is not in use" in said(asked.text)
        gone = await client.post(f"{BASE}/room-types/FAM/delete", data=fields(asked.text))
        assert gone.status_code == 303, said(gone.text)
        assert (await client.get(f"{BASE}/room-types/FAM")).status_code == 404
    assert await value(db, "SELECT count(*) FROM room_type WHERE code = 'FAM'") == 0


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"code": "a b"}, "code", "letters, digits"),
        ({"code": "DBL"}, "code", "already a room type"),
        ({"name": ""}, "name", "filled in"),
        ({"max_occupancy": "0"}, "max_occupancy", "from 1 to 100"),
        ({"base_occupancy": "9"}, "base_occupancy", "more than the room sleeps"),
        ({"max_children": "4"}, "max_children", "at least one adult"),
        ({"extra_adult": "-1"}, "extra_adult", "too small"),
        ({"extra_adult": "lots"}, "extra_adult", "amount of EUR"),
        ({"bed-0": "x" * 41}, "bed-0", "longer than 40"),
    ],
)
async def test_what_is_wrong_with_a_room_type(
    tried: str, change: dict[str, str], field: str, text: str
) -> None:
    async with trying(tried) as (db, client):
        form = fields((await client.get(f"{BASE}/new-room-type")).text)
        form |= {"name": "New", "code": "NEW", "max_occupancy": "4", "max_children": "2"}
        before = await contents(db)
        answer = await client.post(f"{BASE}/new-room-type", data=form | change)
        assert answer.status_code in (409, 422)
        assert text in (error_of(answer.text, field) if field else said(answer.text).lower())
        assert await contents(db) == before


async def test_what_is_in_use_says_where_and_stays(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        await book(db)
        before = await contents(db)
        for path, texts in (
            ("room-types/DBL", ("1 upcoming booking has it", "1 room : DBL-1", "close its nights")),
            ("plans/FLEX", ("1 upcoming booking has it", "1 rate plan derives from it : NRF", "off sale")),
            ("policies/FLEX", ("1 rate plan : FLEX",)),
        ):
            page = await client.get(f"{BASE}/{path}/delete")
            for text in texts:
                assert text in said(page.text), (path, text)
            refused = await client.post(f"{BASE}/{path}/delete", data={"version": "1"})
            assert refused.status_code == 409
            for text in texts:
                assert text in said(refused.text)
        assert 'href="/admin/bookings' in (await client.get(f"{BASE}/plans/FLEX/delete")).text
        assert "/room-types/DBL/deactivate" not in (await client.get(f"{BASE}/room-types/DBL/delete")).text
        assert (await client.post(f"{BASE}/room-types/DBL/deactivate", data={})).status_code == 409
        assert await contents(db) == before


# Rooms -------------------------------------------------------------------------------------------


async def test_rooms_come_in_ranges_and_go_one_by_one(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        form = {"numbers": "101-103, B7, A08-A09", "room_type": "DBL", "floor": "1"}
        assert (await client.post(f"{BASE}/rooms", data=form)).status_code == 303
        page = await client.get(f"{BASE}/rooms")
        for number in ("101", "102", "103", "B7", "A08", "A09"):
            assert number in said(page.text)
        room_id = await value(db, "SELECT id FROM room WHERE number = '101'")
        nights = await value(db, "SELECT max(physical) FROM room_night")
        assert nights == 7
        for change, text in (
            ({"numbers": "1-999"}, "not a range of up to 200"),
            ({"numbers": ","}, "filled in"),
            ({"numbers": "9" * 21}, "longer than 20"),
            ({"room_type": ""}, "filled in"),
        ):
            refused = await client.post(f"{BASE}/rooms", data=form | change)
            assert refused.status_code == 422
            assert text in said(refused.text)
        before = await contents(db)
        taken = await client.post(f"{BASE}/rooms", data=form | {"numbers": "200, 101"})
        assert taken.status_code == 409
        assert "there is already a room '101'" in error_of(taken.text, "numbers").lower()
        assert "200" not in said(taken.text.partition("<table")[2])
        assert await contents(db) == before
        form = fields((await client.get(f"{BASE}/rooms/{room_id}")).text)
        assert (await client.post(f"{BASE}/rooms/{room_id}", data=form | {"floor": "2"})).status_code == 303
        again = fields((await client.get(f"{BASE}/rooms/{room_id}")).text)
        odd = await client.post(f"{BASE}/rooms/{room_id}", data=again | {"number": "a/b"})
        assert (odd.status_code, "not A/1" in error_of(odd.text, "number")) == (422, True)
        named = await client.post(f"{BASE}/rooms/{room_id}", data=again | {"number": "Suite Azul"})
        assert named.status_code == 303
        assert "Suite Azul" in (await client.get(f"{BASE}/rooms")).text
        slashed = await client.post(f"{BASE}/rooms", data={"numbers": "a/b", "room_type": "DBL"})
        assert (slashed.status_code, "not A/1" in error_of(slashed.text, "numbers")) == (422, True)
        late = await client.post(
            f"{BASE}/rooms/{room_id}", data=form | {"floor": "3", "number": "Suite Azul"}
        )
        assert (late.status_code, error_of(late.text, "floor")) == (409, "Is now: 2")
        asked = fields((await client.get(f"{BASE}/rooms/{room_id}/delete")).text)
        assert (await client.post(f"{BASE}/rooms/{room_id}/delete", data=asked)).status_code == 303
    assert await value(db, "SELECT max(physical) FROM room_night") == 6


async def test_a_room_with_a_history_stays(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        room_id = await value(db, "SELECT id FROM room")
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO room_use (room_id, stay, reason)"
                " VALUES ($1, '[2020-01-01,2020-01-02)', 'paint')",
                room_id,
            )
            await tx.execute(
                "INSERT INTO room_use (room_id, stay, reason)"
                " VALUES ($1, '[2030-06-01,2030-06-03)', 'paint')",
                room_id,
            )
        form = fields((await client.get(f"{BASE}/rooms/{room_id}")).text) | {"active": ""}
        used = await client.post(f"{BASE}/rooms/{room_id}", data=form)
        assert used.status_code == 409
        assert "is used from 1 June 2030 to 3 June 2030" in said(used.text)
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM room_use WHERE lower(stay) > '2030-01-01'")
        refused = await client.post(f"{BASE}/rooms/{room_id}/delete", data={"version": "1"})
        assert refused.status_code == 409
        assert "1 time out of order" in said(refused.text)
        assert (await client.post(f"{BASE}/rooms/{room_id}/deactivate", data={})).status_code == 303
    assert not await value(db, "SELECT active FROM room")


# Rate plans --------------------------------------------------------------------------------------


async def test_derived_plans_are_shown_as_derived(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        page = await client.get(f"{BASE}/plans")
        assert "FLEX −10%" in said(page.text)  # noqa: RUF001  # a minus sign, as it is shown
        assert "€108.00 €120.00" in said(page.text)  # by the code that sells
        form = fields((await client.get(f"{BASE}/new-plan")).text)
        form |= {"name": "Breakfast", "code": "BB", "parent": "FLEX", "adjust_kind": "amount", "meal": "3"}
        form |= {"adjust_value": "12.50", "per_person": "true", "min_advance_days": "14", "min_stay": "2"}
        made = await client.post(f"{BASE}/new-plan", data=form)
        assert made.status_code == 303, said(made.text)
        listed = said((await client.get(f"{BASE}/plans")).text)
        for text in (
            "FLEX +€12.50 per person and night",
            "€145.00",
            "Booked at least 14 days before arrival",
            "For stays of 2 nights or more",
        ):
            assert text in listed
        shown = await client.get(f"{BASE}/plans/BB")
        assert "Derived: FLEX +€12.50 per person and night" in said(shown.text)
        assert f'href="{BASE}/plans/FLEX"' in shown.text
        form = fields(shown.text)
        changed = await client.post(
            f"{BASE}/plans/BB", data=form | {"adjust_value": "-5", "deposit_kind": "full"}
        )
        assert changed.status_code == 303, said(changed.text)
        assert (await client.post(f"{BASE}/plans/FLEX/deactivate", data={})).status_code == 409
        gone = await client.post(f"{BASE}/plans/BB/delete", data={"version": "2"})
        assert gone.status_code == 303
    assert await value(db, "SELECT count(*) FROM rate_plan") == 2


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"adjust_value": "much"}, "adjust_value", "not a percentage"),
        ({"adjust_value": "-100"}, "adjust_value", "above -100"),
        ({"adjust_value": ""}, "adjust_value", "filled in"),
        ({"parent": "NRF"}, "parent", "itself derived"),
        ({"per_person": "true"}, "", "does not depend on the number of persons"),
        ({"deposit_kind": "percent", "deposit_value": "101"}, "deposit_value", "from 0 to 100"),
        ({"deposit_kind": "nights", "deposit_value": "many"}, "deposit_value", "whole number"),
        ({"min_stay": "5", "max_stay": "2"}, "min_stay", "at least 5 and at most 2"),
        ({"meal": "99"}, "meal", "one of the options"),
        ({"policy": "NONE"}, "", "no cancellation policy"),
    ],
)
async def test_what_is_wrong_with_a_plan(tried: str, change: dict[str, str], field: str, text: str) -> None:
    async with trying(tried) as (db, client):
        form = fields((await client.get(f"{BASE}/new-plan")).text)
        form |= {"name": "New", "code": "NEW", "parent": "FLEX", "adjust_value": "-5"}
        before = await contents(db)
        answer = await client.post(f"{BASE}/new-plan", data=form | change)
        assert answer.status_code in (409, 422), said(answer.text)
        assert text in (error_of(answer.text, field) if field else answer.text)
        assert await contents(db) == before


# Policies ----------------------------------------------------------------------------------------


async def test_a_policys_steps_are_added_and_removed_without_a_script(
    db: Database, database_url: str
) -> None:
    async with editing(db, database_url) as client:
        page = await client.get(f"{BASE}/new-policy")
        form = fields(page.text) | {"name": "Two steps", "code": "TWO"}
        assert "€120.00" in said(page.text)
        before = await contents(db)
        more = await client.post(f"{BASE}/new-policy", data=form | {"act": "add"})
        assert more.status_code == 200
        two = fields(more.text)
        assert (two["steps"], two["name"], two["days-1"]) == ("2", "Two steps", "0")
        two |= {
            "days-0": "7",
            "kind-0": "percent",
            "value-0": "50",
            "days-1": "1",
            "kind-1": "percent",
            "value-1": "100",
        }
        tried = await client.post(f"{BASE}/new-policy", data=two | {"act": "example"})
        for text in (
            "Free cancellation until",
            "cancelling costs €180.00",
            "cancelling costs the full price, €360.00",
        ):
            assert text in said(tried.text)
        less = await client.post(f"{BASE}/new-policy", data=two | {"act": "remove-0"})
        assert (fields(less.text)["steps"], fields(less.text)["days-0"]) == ("1", "1")
        assert await contents(db) == before
        saved = await client.post(f"{BASE}/new-policy", data=two | {"act": "save"})
        assert saved.status_code == 303, said(saved.text)
        shown = fields((await client.get(f"{BASE}/policies/TWO")).text)
        assert (shown["days-0"], shown["value-0"], shown["days-1"]) == ("7", "50", "1")
        first = await client.post(f"{BASE}/policies/TWO", data=shown | {"act": "save", "value-0": "40"})
        assert first.status_code == 303
        late = await client.post(f"{BASE}/policies/TWO", data=shown | {"act": "save", "value-0": "30"})
        assert (late.status_code, error_of(late.text, "value-0")) == (409, "Is now: 40")
        assert (await client.post(f"{BASE}/policies/TWO/delete", data={"version": "2"})).status_code == 303
    assert await value(db, "SELECT count(*) FROM cancellation_policy") == 2


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"value-0": "101"}, "value-0", "0 to 100"),
        ({"value-0": "half"}, "value-0", "not a percentage"),
        ({"kind-0": "gift"}, "kind-0", "one of the options"),
        ({"at-0": "noon"}, "at-0", "such as 15:00"),
        ({"days-0": "-1"}, "days-0", "from 0 to 3650"),
        ({"days-1": "9"}, "days-1", "Must be later than the step above"),
        ({"no_show_value": ""}, "no_show_value", "filled in"),
        ({"code": "ä"}, "code", "letters, digits"),
        ({"name": "a\x00"}, "name", "be stored"),
    ],
)
async def test_what_is_wrong_with_a_policy(tried: str, change: dict[str, str], field: str, text: str) -> None:
    async with trying(tried) as (db, client):
        form = {
            "name": "New",
            "code": "NEW",
            "steps": "2",
            "act": "save",
            "no_show_kind": "nights",
            "no_show_value": "1",
        }
        for place, days in enumerate(("7", "1")):
            form |= {
                f"days-{place}": days,
                f"at-{place}": "18:00",
                f"kind-{place}": "percent",
                f"value-{place}": "50",
            }
        before = await contents(db)
        answer = await client.post(f"{BASE}/new-policy", data=form | change)
        assert answer.status_code == 422
        assert text in error_of(answer.text, field)
        assert await contents(db) == before


# Taxes -------------------------------------------------------------------------------------------


async def test_a_tax_is_told_in_words_with_an_example(db: Database, database_url: str) -> None:
    async with editing(db, database_url) as client:
        form = fields((await client.get(f"{BASE}/new-tax")).text)
        form |= {"name": "City tax", "code": "CITY", "kind": "fixed", "value": "2.00", "charge_type": "21"}
        form |= {"included": "false", "exempt_below_age": "13", "max_nights": "7"}
        made = await client.post(f"{BASE}/new-tax", data=form)
        assert made.status_code == 303, said(made.text)
        page = said((await client.get(f"{BASE}/taxes")).text)
        for text in (
            "€2.00 for each person and night, added to the prices, not for guests under 13",
            "for the first 7 nights",
            "the guest pays €372.00 €12.00",
        ):
            assert text in page
        shown = fields((await client.get(f"{BASE}/taxes/CITY")).text)
        assert (shown["value"], shown["included"], shown["charge_type"]) == ("2.00", "false", "21")
        assert (await client.post(f"{BASE}/taxes/CITY", data=shown | {"value": "3"})).status_code == 303
        late = await client.post(f"{BASE}/taxes/CITY", data=shown | {"value": "4"})
        assert (late.status_code, error_of(late.text, "value")) == (409, "Is now: 3.00")
        for change, field, text in (
            ({"kind": "percent", "charge_type": "21"}, "charge_type", "number of persons"),
            (
                {"kind": "percent", "charge_type": "19", "value": "101", "exempt_below_age": ""},
                "value",
                "0 to 100",
            ),
            ({"valid_from": "2030-02-01", "valid_to": "2030-01-01"}, "valid_to", "ends after it begins"),
            ({"value": ""}, "value", "filled in"),
            ({"code": "CITY"}, "code", "already a tax"),
        ):
            new = shown | {"code": "NEW"} | change
            refused = await client.post(f"{BASE}/new-tax", data=new)
            assert refused.status_code in (409, 422), change
            assert text in (error_of(refused.text, field) if field else said(refused.text)), change
        gone = await client.post(f"{BASE}/taxes/CITY/delete", data={"version": "2"})
        assert gone.status_code == 303
    assert await value(db, "SELECT count(*) FROM tax") == 0


# Who may ------------------------------------------------------------------------------------------

PAGES = [
    "", "/details", "/texts", "/photos", "/room-types", "/room-types/DBL", "/rooms", "/plans", "/plans/NRF",
    "/policies", "/policies/FLEX", "/taxes",
]  # fmt: skip
FORMS = [
    "/details", "/texts", "/photos", "/new-room-type", "/room-types/DBL", "/room-types/DBL/delete",
    "/room-types/DBL/deactivate", "/rooms", "/new-plan", "/plans/NRF", "/plans/NRF/delete",
    "/plans/NRF/deactivate", "/new-policy", "/policies/FLEX", "/policies/FLEX/delete", "/new-tax", "/delete",
    "/deactivate",
]  # fmt: skip


async def test_read_only_sees_everything_and_changes_nothing(db: Database, database_url: str) -> None:
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.READ_ONLY, SLUG)) as client:
        before = await contents(db)
        for path in PAGES:
            page = await client.get(BASE + path)
            assert page.status_code == 200, path
            main = page.text.partition("<main")[2]
            assert 'method="post"' not in main or "disabled" in main or "readonly" in main, path
            for word in ("Upload", ">Save<", "Remove …", "New room type", "New rate plan"):
                assert word not in main, (path, word)
        for path in FORMS:
            answer = await client.post(BASE + path, data={"version": "1", "name": "X"})
            assert answer.status_code == 403, path
        assert await contents(db) == before


async def test_another_property_is_not_there(db: Database, database_url: str) -> None:
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.OWNER, "elsewhere")) as client:
        before = await contents(db)
        room_id = await value(db, "SELECT id FROM room")
        for path in PAGES:
            assert (await client.get(BASE + path)).status_code == 404, path
        for path in FORMS:
            assert (await client.post(BASE + path, data={"version": "1"})).status_code == 404, path
        # What belongs to another property, under the own one's address.
        own = "/admin/properties/elsewhere"
        for path in (f"/rooms/{room_id}", "/room-types/DBL", "/plans/FLEX", "/policies/FLEX", "/rooms/0"):
            assert (await client.get(own + path)).status_code in (400, 404), path
            assert (await client.post(f"{own}{path}/delete", data={"version": "1"})).status_code in (
                400,
                404,
            ), path
        assert await contents(db) == before


async def test_empty_and_hostile_forms_are_answered(db: Database, database_url: str) -> None:
    hostile = {
        "version": "x",
        "name": HOSTILE,
        "steps": "999",
        "act": "remove-9",
        "numbers": HOSTILE,
        "kind": "\x00",
    }
    async with hotel(db, database_url) as app, signed_in(app, db, (Role.OWNER, None)) as client:
        for path in (*FORMS, "/rooms/1", "/photos/1", "/photos/1/move"):
            for data in ({}, hostile, {"version": "99999999999999999999", "name": "y" * 10_000}):
                answer = await client.post(BASE + path, data=data)
                assert answer.status_code < 500, (path, data)
                assert "<script>alert" not in answer.text
