"""A guest gets a receipt for every payment that is taken, and a word for every refund that leaves us; once
each, however often the gateway says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hotel_booking import worker
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.bookings import service
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.refunds import give_refunds
from tests.factories.crash_scenarios import AGREED
from tests.factories.paying import (
    MINUTE,
    held,
    one,
    paid,
)
from tests.factories.paying import gateways as gateways  # fixtures
from tests.factories.paying import hotel as hotel
from tests.factories.paying import stripe as stripe


async def mails(db: Database, template: str) -> list[dict[str, Any]]:
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT data FROM mail_message WHERE template = $1 ORDER BY created_at, id", template
        )
    return [row["data"] for row in rows]


async def test_every_payment_that_is_taken_has_its_receipt(
    hotel: Database, gateways: Gateways, database_url: str
) -> None:
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    now = utc_now()
    for _ in range(2):
        await service.finish_undecided(hotel, gateways, now=now + 2 * MINUTE, older_than=MINUTE)
    day = await one(hotel, "SELECT collect_at FROM booking")
    await service.collect(hotel, gateways, booking_id=booking.id, now=day)
    found = await mails(hotel, "payment_received")
    assert [(data["amount"], data["open"], data["way"]) for data in found] == [
        (6_000, 14_000, "card"),
        (14_000, 0, "card"),
    ]


async def test_money_that_is_only_reserved_has_no_receipt_until_it_is_taken(
    hotel: Database, gateways: Gateways
) -> None:
    await paid(hotel, gateways, "RES")
    assert await mails(hotel, "payment_received") == []
    later = utc_now() + timedelta(days=30)
    await service.finish_undecided(hotel, gateways, now=later, older_than=MINUTE)
    assert [data["amount"] for data in await mails(hotel, "payment_received")] == [20_000]


async def test_a_refund_is_told_when_it_leaves_by_its_own_way(
    hotel: Database, gateways: Gateways, database_url: str
) -> None:
    booking = await paid(hotel, gateways, "PRE")
    transfer = await held(hotel, "PRE")
    opened = await service.pay(
        hotel, gateways.of("bank_transfer"), booking_id=transfer.id, token=None, now=utc_now()
    )
    assert opened.payment_id is not None
    await service.received(
        hotel, gateways, payment_id=opened.payment_id, amount=20_000, reference="7", now=utc_now()
    )
    assert [data["way"] for data in await mails(hotel, "payment_received")] == ["card", "transfer"]
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
    assert await mails(hotel, "refund_sent") == []
    sent = utc_now()
    for _ in range(2):
        await give_refunds(hotel, gateways, now=sent)
    await worker.run(database_url, lambda _: gateways, wait=False, concurrency=2)
    found = await mails(hotel, "refund_sent")
    assert [(data["amount"], data["way"], data["by"]) for data in found] == [
        (20_000, "card", (sent + timedelta(days=10)).date().isoformat())
    ]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_both_say_the_way_in_every_language(language: str) -> None:
    data: dict[str, Any] = {
        "name": "Ana",
        "reference": "ABCD-EFGH",
        "property": "Sea View",
        "timezone": "Europe/Lisbon",
        "arrival": "2030-03-10",
        "currency": "EUR",
        "amount": 5_000,
        "open": 0,
        "at": "2030-02-01T10:15:00+00:00",
        "by": "2030-02-11",
        "link": "https://hotel.example/booking/ABCD-EFGH",
    }
    for template in ("payment_received", "refund_sent"):
        by_card = render(template, language, {**data, "way": "card"}, sender="Sea View")
        by_bank = render(template, language, {**data, "way": "transfer"}, sender="Sea View")
        assert by_card.text != by_bank.text
        assert "ABCD-EFGH" in by_card.subject
