"""Holds that lapse, payments that a crash left open, and guests who are to be told something in time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs, sweeps
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.service import link_requests
from hotel_booking.domains.bookings import browsers, guest_bookings, holders, mail, queries, search, service
from hotel_booking.domains.payments import returns
from hotel_booking.domains.payments.errors import GatewayUnavailable

tasks = Blueprint()
log = logging.getLogger(__name__)

_ABANDONED = timedelta(minutes=1)  # longer than any gateway call may take
_KEPT_QUOTES = timedelta(days=7)
_DAYS_BEFORE_ARRIVAL = 3
# Who is paying on a page needs no link to pay by mail.
_PAYING = timedelta(minutes=2)
_TOGETHER = 25  # holds that are given back in one transaction
_BATCHES = 10  # of bookings whose words are kept anew, a minute
_BATCH = 200
_FORGOTTEN = 1000  # rows that are deleted in one transaction
_MOST_TOLD = 2000  # holds that a minute looks at
_MOST_LISTED = 20  # the last to arrive, in a mail to who lost their references


@tasks.task(name="lapse", queue="bookings", pass_context=True, retry=jobs.PATIENT)
async def lapse(context: JobContext, booking_id: str) -> None:
    """Give one hold's nights back. The release before enqueues this; today the sweep sees to all."""
    async with jobs.database(context).transaction() as tx:
        await service.lapse(tx, booking_id=UUID(booking_id), now=jobs.now(context))


@tasks.periodic(cron="* * * * *")
@tasks.task(name="sweep", queue="bookings", pass_context=True, queueing_lock="sweep")
async def sweep(context: JobContext, timestamp: int) -> None:
    """Give back every hold that has expired, some at a time, with pauses, so that a large backlog neither
    locks long nor grows memory. Where some fail together, each has its own try, and one that fails keeps no
    other from it."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()

    async def lapse_some(ids: Sequence[UUID]) -> None:
        async with db.transaction() as tx:
            await service.lapse_many(tx, booking_ids=ids, now=now)

    async def lapse_one(booking_id: UUID) -> None:
        await lapse_some([booking_id])

    after: tuple[datetime, UUID] | None = None
    while True:
        async with db.transaction() as tx:
            expired = await queries.expired_holds(tx, now=now, limit=_TOGETHER, after=after)
        ids = [booking_id for _, booking_id in expired]
        try:
            await lapse_some(ids)
        except Exception:  # one bad hold must not keep the others: each is tried by itself
            log.exception("holds did not expire together, and are tried one by one")
            await sweeps.each("lapse", ids, lapse_one)
        if len(expired) < _TOGETHER:
            return
        after = expired[-1]
        await pace.rest()


@tasks.periodic(cron="* * * * *")
@tasks.task(name="sweep_payments", queue="payments", pass_context=True, queueing_lock="sweep_payments")
async def sweep_payments(context: JobContext, timestamp: int) -> None:
    """Finish or undo payments that a crash, a silent gateway or a guest who left has left open."""
    del timestamp
    gateways = jobs.resource(context, "gateways")
    await service.finish_undecided(
        jobs.database(context), gateways, now=jobs.now(context), older_than=_ABANDONED
    )


@tasks.task(name="finish_payment", queue="payments", pass_context=True, retry=jobs.PATIENT)
async def finish_payment(context: JobContext, payment_id: str, seen: str | None = None) -> None:
    """One payment's next step, soon: a notice came, a cancellation released it, a guest checked in. `seen` is
    what the gateway calls the thing that its notice speaks of."""
    try:
        await service.finish_payment(
            jobs.database(context),
            jobs.resource(context, "gateways"),
            payment_id=UUID(payment_id),
            seen=seen,
            now=jobs.now(context),
        )
    except GatewayUnavailable:
        raise  # the job is repeated
    except DomainError as error:
        log.info("a payment was not made", extra={"payment_id": payment_id, "code": error.code})


@tasks.task(name="collect_one", queue="payments", pass_context=True, retry=jobs.PATIENT)
async def collect_one(context: JobContext, booking_id: str) -> None:
    """What is due of one booking."""
    await service.collect(
        jobs.database(context),
        jobs.resource(context, "gateways"),
        booking_id=UUID(booking_id),
        now=jobs.now(context),
    )


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="collect", queue="payments", pass_context=True, queueing_lock="collect")
async def collect(context: JobContext, timestamp: int) -> None:
    """Balances whose day has come, and those that a crash left: one booking's trouble keeps no other from
    it."""
    del timestamp
    db, now = jobs.database(context), jobs.now(context)
    async with db.transaction() as tx:
        due = await queries.to_collect(tx, now=now, limit=500)

    async def collect_due(booking_id: UUID) -> None:
        await service.collect(db, jobs.resource(context, "gateways"), booking_id=booking_id, now=now)

    await sweeps.each("collect", due, collect_due)


@tasks.periodic(cron="17 * * * *")
@tasks.task(name="purge_quotes", queue="bookings", pass_context=True, queueing_lock="purge_quotes")
async def purge_quotes(context: JobContext, timestamp: int) -> None:
    """Quotes that nobody booked are kept a week, then forgotten; so is what browsers own no longer."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()
    for forget in (
        partial(queries.purge_quotes, before=now - _KEPT_QUOTES),
        partial(browsers.purge, now=now),
        partial(holders.purge, now=now),
    ):
        gone = None
        while gone is None or gone >= _FORGOTTEN:
            async with db.transaction() as tx:
                gone = await forget(tx, limit=_FORGOTTEN)
            await pace.rest()


@tasks.task(name="mail_list", queue="bookings", pass_context=True, retry=jobs.PATIENT)
async def mail_list(context: JobContext, request: str) -> None:
    """Somebody has lost their references: mail the list of the address's bookings to it, where it has any."""
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        asked = await link_requests.take(tx, request=request)
        if asked is None:
            return
        bookings = await guest_bookings.list_bookings(
            tx, await guest_bookings.ids_of_address(tx, asked.email), asked.language
        )
        if bookings:
            await mail.booking_list(
                tx, bookings[:_MOST_LISTED], recipient=asked.email, language=asked.language, now=now
            )


@tasks.periodic(cron="* * * * *")
@tasks.task(name="tell_held", queue="bookings", pass_context=True, queueing_lock="tell_held")
async def tell_held(context: JobContext, timestamp: int) -> None:
    """Send the link to pay to guests whose rooms are held and who seem to have left the page. Each hold is
    looked at once, whether its guest is sent the link or has had as many as anybody is sent; again only where
    it failed."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()
    made_before = until = now - _PAYING
    async with db.transaction() as tx:
        unpaid = await queries.unpaid_untold(tx, now=now, made_before=made_before, limit=_MOST_TOLD)
    if len(unpaid) == _MOST_TOLD:
        until = unpaid[-1][0]  # the others have their turn in a minute
    for made_at, booking_id in unpaid:
        if not await _tell(db, booking_id, "held", mail.link_to_pay, now):
            until = min(until, made_at)
        await pace.rest()
    async with db.transaction() as tx:
        await queries.note_told(tx, until=until)


@tasks.task(name="tell_refund", queue="bookings", pass_context=True, retry=jobs.PATIENT)
async def tell_refund(context: JobContext, refund_id: str) -> None:
    """Tell a guest that money is on its way back; nobody, where it has come back to us by now."""
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        found = await returns.sent(tx, UUID(refund_id))
        if found is not None:
            booking_id, refund = found
            await mail.refund_sent(
                tx,
                await queries.booking_by_id(tx, booking_id),
                refund_id=UUID(refund_id),
                refund=refund,
                now=now,
            )


@tasks.periodic(cron="23 * * * *")
@tasks.task(name="before_arrival", queue="bookings", pass_context=True, queueing_lock="before_arrival")
async def before_arrival(context: JobContext, timestamp: int) -> None:
    """Tell guests who booked a while ago that their stay begins in three days."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()
    after: tuple[date, UUID] | None = None
    while True:
        async with db.transaction() as tx:
            soon = await queries.arriving_untold(
                tx,
                now=now,
                days=_DAYS_BEFORE_ARRIVAL,
                booked_before=now - timedelta(days=_DAYS_BEFORE_ARRIVAL),
                after=after,
                limit=_BATCH,
            )
        for _, booking_id in soon:
            await _tell(db, booking_id, "confirmed", mail.before_arrival, now)
            await pace.rest()
        if len(soon) < _BATCH:
            return
        after = soon[-1]


async def _tell(
    db: Database,
    booking_id: UUID,
    status: str,
    write: Callable[..., Awaitable[None]],
    now: datetime,
) -> bool:
    """Tell one guest, if the booking is still as it was found: one transaction a booking, and one that cannot
    be told of keeps nobody else from their mail. False where it failed."""
    try:
        async with db.transaction() as tx:
            booking = await queries.lock_and_load(tx, booking_id)
            if booking.status == status:
                await write(tx, booking, now=now)
            return True
    except Exception:  # it is tried again, and counted as failed meanwhile
        log.exception("a guest could not be told", extra={"booking_id": str(booking_id)})
        return False


@tasks.periodic(cron="* * * * *")
@tasks.task(name="keep_words", queue="bookings", pass_context=True, queueing_lock="keep_words")
async def refresh_search_terms(context: JobContext, timestamp: int) -> None:
    """After an upgrade: bookings are found by today's rules, some thousands a minute until all are."""
    del timestamp
    db, pace = jobs.database(context), jobs.Pace()
    for _ in range(_BATCHES):
        async with db.transaction() as tx:
            if not await search.refresh_search_terms(tx):
                return
        await pace.rest()
