"""After a restore that lost time: what the gateway has is made good or given back, by name, and nobody is
told anything twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import recovery, recovery_matching, service
from hotel_booking.domains.bookings.recovery import Affected, NotMatched
from hotel_booking.domains.incidents import closure
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.ops.embedded import Cluster
from tests.doubles.stripe import StripeDouble
from tests.factories.crash_scenarios import CARD
from tests.factories.paying import (
    finish_waiting,
    gateways,
    held,
    look,
    one,
    paid,
    paying_hotel,
    sound,
    stripe,
)

__all__ = ["gateways", "stripe"]

pytestmark = pytest.mark.own_database


@pytest.fixture
async def before(cluster: Cluster, database_url: str) -> AsyncIterator[tuple[str, str]]:
    """The URLs of a hotel's database, and of what a restore makes of it as it is now."""
    async with Database.open(database_url, size=2) as db:
        await paying_hotel(db)
    name = f"restored_{uuid4().hex}"
    yield database_url, cluster.url(name)
    cluster.drop_database(name)


def rewound(cluster: Cluster, urls: tuple[str, str]) -> None:
    """From now on the second is the first as it is at this moment."""
    name = psycopg.conninfo.conninfo_to_dict(urls[1])["dbname"]
    source = psycopg.conninfo.conninfo_to_dict(urls[0])["dbname"]
    cluster.create_database(str(name), template=str(source))


async def begun(db: Database, old_url: str = "") -> recovery.RecoveryStart:
    async with db.transaction() as tx:
        return await recovery.begin(tx, backup="20300301-080000", now=utc_now())


async def reported(db: Database) -> dict[str | None, Affected]:
    async with db.transaction() as tx:
        return {each.reference: each for each in (await recovery.report(tx))[1]}


async def test_lost_payments_are_rebooked_or_given_back_and_named(
    cluster: Cluster, before: tuple[str, str], gateways: Gateways, stripe: StripeDouble
) -> None:
    async with Database.open(before[0], size=2) as db:
        done = await paid(db, gateways, "NRF")
        kept = await held(db, "NRF", first=24)
    rewound(cluster, before)
    async with Database.open(before[0], size=4) as db:  # what is lost
        paid_later = await service.pay(
            db, gateways.card, booking_id=kept.id, token=CARD, agreement=None, now=utc_now()
        )
        assert paid_later.status == "confirmed"
        lost = await paid(db, gateways, "NRF")
    confirmations = "SELECT count(*) FROM mail_message WHERE template = 'booking_confirmed'"

    async with Database.open(before[1], size=4) as db:
        start = await begun(db)
        assert (await begun(db)).point == start.point, "again, it changes nothing"
        assert start.mails >= 2, "what waited may have been sent"
        assert await one(db, "SELECT count(*) FROM mail_message WHERE status = 'waiting'") == 0
        async with db.transaction() as tx:
            assert await closure.current(tx) is not None, "it sells"
            with pytest.raises(NotMatched):
                await recovery.open_again(tx, now=utc_now(), unmatched=False)
        told = await one(db, confirmations)

        await recovery_matching.match(db, gateways, now=utc_now())
        await recovery_matching.match(db, gateways, now=utc_now())  # once is enough
        async with db.transaction() as tx:  # ended before its end, and begun again
            await tx.execute("UPDATE restore_point SET matched_at = NULL")
        await recovery_matching.match(db, gateways, now=utc_now())
        await finish_waiting(db, gateways, utc_now())
        await finish_waiting(db, gateways, utc_now())

        assert (await look(db, kept.id)).status == "confirmed"
        assert (await look(db, done.id)).status == "confirmed"
        sums = stripe.sums()
        money = {key: (each.captured - each.refunded, each.held) for key, each in sums.items()}
        assert sorted(money.values()) == sorted([(done.total, 0), (kept.total, 0), (0, 0)])
        waiting = "SELECT array_agg(template) FROM mail_message WHERE status = 'waiting'"
        assert await one(db, waiting) is None
        assert await one(db, confirmations) == told + 1, "and that one is not sent by itself"
        affected = await reported(db)
        assert affected[kept.reference].became == "rebooked, now confirmed"
        assert affected[lost.reference].became == "the booking is lost; the money goes back"
        assert affected[lost.reference].amount == lost.total
        await sound(db)

        async with db.transaction() as tx:
            assert await recovery.open_again(tx, now=utc_now(), unmatched=False) is not None
            assert await closure.current(tx) is None
            assert await recovery.open_again(tx, now=utc_now(), unmatched=False) is None


async def test_bookings_of_the_database_before_are_named(
    cluster: Cluster, before: tuple[str, str], gateways: Gateways
) -> None:
    """Where it can still be read: those that no gateway knows of, too."""
    rewound(cluster, before)
    async with Database.open(before[0], size=4) as db:
        lost = await held(db, "NRF")
        async with db.transaction() as old:
            found = await recovery.lost_bookings(old, until=utc_now())
            assert await recovery.lost_bookings(old, until=utc_now() + timedelta(minutes=1)) == []
    assert [(each.kind, each.reference) for each in found] == [("booking", lost.reference)]
    assert "ana@example.com" in str(found[0].guest)


async def test_holds_that_lived_then_live_on(
    cluster: Cluster, before: tuple[str, str], gateways: Gateways
) -> None:
    async with Database.open(before[0], size=2) as db:
        booking = await held(db, "NRF")
    rewound(cluster, before)
    async with Database.open(before[1], size=4) as db:
        until = (await begun(db)).point.until
        left = booking.hold_expires_at - until
        async with db.transaction() as tx:
            await service.lapse_many(tx, booking_ids=[booking.id], now=utc_now() + timedelta(hours=2))
        assert (await look(db, booking.id)).status == "held"
        opened = utc_now() + timedelta(hours=3)
        async with db.transaction() as tx:
            await recovery.open_again(tx, now=opened, unmatched=True)
        expires = await one(db, "SELECT hold_expires_at FROM booking")
        assert abs((expires - opened) - left) < timedelta(seconds=1)
