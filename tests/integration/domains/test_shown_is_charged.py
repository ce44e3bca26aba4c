"""What a guest and the staff read is what is charged, to the last minor unit, in currencies where CLDR's
digits are not ISO 4217's and where amounts come in steps; and a night's average is one number everywhere."""

from __future__ import annotations

import re
import unicodedata

import pytest

from hotel_booking.core import formats
from hotel_booking.core.db import Database
from hotel_booking.core.money import per_night, step
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.integrations.stripe_answers import from_stripe, to_stripe
from tests.clients.outbox import sent
from tests.clients.staff_client import signed_in
from tests.e2e.test_site_pages import in_lisbon
from tests.factories.small_hotel import SLUG, small_hotel, stay
from tests.integration.panel.test_catalogue import said
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    one,
    site,
)


def plain(text: str) -> str:
    """A page's words without the marks that only turn writing around."""
    return "".join(sign for sign in said(text) if unicodedata.category(sign) != "Cf").replace("\u00a0", " ")


def shown(amount: int, currency: str) -> str:
    return formats.money(amount, currency, "en_GB").replace("\u00a0", " ")


@pytest.mark.parametrize(
    "currency",
    ["KWD", "MGA", "ISK", *(pytest.param(code, marks=pytest.mark.nightly) for code in ("RSD", "IQD", "MMK"))],
)
async def test_the_button_says_what_is_taken(db: Database, database_url: str, currency: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET currency = $1", currency)
        await tx.execute("UPDATE rate_night SET price = $1", 123_455 // step(currency) * step(currency))
        await tx.execute(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " SELECT id, 'VAT', 'VAT', 'percent', 77700, 12, false FROM property"
        )
    async with site(database_url) as (app, client):
        when = stay(20, 2)
        asked = f"arrival={when.arrival}&departure={when.departure}&adults=2"
        offers = (await client.get(f"/api/v1/properties/{SLUG}/offers?{asked}")).json()["offers"]
        (cheapest,) = [one for one in offers if one["rate_plan"] == "NRF"]
        amounts = [line["amount"]["amount"] for line in cheapest["lines"]]
        assert all(amount % step(currency) == 0 for amount in amounts)
        where = await chosen(client, language="en")
        total = await one(db, "SELECT total FROM quote")
        assert total == sum(amounts) == cheapest["total"]["amount"]
        details = plain((await client.get(where)).text)
        assert shown(total, currency) in details
        assert all(shown(line["gross"]["amount"], currency) in details for line in cheapest["lines"])
        pay = (await client.post(where, data=GUEST)).headers["location"]
        page = await client.get(pay)
        assert f"Book and pay {shown(total, currency)}" in plain(page.text)
        done = await client.post(pay, data={"method": "card", "expected": str(total), "card": "tok_success"})
        assert done.status_code == 303, done.text
        charged = await one(db, "SELECT amount FROM payment")
        assert charged == total == await one(db, "SELECT sum(amount) FROM ledger_entry")
        assert from_stripe(to_stripe(charged, currency), currency) == charged
        confirmed = plain((await client.get(done.headers["location"])).text)
        assert shown(total, currency) in confirmed
        reference = await one(db, "SELECT reference FROM booking")
        async with signed_in(app, db, (Role.FINANCE, SLUG)) as panel:
            assert shown(total, currency) in plain((await panel.get(f"/admin/bookings/{reference}")).text)
    mails = [
        render(mail.template, "en", mail.data | {"link": "https://example.com"}, sender="Sea View")
        for mail in await sent(db)
        if "total" in mail.data
    ]
    assert mails
    assert all(shown(total, currency) in mail.text.replace("\u00a0", " ") for mail in mails)


async def test_a_night_costs_the_same_on_every_page(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = 10001 + night - '2030-03-01'::date")
    asked = "arrival=2030-03-04&departure=2030-03-07&adults=4&rooms=2"
    async with site(database_url) as (_, client):
        found = (await client.get(f"/api/v1/search?lat=38.7&lon=-9.1&{asked}")).json()["results"][0]["offer"]
        total = found["total"]["amount"]
        night = formats.money(per_night(total, nights=3, rooms=2), "EUR", "en_GB")
        assert total % 6  # the average has to be rounded
        assert found["per_night"]["amount"] == per_night(total, nights=3)
        for path in (f"/en/search?place=2267057&{asked}", f"/en/hotels/{SLUG}?{asked}"):
            page = await client.get(path)
            assert page.status_code == 200
            assert re.search(rf"{re.escape(night)} per (room and )?night", plain(page.text)), path
