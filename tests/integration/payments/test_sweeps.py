"""One that fails keeps no other from its turn: holds, payments, refunds, balances, comparisons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hotel_booking import worker
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.payments.gateway import Gateways, ListedPayment
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.doubles.stripe import StripeDouble
from tests.factories.paying import (
    MINUTE,
    held,
    look,
    one,
    paid,
    sound,
)
from tests.factories.paying import gateways as gateways  # fixtures
from tests.factories.paying import hotel as hotel
from tests.factories.paying import stripe as stripe
from tests.factories.small_hotel import status_of


def failures(sweep: str) -> float:
    return REGISTRY.get_sample_value("hotel_booking_sweep_failures_total", {"sweep": sweep}) or 0.0


async def run_jobs(database_url: str, gateways: Gateways | None = None) -> None:
    await worker.run(
        database_url, lambda db: gateways or Gateways(SandboxGateway(db)), wait=False, concurrency=2
    )


async def enqueue(db: Database, queue: str, task: str, **args: Any) -> None:
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM procrastinate_jobs")
        await tx.execute("SELECT enqueue($1, $2, $3::jsonb, NULL)", queue, task, args)


async def test_one_hold_that_fails_to_lapse_keeps_no_other_from_it(
    hotel: Database, database_url: str
) -> None:
    bookings = [await held(hotel, "NRF", first=day) for day in (5, 10, 15)]
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE booking SET hold_expires_at = $1", utc_now() - MINUTE)
        # Something about the oldest is broken.
        await tx.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.id = '{bookings[0].id}' THEN RAISE 'broken'; END IF; RETURN NEW; END $$;"
            " CREATE TRIGGER broken BEFORE UPDATE ON booking FOR EACH ROW"
            " WHEN (NEW.status = 'expired') EXECUTE FUNCTION broken()"
        )
    before = failures("lapse")
    await enqueue(hotel, "bookings", "bookings:sweep", timestamp=0)
    await run_jobs(database_url)
    assert [await status_of(hotel, booking.id) for booking in bookings] == ["held", "expired", "expired"]
    assert failures("lapse") > before  # by this sweep, and by that of the minute
    assert await one(hotel, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0


async def test_a_payment_that_cannot_be_finished_keeps_no_other_from_it(
    hotel: Database, gateways: Gateways
) -> None:
    first = await paid(hotel, gateways, "RES")
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE payment SET gateway = 'gone', capture_at = now() - interval '1 day'")
    second = await paid(hotel, gateways, "RES")
    later = utc_now() + timedelta(days=40)
    before = failures("payments")
    await service.finish_undecided(hotel, gateways, now=later, older_than=MINUTE)
    assert (await look(hotel, first.id)).paid == 0
    assert (await look(hotel, second.id)).paid == 20_000
    assert failures("payments") == before  # a gateway that is not set up any more is a known answer
    await sound(hotel)


async def test_a_refund_that_cannot_be_sent_keeps_no_other_from_it(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    bookings = [await paid(hotel, gateways, "PRE") for _ in range(2)]
    for booking in bookings:
        async with hotel.transaction() as tx:
            await service.cancel(tx, booking_id=booking.id, now=utc_now())
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE payment SET gateway = 'gone' WHERE booking_id = $1", bookings[0].id)
    before = failures("refunds")
    assert await give_refunds(hotel, gateways, now=utc_now()) == 1
    assert failures("refunds") == before + 1
    assert await one(hotel, "SELECT count(*) FROM refund WHERE status = 'due'") == 1
    assert sum(item.refunded for item in stripe.sums().values()) == 20_000


class NoList(SandboxGateway):
    """A gateway whose list does not answer."""

    name = "no_list"

    def listing(self, *, since: datetime, until: datetime) -> AsyncIterator[ListedPayment]:
        raise ConnectionResetError(f"{since} to {until}")


async def test_a_gateway_without_an_answer_is_compared_again_and_stops_no_other(
    hotel: Database, database_url: str
) -> None:
    await enqueue(hotel, "reconciliation", "payments:reconcile", timestamp=0)
    await run_jobs(database_url, Gateways(NoList(), SandboxGateway()))
    assert await one(hotel, "SELECT array_agg(gateway) FROM reconciliation") == ["sandbox"]
    waiting = (
        "SELECT args ->> 'gateway' FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at > now()"
    )
    assert await one(hotel, waiting) == "no_list"
    assert await one(hotel, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0


@pytest.mark.parametrize("how", ["garbage", "500"])
async def test_an_unreadable_capture_leaves_a_confirmed_booking_confirmed(
    hotel: Database, gateways: Gateways, stripe: StripeDouble, how: Any
) -> None:
    booking = await held(hotel, "NRF")
    stripe.fail("payment_intents.capture", how, acted=True, times=2)
    done = await service.pay(hotel, gateways.card, booking_id=booking.id, token="pm_card_visa", now=utc_now())
    assert (done.status, done.booking.status) == ("confirmed", "confirmed")
    stripe.heal()
    await service.finish_undecided(hotel, gateways, now=utc_now() + 2 * MINUTE, older_than=MINUTE)
    assert (await look(hotel, booking.id)).paid == 18_000
    assert stripe.sums().popitem()[1].captured == 18_000
    await sound(hotel)
