"""A hotel whose rooms are paid in every way, on a double of Stripe: what the tests about money share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.bank_transfer import BankTransfer
from hotel_booking.integrations.pay_at_property import PayAtProperty
from hotel_booking.integrations.stripe import StripeGateway
from tests.clients.http_client import settings_for
from tests.doubles.stripe import StripeDouble
from tests.factories.crash_scenarios import CARD, plans
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    GUEST,
    make_quote,
    small_hotel,
    stay,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def stripe() -> Iterator[StripeDouble]:
    """Stripe's double."""
    with StripeDouble() as double:
        yield double


@pytest.fixture
async def gateways(stripe: StripeDouble) -> AsyncIterator[Gateways]:
    """All ways to pay, cards by the double."""
    found = stripe_gateways(stripe)
    yield found
    await found.close()


@pytest.fixture
async def hotel(db: Database) -> Database:
    """The hotel in the test's own database."""
    return await paying_hotel(db)


def stripe_gateways(double: StripeDouble) -> Gateways:
    """Cards by the double, the house's own guarantee, and transfers. Close them after use."""
    return Gateways(
        StripeGateway("sk_test_double", api_base=double.url, webhook_secrets=("whsec_double",)),
        PayAtProperty(),
        BankTransfer("Sea View, IBAN PT50 0000", days=3),
    )


def stripe_settings(database_url: str, double: StripeDouble, **changes: Any) -> Settings:
    """Settings of a house whose cards go by the double, and whose notices the double signs."""
    return settings_for(
        database_url,
        gateway="stripe",
        stripe_secret_key=double.key,
        stripe_webhook_secrets=(double.secret,),
        stripe_api_base=double.url,
        **changes,
    )


async def told(client: httpx.AsyncClient, double: StripeDouble, event: dict[str, Any]) -> None:
    """The double's notice of an event, as it sends it; it is taken."""
    body, signature = double.signed(event)
    answer = await client.post("/webhooks/stripe", content=body, headers={"stripe-signature": signature})
    assert answer.status_code == 200, answer.text


async def paying_hotel(db: Database) -> Database:
    """The small hotel with all ways to charge: the plans of the crash scenarios, and DEP: a third now, the
    rest ten days before arrival."""
    await small_hotel(db, rooms=3)
    await plans(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO rate_plan (property_id, code, name, policy_id, parent_id, adjust_kind, adjust_value,"
            "                       deposit_kind, deposit_value, balance_days)"
            " SELECT property_id, 'DEP', 'Deposit', policy_id, id, 'percent', 0, 'percent', 300000, 10"
            "   FROM rate_plan WHERE code = 'FLEX'"
        )
    return db


async def look(db: Database, booking_id: UUID) -> Booking:
    """The booking as it is now."""
    async with db.transaction() as tx:
        return await booking_by_id(tx, booking_id)


async def held(db: Database, plan: str, first: int = 20, nights: int = 2) -> Booking:
    """A hold, not paid yet."""
    now = utc_now()
    quote = await make_quote(db, stay(first, nights), plan=plan, now=now)
    async with db.transaction() as tx:
        return (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=now)).booking


async def paid(
    db: Database,
    gateways: Gateways,
    plan: str,
    *,
    token: str = CARD,
    agreement: str | None = None,
    nights: int = 2,
) -> Booking:
    """A booking whose due part was paid, or reserved, by card."""
    booking = await held(db, plan, nights=nights)
    done = await service.pay(
        db, gateways.card, booking_id=booking.id, token=token, agreement=agreement, now=utc_now()
    )
    assert done.status == "confirmed"
    return done.booking


async def one(db: Database, sql: str, *args: Any) -> Any:
    """One value."""
    async with db.transaction() as tx:
        return await tx.fetchval(sql, *args)


async def finish_waiting(db: Database, gateways: Gateways, now: datetime) -> None:
    """Do the jobs of payments that wait for a next step, as the worker does."""
    async with db.transaction() as tx:
        waiting = await tx.fetch(
            "DELETE FROM procrastinate_jobs WHERE task_name = 'bookings:finish_payment' RETURNING args"
        )
    for row in waiting:
        payment, seen = UUID(row["args"]["payment_id"]), row["args"].get("seen")
        with suppress(DomainError):
            await service.finish_payment(db, gateways, payment_id=payment, seen=seen, now=now)


async def sound(db: Database) -> None:
    """Every invariant holds, and nobody owes more than the ledger says."""
    assert await differences(db) == []
    owed = "SELECT sum(amount) FROM ledger WHERE booking_id = $1"
    async with db.transaction() as tx:
        for row in await tx.fetch("SELECT booking_id, owed FROM booking_entry WHERE status = 'confirmed'"):
            assert max(await tx.fetchval(owed, row["booking_id"]) or 0, 0) >= row["owed"]
