"""Payments at the desk in the panel: who records them and who reverses them, what is refused beside its
field, and check-out, which is no longer refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.databases import filled
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.paying import look, one, paying_hotel
from tests.factories.small_hotel import SLUG
from tests.integration.http.test_access import contents
from tests.integration.payments.test_desk_payments import ARRIVAL, owing, record, rows


@asynccontextmanager
async def panel(url: str, db: Database, role: Role) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(settings_for(url, mfa_required=False)) as (app, _),
        signed_in(app, db, (role, SLUG)) as client,
    ):
        yield client


def page_of(booking: Booking) -> str:
    return f"/admin/bookings/{booking.reference}"


def typed(amount: str, **more: str) -> dict[str, str]:
    return {"amount": amount, "way": "cash", "receipt": "", **more}


async def test_the_desk_records_a_part_and_the_rest(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    here = page_of(booking)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        seen = await client.get(here)
        assert 'name="amount"' in seen.text
        assert 'value="200.00"' in seen.text  # all that is owed
        done = await client.post(
            f"{here}/desk-payments", data=typed("50,5", receipt="<b>R-7</b>", owed="20000")
        )
        assert done.status_code == 303
        after = await client.get(done.headers["location"])
        assert "€50.50 has been recorded. €149.50 is outstanding." in after.text
        assert "cash at the desk" in after.text
        # Sent twice from the same page it is recorded once.
        again = await client.post(f"{here}/desk-payments", data=typed("50.50", owed="20000"))
        assert again.status_code == 422
        assert "The balance has changed since it was shown" in again.text
        assert 'value="14950"' in again.text  # the page knows the new one
        money = await client.get(f"{here}/payments")
        assert "&lt;b&gt;R-7&lt;/b&gt;" in money.text
        assert "Ask the gateway" not in money.text.split("cash at the desk")[0].split('id="p-')[-1]
        assert "Recorded by mistake?" not in money.text  # not at the desk
    assert (await look(hotel, booking.id)).paid == 5_050
    history = await rows(
        hotel, "SELECT actor_kind, actor_name FROM audit_entry WHERE object_kind = 'payment'"
    )
    assert ("staff", "Ada Member") in [tuple(row) for row in history]


@pytest.fixture(scope="module")
def owed(cluster: Cluster) -> Iterator[tuple[str, Booking]]:
    """A database with a booking that 200.00 are owed for; whatever is sent there is refused."""

    async def fill(db: Database) -> Booking:
        return await owing(await paying_hotel(db))

    with filled(cluster, fill) as made:
        yield made


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount", "", "Must be filled in"),
        ("amount", "0", "must be above 0"),
        ("amount", "-5", "Is too small"),
        ("amount", "200.01", "Only €200.00 is owed"),
        ("amount", "9" * 59, ""),
        ("amount", "1.200", ""),
        ("amount", "12.345", ""),
        ("amount", "abc", ""),
        ("amount", "5\x00", "can’t be stored"),
        ("amount", "\ud83d", ""),
        ("way", "", "Must be filled in"),
        ("way", "desk_cash", "Must be one of the options"),
        ("way", "bitcoin", "Must be one of the options"),
        ("receipt", "x" * 61, "Is longer than 60 characters"),
        ("receipt", "a\x00b", "can’t be stored"),
        ("owed", "much", ""),
        ("owed", "19999", "balance has changed"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_recorded(
    owed: tuple[str, Booking], field: str, value: str, said: str
) -> None:
    url, booking = owed
    async with Database.open(url, size=2) as hotel, panel(url, hotel, Role.FRONT_DESK) as client:
        before = await contents(hotel)
        sent = {**typed("10.00"), field: value.encode("utf-8", "surrogatepass").decode("latin-1")}
        refused = await client.post(f"{page_of(booking)}/desk-payments", data=sent)
        assert refused.status_code == 422
        assert said in refused.text
        assert await contents(hotel) == before


async def test_check_out_takes_the_payment_on_its_way(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    async with hotel.transaction() as tx:
        await service.check_in(tx, booking_id=booking.id, now=ARRIVAL, rooms={1: "DBL-1"})
    here = page_of(booking)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        leaving = await client.get(f"{here}/check-out")
        assert "€200.00 is unpaid" in leaving.text
        assert 'action="' + here + '/desk-payments"' in leaving.text
        wrong = await client.post(f"{here}/desk-payments", data={**typed("300"), "from": "check-out"})
        assert wrong.status_code == 422
        assert "Before check-out" in wrong.text
        assert wrong.text.count("Only €200.00 is owed") == 1
        paid = await client.post(f"{here}/desk-payments", data={**typed("200"), "from": "check-out"})
        assert paid.headers["location"].startswith(f"{here}/check-out")
        ready = await client.get(f"{here}/check-out")
        assert "is unpaid" not in ready.text
        assert "override_reason" not in ready.text
        assert "desk-payments" not in ready.text


async def test_who_takes_cash_cannot_make_it_unrecorded(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    payment_id = await record(hotel, booking, 5_000)
    reverse = f"{page_of(booking)}/desk-payments/{payment_id}/reverse"
    before = await contents_of_money(hotel)
    for role in (Role.FRONT_DESK, Role.REVENUE, Role.READ_ONLY, Role.HOUSEKEEPING):
        async with panel(database_url, hotel, role) as client:
            assert (await client.post(reverse, data={"why": "A good reason"})).status_code == 403
    for role in (Role.REVENUE, Role.READ_ONLY, Role.HOUSEKEEPING):
        async with panel(database_url, hotel, role) as client:
            denied = await client.post(f"{page_of(booking)}/desk-payments", data=typed("1"))
            assert denied.status_code == 403
            page = await client.get(page_of(booking))
            assert "/desk-payments" not in page.text
    assert await contents_of_money(hotel) == before
    async with panel(database_url, hotel, Role.FINANCE) as client:
        money = await client.get(f"{page_of(booking)}/payments")
        assert "Recorded by mistake?" in money.text
        for why in ("", "no", "x" * 201):
            refused = await client.post(reverse, data={"why": why})
            assert refused.status_code == 422, why
            assert refused.text.count('<p class="error') == 1
        assert await contents_of_money(hotel) == before
        done = await client.post(reverse, data={"why": "Typed for the wrong guest"})
        assert done.status_code == 303
        after = await client.get(done.headers["location"])
        assert "The payment has been reversed; €200.00 is outstanding." in after.text
        assert "Reversed: Typed for the wrong guest" in after.text
        assert "Reversed payment" in after.text  # in the account
        again = await client.post(reverse, data={"why": "Typed for the wrong guest"})
        assert again.status_code == 422
        assert "has already been reversed" in again.text
        unknown = await client.post(
            f"{page_of(booking)}/desk-payments/{booking.id}/reverse", data={"why": "A good reason"}
        )
        assert unknown.status_code == 404
    assert still_open(await look(hotel, booking.id)) == 20_000


async def contents_of_money(db: Database) -> Any:
    found = await contents(db)
    return {name: found[name] for name in ("payment", "refund", "ledger_entry", "booking", "booking_entry")}


async def test_what_goes_back_is_shown_until_the_guest_has_it(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    await record(hotel, booking)
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
    refund_id = await one(hotel, "SELECT id FROM refund")
    given = f"{page_of(booking)}/desk-refunds/{refund_id}/given"
    async with panel(database_url, hotel, Role.READ_ONLY) as client:
        assert (await client.post(given)).status_code == 403
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        seen = await client.get(page_of(booking))
        assert "€200.00 to give back to the guest" in seen.text
        listed = await client.get("/admin/payments")
        assert "Money to give back at the desk" in listed.text
        money = await client.get(f"{page_of(booking)}/payments")
        assert "Mark as given back" in money.text
        assert await one(hotel, "SELECT status FROM refund") == "due"
        for _ in range(2):
            assert (await client.post(given)).status_code == 303
        after = await client.get(page_of(booking))
        assert "to give back to the guest" not in after.text
        assert "Given back" in after.text
        for foreign in (booking.id, refund_id):
            wrong = await client.post(f"{page_of(await owing(hotel, 30))}/desk-refunds/{foreign}/given")
            assert wrong.status_code == 404
    assert await one(hotel, "SELECT sum(amount) FROM ledger WHERE booking_id = $1", booking.id) == 0


@pytest.mark.parametrize(
    ("currency", "shown", "part", "left"),
    [("JPY", "20000", "5000", 15_000), ("KWD", "20.00", "5.5", 14_500)],
)
async def test_every_currency_has_its_own_minor_units(
    hotel: Database, database_url: str, currency: str, shown: str, part: str, left: int
) -> None:
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE property SET currency = $1", currency)
    booking = await owing(hotel)
    assert (booking.currency, booking.total) == (currency, 20_000)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        page = await client.get(page_of(booking))
        assert f'value="{shown}"' in page.text
        finer = await client.post(f"{page_of(booking)}/desk-payments", data=typed("5.5005"))
        assert finer.status_code == 422
        done = await client.post(f"{page_of(booking)}/desk-payments", data=typed(part))
        assert done.status_code == 303
    assert still_open(await look(hotel, booking.id)) == left
    if currency != "KWD":
        return
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(bearer(await api_key(hotel)))
        here = f"/api/v1/bookings/{booking.reference}/desk-payments"
        # What is left open could be charged to no card.
        sent = await client.post(here, json={"way": "cash", "amount": 5_505})
        assert (sent.status_code, sent.json()["code"], sent.json()["field"]) == (
            422,
            "amount_not_charged",
            "amount",
        )
        agreed = {
            "property": booking.property_slug,
            "arrival": booking.reservations[0].arrival.isoformat(),
            "departure": booking.reservations[0].departure.isoformat(),
            "rooms": [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2}],
            "agreed_price": 12_345,
        }
        sent = await client.post("/api/v1/quotes", json=agreed)
        assert (sent.status_code, sent.json()["code"], sent.json()["field"]) == (
            422,
            "amount_not_charged",
            "agreed_price",
        )
    assert still_open(await look(hotel, booking.id)) == left
