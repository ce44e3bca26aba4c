"""Bookings in the panel: made, changed, cancelled, stayed, as staff do it; and what they may not."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from hotel_booking.core.db import Database, Row
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.invariants import differences
from tests.integration.http.test_access import contents

GUEST = {
    "given_name": "Sample",
    "family_name": "Guest",
    "email": "guest@example.org",
    "phone": "+351 210 000 000",
    "country": "pt",
    "guarantee": "hotel",
}


@asynccontextmanager
async def panel(url: str, db: Database, *grants: tuple[Role, str | None]) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(settings_for(url, mfa_required=False)) as (app, _),
        signed_in(app, db, *grants) as client,
    ):
        yield client


async def houses(db: Database) -> list[Row]:
    async with db.transaction() as tx:
        return await tx.fetch("SELECT id, slug, timezone FROM property ORDER BY id")


async def one(db: Database, status: str, property_id: int, more: str = "") -> Row:
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "SELECT b.* FROM booking b JOIN booking_entry e ON e.booking_id = b.id"
            f" WHERE b.status = $1 AND b.property_id = $2 {more} ORDER BY e.arrival DESC LIMIT 1",
            status,
            property_id,
        )
    assert row is not None
    return row


async def status_of(db: Database, reference: str) -> str:
    async with db.transaction() as tx:
        return str(await tx.fetchval("SELECT status FROM booking WHERE reference = $1", reference))


async def offered(client: httpx.AsyncClient, slug: str, **changes: Any) -> tuple[str, dict[str, str]]:
    """The page of offers and the form of the first one. Far ahead, where something is free."""
    day = date.today() + timedelta(days=200)  # noqa: DTZ011  # any day will do
    asked = {
        "property": slug,
        "arrival": day.isoformat(),
        "departure": (day + timedelta(days=2)).isoformat(),
        "adults": "2",
        "children": "",
        "rooms": "1",
        **changes,
    }
    answer = await client.get("/admin/bookings/new", params=asked)
    assert answer.status_code == 200, answer.text[:500]
    form = answer.text.partition('action="/admin/bookings/quotes"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="([\w]+)" value="([^"]*)"', form))
    return answer.text, fields


async def booked(client: httpx.AsyncClient, slug: str, **changes: Any) -> str:
    """A booking made through the pages; its reference."""
    _, fields = await offered(client, slug)
    quoted = await client.post("/admin/bookings/quotes", data=fields)
    assert quoted.status_code == 303, quoted.text[:500]
    path = quoted.headers["location"]
    assert (await client.get(path)).status_code == 200
    made = await client.post(path, data={**GUEST, **changes})
    assert made.status_code == 303, made.text
    return str(made.headers["location"]).rpartition("/")[2]


async def test_a_booking_is_made_confirmed_and_told(chain: Database, chain_url: str) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug)
        text = (await client.get(f"/admin/bookings/{reference}")).text
        assert "Sample Guest" in text
        assert "Confirmed" in text
        assert "Price breakdown" in text
        held = await booked(client, slug, guarantee="link")
        assert await status_of(chain, held) == "held"
        async with chain.transaction() as tx:
            asked = "SELECT data ->> 'another_day' FROM mail_message WHERE template = 'booking_held'"
            # It is held for a day: a time alone would be today's.
            assert await tx.fetchval(asked) == "true"
        assert (await client.post(f"/admin/bookings/{held}/guarantee")).status_code == 303
        assert await status_of(chain, held) == "confirmed"
    async with chain.transaction() as tx:
        told = await tx.fetch("SELECT template FROM mail_message ORDER BY created_at")
        source = await tx.fetchval("SELECT source FROM booking WHERE reference = $1", reference)
    assert [row["template"] for row in told].count("booking_confirmed") == 2
    assert source == "desk"
    assert await differences(chain) == []


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("12 34", "wasn’t recognised and is saved as typed: 12 34"),
        ("+351 21 123 45 67", None),
        ("211 234 567", "was read as one in the hotel’s country: +351 "),
        ("", None),
    ],
)
async def test_staff_are_told_of_a_telephone_number_that_was_not_read(
    chain: Database, chain_url: str, phone: str, said: str | None
) -> None:
    async with chain.transaction() as tx:
        slug = await tx.fetchval("SELECT slug FROM property WHERE country = 'PT' ORDER BY id LIMIT 1")
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug, phone=phone, country="")
        text = (await client.get(f"/admin/bookings/{reference}")).text
    assert "The booking is confirmed" in text
    assert said in text if said else "telephone number" not in text
    assert 'href="tel:"' not in text


async def test_the_rooms_are_named_and_told_apart_before_and_after_booking(
    chain: Database, chain_url: str
) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        _, fields = await offered(client, slug, rooms="2", adults="3", children="5")
        path = (await client.post("/admin/bookings/quotes", data=fields)).headers["location"]
        asked = (await client.get(path)).text
        made = await client.post(path, data=GUEST)
        text = (await client.get(made.headers["location"])).text
        back = html.unescape(re.findall(r'href="(/admin/bookings/new\?[^"]*)"', asked)[-1])
        again = (await client.get(back)).text
    async with chain.transaction() as tx:
        room_type, plan = [
            await tx.fetchval(
                f"SELECT x.name FROM {table} x JOIN property p ON p.id = x.property_id"
                " WHERE p.slug = $1 AND x.code = $2",
                slug,
                fields[table],
            )
            for table in ("room_type", "rate_plan")
        ]
    assert html.escape(f"{room_type}, {plan}") in asked
    assert f"{fields['room_type']}, {fields['rate_plan']}" not in asked
    for number in (1, 2):
        assert f"<h2>Room {number}, {html.escape(room_type)}" in text
    for name in ("property", "arrival", "departure", "adults", "children", "rooms"):
        assert f'name="{name}" value="{fields[name]}"' in again, name


async def test_a_form_that_is_sent_twice_books_once(chain: Database, chain_url: str) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        _, fields = await offered(client, slug)
        path = (await client.post("/admin/bookings/quotes", data=fields)).headers["location"]
        answers = [await client.post(path, data=GUEST) for _ in range(2)]
        assert {answer.status_code for answer in answers} == {303}
        assert len({answer.headers["location"] for answer in answers}) == 1
        where = answers[0].headers["location"]
        assert "changed nothing" not in (await client.get(where)).text
        # Who went back and corrected the name hears that it was too late.
        for changed in ({"family_name": "Another"}, {"email": "x"}):
            again = await client.post(path, data={**GUEST, **changed})
            assert (again.status_code, again.headers["location"]) == (303, where)
            text = (await client.get(where)).text
            assert "What you have typed since changed nothing." in text
            assert "Another" not in text
        assert (await client.get(path)).headers["location"] == answers[0].headers["location"]
    async with chain.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking WHERE source = 'desk'") == 1


async def test_what_is_not_sold_says_why_and_what_would_work(chain: Database, chain_url: str) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        text, _ = await offered(client, slug, adults="14", rooms="8")
        assert "Not available for this stay" in text
        for wrong in ({"arrival": "soon"}, {"adults": "0"}, {"children": "5, 99"}, {"departure": "never"}):
            asked = {"property": slug, "arrival": "2031-01-01", "departure": "2031-01-03", "adults": "2"}
            answer = await client.get("/admin/bookings/new", params={**asked, "rooms": "1", **wrong})
            assert answer.status_code == 422, wrong
            assert "error" in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("given_name", ""),
        ("family_name", "x" * 101),
        ("family_name", "a\u001bb"),
        ("phone", "call me 📞 after six"),
        ("country", "Portugal"),
        ("country", "UK"),
        ("given_name", "a\x00b"),
        ("guarantee", "later"),
    ],
)
async def test_a_guest_that_cannot_be_right_is_said_beside_the_field(
    chain: Database, chain_url: str, field: str, value: str
) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        _, fields = await offered(client, slug)
        path = (await client.post("/admin/bookings/quotes", data=fields)).headers["location"]
        answer = await client.post(path, data={**GUEST, field: value})
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text or field == "guarantee"
        assert "Sample" in answer.text or field == "given_name"
    async with chain.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking WHERE source = 'desk'") == 0


async def test_a_walk_in_is_checked_in_and_out(chain: Database, chain_url: str) -> None:
    house = (await houses(chain))[1]
    tomorrow = date.today() + timedelta(days=2)  # noqa: DTZ011  # as the panel's browser would count
    async with panel(chain_url, chain, (Role.FRONT_DESK, house["slug"])) as client:
        _, fields = await offered(
            client, house["slug"], walk_in="true", arrival="", departure=tomorrow.isoformat(), adults="1"
        )
        path = (await client.post("/admin/bookings/quotes", data=fields)).headers["location"]
        made = await client.post(path, data={**GUEST, "walk_in": "true"})
        reference = made.headers["location"].rpartition("/")[2]
        page = (await client.get(f"/admin/bookings/{reference}")).text
        rooms = re.findall(r'<option value="([^"]+)">Room', page)
        assert rooms
        answer = await client.post(f"/admin/bookings/{reference}/check-in", data={"room-1": "no such room"})
        assert answer.status_code == 422
        assert await status_of(chain, reference) == "confirmed"
        answer = await client.post(f"/admin/bookings/{reference}/check-in", data={"room-1": rooms[0]})
        assert answer.status_code == 303
        assert f"room {rooms[0]}" in (await client.get(f"/admin/bookings/{reference}")).text
        owing = await client.post(f"/admin/bookings/{reference}/check-out")
        assert (owing.status_code, await status_of(chain, reference)) == (422, "checked_in")
        paid = {"override_reason": "Paid in cash"}
        assert (await client.post(f"/admin/bookings/{reference}/check-out", data=paid)).status_code == 303
        assert (await client.post(f"/admin/bookings/{reference}/check-out")).status_code == 422
    assert await status_of(chain, reference) == "checked_out"
    assert await differences(chain) == []


def stay_fields(page: str) -> dict[str, str]:
    """The form of a stay that is to be changed, as its page holds it."""
    form = page.partition('class="card form"')[2]
    fields = dict(re.findall(r'name="([\w-]+)"[^>]*? value="([^"]*)"', form))
    for select in re.findall(r'<select[^>]*name="([\w-]+)".*?</select>', form, re.DOTALL):
        chosen = re.search(rf'name="{select}".*?<option value="([^"]*)" selected', form, re.DOTALL)
        assert chosen is not None
        fields[select] = chosen[1]
    return fields


async def test_a_page_that_a_colleague_overtook_undoes_nothing(chain: Database, chain_url: str) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug)
        path = f"/admin/bookings/{reference}/amend"
        stale = stay_fields((await client.get(path)).text)
        later = (date.fromisoformat(stale["departure"]) + timedelta(days=1)).isoformat()
        preview = await client.post(path, data={**stale, "departure": later, "act": "preview"})
        agreed = re.search(r'name="agreed_total" value="(\d+)"', preview.text)
        assert agreed is not None
        confirm = {"departure": later, "act": "confirm", "agreed_total": agreed[1]}
        assert (await client.post(path, data={**stale, **confirm})).status_code == 303
        before = await contents(chain)
        # The departure stands there as it was; who changes the guests alone would take the night back.
        told = await client.post(path, data={**stale, "adults-1": "1", "act": "preview"})
        assert told.status_code == 409
        assert "Somebody has changed this meanwhile: it is now" in told.text
        assert "The new price" not in told.text
        assert await contents(chain) == before
        again = stay_fields(told.text)
        assert (again["departure"], again["adults-1"]) == (later, "1")
        assert (await client.post(path, data={**again, "act": "preview"})).status_code == 200
        # Who changed the same field sees what it is by now, and decides.
        mine = (date.fromisoformat(later) + timedelta(days=1)).isoformat()
        told = await client.post(path, data={**stale, "departure": mine, "act": "preview"})
        assert (told.status_code, stay_fields(told.text)["departure"]) == (409, mine)
        known = stay_fields(told.text)
        assert (await client.post(path, data={**known, "act": "preview"})).status_code == 200


async def test_a_change_is_shown_first_and_made_at_that_price(chain: Database, chain_url: str) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug)
        path = f"/admin/bookings/{reference}/amend"
        fields = stay_fields((await client.get(path)).text)
        fields["departure"] = (date.fromisoformat(fields["departure"]) + timedelta(days=1)).isoformat()
        fields["act"] = "preview"
        before = await contents(chain)
        preview = await client.post(path, data=fields)
        assert preview.status_code == 200, preview.text[-3000:]
        assert await contents(chain) == before
        agreed = re.search(r'name="agreed_total" value="(\d+)"', preview.text)
        assert agreed is not None
        other = await client.post(path, data={**fields, "act": "confirm", "agreed_total": "1"})
        assert other.status_code == 422
        assert await contents(chain) == before
        made = await client.post(path, data={**fields, "act": "confirm", "agreed_total": agreed[1]})
        assert made.status_code == 303
        past = await client.post(path, data={**fields, "arrival": "2020-01-01"})
        assert past.status_code == 422
    async with chain.transaction() as tx:
        assert await tx.fetchval("SELECT total FROM booking WHERE reference = $1", reference) == int(
            agreed[1]
        )
    assert await differences(chain) == []


async def test_cancelling_costs_what_was_shown(chain: Database, chain_url: str) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug)
        path = f"/admin/bookings/{reference}/cancel"
        shown = (await client.get(path)).text
        fee = re.search(r'name="fee" value="(\d+)"', shown)
        assert fee is not None
        assert (await client.post(path, data={"fee": str(int(fee[1]) + 1)})).status_code == 422
        assert await status_of(chain, reference) == "confirmed"
        assert (await client.post(path, data={"fee": fee[1]})).status_code == 303
        assert (await client.post(path, data={"fee": fee[1]})).status_code == 422
        assert (await client.get(path)).status_code == 422
    assert await status_of(chain, reference) == "cancelled"
    assert await differences(chain) == []


async def costly(db: Database, property_id: int) -> str:
    """A confirmed booking whose cancelling costs something now."""
    async with db.transaction() as tx:
        return str(
            await tx.fetchval(
                "SELECT b.reference FROM booking b JOIN reservation r ON r.booking_id = b.id"
                "  JOIN sale_terms t ON t.id = r.terms_id"
                " WHERE b.status = 'confirmed' AND b.property_id = $1"
                "   AND t.body #>> '{policy,steps,0,days_before}' IS NULL"
                "   AND (t.body #>> '{policy,steps,0,fee,value}')::bigint > 0 LIMIT 1",
                property_id,
            )
        )


async def test_a_fee_is_let_go_with_a_reason_by_those_who_may(chain: Database, chain_url: str) -> None:
    house = (await houses(chain))[0]
    reference = await costly(chain, house["id"])
    path = f"/admin/bookings/{reference}/cancel"
    async with panel(chain_url, chain, (Role.FRONT_DESK, house["slug"])) as client:
        assert "waive the fee" not in (await client.get(path)).text
        before = await contents(chain)
        answer = await client.post(path, data={"waive": "true", "reason": "the guest is a friend"})
        assert answer.status_code == 403
        assert await contents(chain) == before
    async with panel(chain_url, chain, (Role.MANAGER, house["slug"])) as client:
        assert "waive the fee" in (await client.get(path)).text
        assert (await client.post(path, data={"waive": "true", "reason": "ok"})).status_code == 422
        assert await status_of(chain, reference) == "confirmed"
        answer = await client.post(path, data={"waive": "true", "reason": "the guest has died"})
        assert answer.status_code == 303
        assert "the guest has died" in (await client.get(f"/admin/bookings/{reference}")).text
    async with chain.transaction() as tx:
        fee = await tx.fetchval(
            "SELECT sum(r.fee) FROM reservation r JOIN booking b ON b.id = r.booking_id"
            " WHERE b.reference = $1",
            reference,
        )
    assert fee == 0
    assert await differences(chain) == []


async def test_notes_are_text(chain: Database, chain_url: str) -> None:
    house = (await houses(chain))[0]
    reference = (await one(chain, "confirmed", house["id"]))["reference"]
    path = f"/admin/bookings/{reference}"
    async with panel(chain_url, chain, (Role.FRONT_DESK, house["slug"])) as client:
        assert (await client.post(f"{path}/notes", data={"text": "<script>x</script> 🛏"})).status_code == 303
        text = (await client.get(path)).text
        assert "&lt;script&gt;x&lt;/script&gt; 🛏" in text
        for wrong in ("", "  ", "x" * 4001, "a\x00b"):
            assert (await client.post(f"{path}/notes", data={"text": wrong})).status_code == 422


async def test_a_foreign_booking_does_not_exist_and_a_reader_changes_nothing(
    chain: Database, chain_url: str
) -> None:
    own, foreign = (await houses(chain))[:2]
    mine = (await one(chain, "confirmed", own["id"]))["reference"]
    theirs = (await one(chain, "confirmed", foreign["id"]))["reference"]
    acts = (
        "check-in",
        "undo-check-in",
        "check-out",
        "departure",
        "no-show",
        "cancel",
        "amend",
        "notes",
        "guarantee",
        "answered",
    )
    async with panel(chain_url, chain, (Role.MANAGER, own["slug"])) as client:
        _, fields = await offered(client, own["slug"])
        quote = (await client.post("/admin/bookings/quotes", data=fields)).headers["location"]
        before = await contents(chain)
        assert (await client.get(f"/admin/bookings/{theirs}")).status_code == 404
        for act in acts:
            answer = await client.post(f"/admin/bookings/{theirs}/{act}", data={"text": "x"})
            assert answer.status_code == 404, act
        for slug in (foreign["slug"], "nothing", ""):
            answer = await client.post("/admin/bookings/quotes", data={**fields, "property": slug})
            assert answer.status_code == 422
        assert await contents(chain) == before
    async with panel(chain_url, chain, (Role.MANAGER, foreign["slug"])) as client:
        assert (await client.get(quote)).status_code == 404
        assert (await client.post(quote, data=GUEST)).status_code == 404
    async with panel(chain_url, chain, (Role.READ_ONLY, own["slug"])) as client:
        before = await contents(chain)
        text = (await client.get(f"/admin/bookings/{mine}")).text
        assert "Check in" not in text
        assert f"{mine}/cancel" not in text
        for act in acts:
            answer = await client.post(f"/admin/bookings/{mine}/{act}", data={"text": "x"})
            assert answer.status_code == 403, act
        assert await contents(chain) == before


async def test_the_desk_corrects_a_guest_and_the_confirmation_goes_to_the_right_address(
    chain: Database, chain_url: str
) -> None:
    slug = (await houses(chain))[0]["slug"]
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug, email="slip@example.org")
        path = f"/admin/bookings/{reference}/guest"
        assert f'href="{path}"' in (await client.get(f"/admin/bookings/{reference}")).text
        shown = dict(re.findall(r'name="(was-\w+)" value="([^"]*)"', (await client.get(path)).text))
        mails = "SELECT recipient FROM mail_message WHERE template = 'booking_confirmed' ORDER BY created_at"
        async with chain.transaction() as tx:
            await tx.execute("UPDATE mail_message SET status = 'sent'")
        right = {**GUEST, **shown, "email": "right@example.org", "family_name": "Gast", "country": "PT"}
        assert (await client.post(path, data=right)).status_code == 303
        async with chain.transaction() as tx:
            assert [row["recipient"] for row in await tx.fetch(mails)] == [
                "slip@example.org", "right@example.org",
            ]  # fmt: skip
        text = (await client.get(f"/admin/bookings/{reference}")).text
        assert "Sample Gast" in text
        assert "slip@example.org" not in text
        assert reference in (await client.get("/admin/bookings", params={"q": "right@example.org"})).text
        # A colleague's page, opened before.
        late = await client.post(path, data={**GUEST, **shown, "family_name": "Guest-Smith"})
        assert late.status_code == 422
        assert "Somebody has changed this meanwhile: it is now Gast" in late.text
        assert "it is now right@example.org" in late.text
        assert "Sample Gast" in (await client.get(f"/admin/bookings/{reference}")).text
    async with panel(chain_url, chain, (Role.FINANCE, slug)) as client:
        assert (await client.get(path)).status_code == 403
        assert (await client.post(path, data=right)).status_code == 403
    assert await differences(chain) == []


async def test_a_walk_in_without_an_address_is_booked_and_told_once_there_is_one(
    chain: Database, chain_url: str
) -> None:
    """Nobody has to make an address up, which would be somebody else's."""
    slug = (await houses(chain))[0]["slug"]
    mails = (
        "SELECT recipient FROM mail_message WHERE booking_id = (SELECT id FROM booking WHERE reference = $1)"
    )
    async with panel(chain_url, chain, (Role.FRONT_DESK, slug)) as client:
        reference = await booked(client, slug, email="", walk_in="true")
        here = f"/admin/bookings/{reference}"
        assert "none, so no mail is sent" in (await client.get(here)).text
        for found in (reference, "guest"):
            assert reference in (await client.get("/admin/bookings", params={"q": found})).text
        async with chain.transaction() as tx:
            assert await tx.fetch(mails, reference) == []
        for email in ("", " ", "\u200b"):
            site = {"reference": reference, "email": email}
            assert (await client.post("/en/booking", data=site)).status_code == 422
        _, fields = await offered(client, slug)
        path = (await client.post("/admin/bookings/quotes", data=fields)).headers["location"]
        refused = await client.post(path, data={**GUEST, "email": "", "guarantee": "link"})
        assert refused.status_code == 422
        assert "Is needed to send a payment link" in refused.text
        shown = dict(
            re.findall(r'name="(was-\w+)" value="([^"]*)"', (await client.get(f"{here}/guest")).text)
        )
        for address, told in (("late@example.org", ["late@example.org"]), ("", [])):
            shown["was-email"] = "" if address else "late@example.org"
            sent = {**GUEST, "phone": "", **shown, "email": address, "country": "PT"}
            sent["was-country"] = "PT"
            assert (await client.post(f"{here}/guest", data=sent)).status_code == 303
            async with chain.transaction() as tx:
                assert [row["recipient"] for row in await tx.fetch(mails, reference)] == told
    assert await differences(chain) == []
