"""What the gateways have of the time that the database has lost: each payment is matched, its booking made
good where it is still there, its money given back where it is not, and its guest named."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings import mail, recovery
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.recovery import Affected, RestorePoint
from hotel_booking.domains.notifications import parking
from hotel_booking.domains.payments import recovered, steps
from hotel_booking.domains.payments.errors import GatewayRefused
from hotel_booking.domains.payments.gateway import Gateway, Gateways, ListedPayment
from hotel_booking.domains.payments.reconcile import listing_gateways
from hotel_booking.domains.payments.service import finish_later, look_up

tasks = Blueprint()
log = logging.getLogger(__name__)

_SLACK = timedelta(minutes=10)  # the gateway's clock and ours
_OPEN = ("started", "requires_action", "unknown", "authorised", "reserved")


@tasks.periodic(cron="* * * * *")
@tasks.task(name="match_restored", queue="payments", pass_context=True, queueing_lock="match_restored")
async def match_restored(context: JobContext, timestamp: int) -> None:
    """While the platform is closed after a restore: compare with every gateway that keeps a list, once to its
    end. Raises `GatewayUnavailable` where one does not answer: the next minute tries again."""
    del timestamp
    await match(jobs.database(context), jobs.resource(context, "gateways"), now=jobs.now(context))


async def match(db: Database, gateways: Gateways, *, now: datetime) -> None:
    """See `match_restored`."""
    async with db.reading() as tx:
        point = await recovery.open_restore_point(tx)
    if point is None or point.matched_at is not None:
        return
    for gateway in listing_gateways(gateways):
        for seen in await steps.listing(gateway, since=point.until - _SLACK, until=now + _SLACK):
            if seen.captured or seen.status == "authorised":
                await _match(db, gateway, seen, point, now)
    async with db.transaction() as tx:
        await recovery.matched(tx, point, now=now)


async def _match(
    db: Database, gateway: Gateway, seen: ListedPayment, point: RestorePoint, now: datetime
) -> None:
    async with db.transaction() as tx:
        ours = await recovered.known(tx, gateway.name, seen)
        if ours is not None:
            if ours.status in _OPEN:
                await _told_before(tx, ours.id, seen, now=now)
                await finish_later(tx, payment_id=ours.id, seen=seen.reference)
                named = _named(gateway, seen, "finished in our books")
                await recovery.note(tx, point, named, now=now, unless_known=True)
            elif seen.refunded:
                became = f"{seen.refunded} were refunded at the gateway: compare with our books"
                await recovery.note(tx, point, _named(gateway, seen, became), now=now)
            return
        booking = await recovery.booking_of(tx, seen.booking) if seen.booking else None
        taken = None
        if booking is not None and booking[1] == "held":
            taken = await recovered.take_up(tx, gateway.name, seen, booking_id=booking[0], now=now)
        if taken is not None:
            await _told_before(tx, taken, seen, now=now)
            await recovery.note(tx, point, _named(gateway, seen, "rebooked"), now=now)
            return
    try:
        given = await recovered.give_back(gateway, seen)
    except GatewayRefused as refusal:
        log.exception("a lost payment could not be given back", extra={"reference": seen.reference})
        became = f"to be given back by hand: {refusal.detail}"
        given = True
    else:
        became = "the booking is lost; the money goes back" if given else "was given back before"
    async with db.transaction() as tx:
        await recovery.note(tx, point, _named(gateway, seen, became), now=now, unless_known=not given)


async def _told_before(tx: Transaction, payment_id: UUID, seen: ListedPayment, *, now: datetime) -> None:
    """The guest had confirmation and receipt when the payment was made, and is not sent others: they stand
    among the messages of which nobody knows, for staff to send if the guest asks."""
    payment = await look_up(tx, payment_id)
    booking = await booking_by_id(tx, payment.booking_id)
    if booking.status == "held":
        paid = msgspec.structs.replace(booking, paid=booking.paid + (seen.captured or seen.amount))
        await mail.confirmed(tx, paid, now=now)
    if seen.captured:
        await mail.payment_received(tx, booking, payment=payment, amount=seen.captured, now=now)
    await parking.park_of_booking(tx, booking_id=booking.id, now=now)


def _named(gateway: Gateway, seen: ListedPayment, became: str) -> Affected:
    return Affected(
        subject=f"{gateway.name} {seen.reference}",
        kind="payment",
        reference=seen.booking or None,
        guest=seen.guest or None,
        amount=seen.captured or seen.amount,
        currency=seen.currency,
        became=became,
    )
