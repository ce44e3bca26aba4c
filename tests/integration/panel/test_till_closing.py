"""The till is closed: what was counted beside what should have been there, each payment in one closing, and
nothing closed on a page that somebody overtook."""

from __future__ import annotations

import asyncio
import re

import asyncpg
import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.types import Scope
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.paying import one
from tests.factories.small_hotel import SLUG, small_hotel
from tests.factories.world import make_property
from tests.integration.http.test_access import contents
from tests.integration.panel.test_desk_payments import page_of, panel, typed
from tests.integration.panel.test_rates_grid import shown
from tests.integration.panel.test_till import a_shift
from tests.integration.payments.test_desk_payments import owing, record

CLOSE = "/admin/payments/desk/close"
CLOSINGS = "/admin/payments/desk/closings"
LISTED = f"/api/v1/properties/{SLUG}/till-closings"


async def counted(client: httpx.AsyncClient, **typed: str) -> httpx.Response:
    """Open the page of closing, and send it filled in."""
    seen = re.search(r'name="seen" value="([^"]*)"', (await client.get(f"{CLOSE}?property={SLUG}")).text)
    assert seen is not None
    return await client.post(CLOSE, data={"property": SLUG, "seen": seen[1], **typed})


async def test_each_shift_begins_with_what_the_last_one_left(hotel: Database, database_url: str) -> None:
    await a_shift(hotel, database_url)  # 50.50 in cash are left of it
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        assert f"{CLOSE}?property={SLUG}" in (await client.get("/admin/payments/desk")).text
        assert "Not closed yet" in (await client.get(CLOSINGS)).text
        first = await client.get(CLOSE)
        assert "It is the first closing" in shown(first)
        assert "Taken €70.50" in shown(first)
        assert "Reversed: recorded by mistake -€20.00" in shown(first)
        closed = await counted(
            client, opening="100", counted="150", removed="50,00", note="<b>0.50</b> short"
        )
        assert (closed.status_code, closed.headers["location"]) == (303, f"{CLOSINGS}?property={SLUG}")
        text = shown(listed := await client.get(closed.headers["location"]))
        assert "The till is closed: €150.00 was counted, €0.50 missing." in text
        assert "Ada Member" in text
        assert "&lt;b&gt;0.50&lt;/b&gt; short" in listed.text
        assert re.search(r"€100\.00 €50\.50 €150\.00 -€0\.50 €50\.00 €100\.00", text)
        entries = re.search(r'href="(/admin/payments/desk\?[^"]*since=[^"]*)"', listed.text)
        assert entries is not None
        assert "€50.50" in shown(await client.get(entries[1].replace("&amp;", "&")))
        # What was in that closing is in no other.
        again = await client.get(f"{CLOSE}?property={SLUG}")
        assert "Left in the till by Ada Member €100.00 Taken €0.00" in shown(again)
        assert 'value="100.00"' in again.text
        booking = await owing(hotel, 40)
        await client.post(f"{page_of(booking)}/desk-payments", data=typed("30"))
        exact = await counted(client, opening="100", counted="130")
        told = shown(await client.get(exact.headers["location"]))
        assert "€130.00 was counted, as it should be" in told
        assert "Left in the till by Ada Member €130.00 Taken €0.00" in shown(await client.get(CLOSE))
        # Nobody makes money vanish between two closings by saying that it was not there.
        less = await counted(client, opening="110", counted="110")
        told = shown(await client.get(less.headers["location"]))
        assert "as it should be. At the beginning there was €20.00 less in it than the closing before" in told
        assert "€110.00 -€20.00 since the closing before" in told
        key = await api_key(hotel, Scope.REPORTS_READ)
        newest, *_, first = (await client.get(LISTED, headers=bearer(key))).json()["items"]
        assert (newest["left_before"]["amount"], newest["opening"]["amount"]) == (13_000, 11_000)
        assert first["left_before"] is None
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE till_closing SET counted = 0")
    entry = await one(hotel, "SELECT after FROM audit_entry WHERE object_kind = 'till_closing' LIMIT 1")
    assert entry["counted"] == 15_000
    assert "entries" not in entry


async def test_nothing_is_closed_on_a_page_that_somebody_overtook(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    await record(hotel, booking, 1_000)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        seen = re.search(r'name="seen" value="([^"]*)"', (await client.get(CLOSE)).text)
        assert seen is not None
        form = {"property": SLUG, "seen": seen[1], "opening": "0", "counted": "10"}
        await record(hotel, booking, 500)
        late = await client.post(CLOSE, data=form)
        assert late.status_code == 422
        assert "Cash came or went, or somebody closed the till" in shown(late)
        assert "Taken €15.00" in shown(late)
        assert 'value="10"' in late.text  # what was typed stays
        assert await one(hotel, "SELECT count(*) FROM till_closing") == 0
        # Two who count at once: one of them closes it.
        seen = re.search(r'name="seen" value="([^"]*)"', late.text)
        assert seen is not None
        form |= {"seen": seen[1], "counted": "15"}
        answers = await asyncio.gather(*(client.post(CLOSE, data=form) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [303, 422, 422, 422]
        assert await one(hotel, "SELECT count(*) FROM till_closing") == 1


async def test_what_was_being_recorded_is_in_the_next_closing(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        async with hotel.transaction() as tx:
            await service.record_desk_payment(
                tx, booking_id=booking.id, amount=700, way="cash", receipt=None, expected=None, now=utc_now()
            )
            # Its entry is of before the closing, and nobody can see it yet.
            assert (await counted(client, opening="10", counted="10")).status_code == 303
        page = shown(await client.get(CLOSE))
        assert "Taken €7.00" in page
        assert "Should be in the till €17.00" in page
        assert (await counted(client, opening="10", counted="17")).status_code == 303
        assert "Taken €0.00" in shown(await client.get(CLOSE))


async def test_what_is_older_than_the_list_goes_is_told(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel, Role.FINANCE) as client:
        assert "more than 31 days ago" not in (await client.get(CLOSE)).text
        assert (await counted(client, opening="10", counted="10")).status_code == 303
        assert "more than 31 days ago" not in (await client.get(CLOSE)).text
        async with hotel.transaction() as tx:
            await tx.execute("ALTER TABLE till_closing DISABLE TRIGGER append_only")
            await tx.execute(
                "UPDATE till_closing SET since = since - interval '40 days',"
                "                        closed_at = closed_at - interval '40 days'"
            )
        late = await client.get(CLOSE)
        assert late.status_code == 200
        assert "more than 31 days ago" in late.text
        assert (await counted(client, opening="10", counted="10")).status_code == 303


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counted": ""}, "Must be filled in"),
        ({"counted": "-1"}, "Is too small"),
        ({"counted": "1.200"}, "could be"),
        ({"opening": "abc"}, "“abc” is not an amount"),
        ({"removed": "11"}, "More is taken out than was counted"),
        ({"note": "x" * 501}, "Is longer than 500 characters"),
        ({"note": "a\x00b"}, "can’t be stored"),
        ({"seen": "nonsense"}, "Cash came or went"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_closed(
    hotel: Database, database_url: str, change: dict[str, str], said: str
) -> None:
    async with panel(database_url, hotel, Role.FINANCE) as client:
        before = await contents(hotel)
        wrong = await counted(client, **({"opening": "0", "counted": "10"} | change))
        assert wrong.status_code == 422
        assert said in shown(wrong)
        assert await contents(hotel) == before


async def test_older_closings_stand_on_further_pages(hotel: Database, database_url: str) -> None:
    async with hotel.transaction() as tx:
        await tx.execute(
            "INSERT INTO till_closing (property_id, since, closed_at, currency, opening, cash_taken,"
            "                          cash_reversed, cash_given_back, counted, removed, closed_by, entries)"
            " SELECT p.id, at, at + interval '1 day', 'EUR', 0, 0, 0, 0, day, 0, 'Ada', '{}'"
            "   FROM property p, generate_series(1, 60) AS day,"
            "        LATERAL (SELECT now() - (61 - day) * interval '1 day' AS at) AS began WHERE p.slug = $1",
            SLUG,
        )
    async with panel(database_url, hotel, Role.FINANCE) as client:
        first = await client.get(CLOSINGS)
        older = re.search(r'href="([^"]*)" rel="next"', first.text)
        assert older is not None
        second = await client.get(older[1].replace("&amp;", "&"))
        assert 'rel="next"' not in second.text
        assert [text.count('<td data-label="Who"') for text in (first.text, second.text)] == [50, 10]
        lost = await client.get(f"{CLOSINGS}?cursor=abc")
        assert (lost.status_code, "Open the list from the menu" in shown(lost)) == (400, True)


async def test_who_looks_after_several_hotels_chooses_whose_till_it_is(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await make_property(tx, "second")
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FINANCE, None)) as group,
        signed_in(app, db, (Role.FINANCE, SLUG)) as one_hotel,
    ):
        for path in (CLOSE, CLOSINGS):
            page = (await group.get(f"{path}?property=second")).text
            assert f'href="{path}?property={SLUG}"' in page
            assert "Another property" in page
            assert "Another property" not in (await one_hotel.get(path)).text


async def test_who_may_see_it_may_not_all_close_it(hotel: Database, database_url: str) -> None:
    for role, seen, closed in (
        (Role.READ_ONLY, 403, 403),
        (Role.HOUSEKEEPING, 403, 403),
        (Role.REVENUE, 200, 403),
        (Role.FRONT_DESK, 200, 200),
    ):
        async with panel(database_url, hotel, role) as client:
            assert (await client.get(CLOSINGS)).status_code == seen, role
            assert (await client.get(CLOSE)).status_code == closed, role
            foreign = await client.post(CLOSE, data={"property": "foreign", "opening": "0", "counted": "0"})
            assert foreign.status_code == (404 if closed == 200 else 403), role
            if seen == 200:
                assert (await client.get(f"{CLOSINGS}?property=foreign")).status_code == 404
                assert (CLOSE in (await client.get("/admin/payments/desk")).text) == (closed == 200)
    assert await one(hotel, "SELECT count(*) FROM till_closing") == 0


async def test_the_api_lists_what_was_counted(hotel: Database, database_url: str) -> None:
    await record(hotel, await owing(hotel), 5_050)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        assert (
            await counted(client, opening="100", counted="150", removed="50", note="Short")
        ).status_code == 303
        assert (await counted(client, opening="100", counted="100")).status_code == 303
    key, other = await api_key(hotel, Scope.REPORTS_READ), await api_key(hotel, Scope.BOOKINGS_READ)
    async with running(settings_for(database_url)) as (_, client):
        first = (await client.get(LISTED, params={"limit": 1}, headers=bearer(key))).json()
        assert [one["difference"]["amount"] for one in first["items"]] == [0]
        rest = {"limit": 1, "cursor": first["next_cursor"]}
        second = (await client.get(LISTED, params=rest, headers=bearer(key))).json()
        (one_of,) = second["items"]
        assert second["next_cursor"] is None
        amounts = {name: value["amount"] for name, value in one_of.items() if isinstance(value, dict)}
        assert amounts == {
            "opening": 10_000, "cash_taken": 5_050, "cash_reversed": 0, "cash_given_back": 0,
            "expected": 15_050, "counted": 15_000, "difference": -50, "removed": 5_000, "left": 10_000,
        }  # fmt: skip
        assert (one_of["closed_by"], one_of["note"]) == ("Ada Member", "Short")
        assert (await client.get(LISTED, headers=bearer(other))).status_code == 403
        assert (await client.get(LISTED)).status_code == 401
