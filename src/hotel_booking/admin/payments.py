"""The money of a booking: what was paid and how, what the gateway says, and what staff can do about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.acts import Act, carry_out
from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.payments_page import TRANSFER, payments_page
from hotel_booking.core.code_names import called
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import mail, service
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.errors import WrongState
from hotel_booking.domains.bookings.queries import lock_booking
from hotel_booking.domains.bookings.types import OWING, Booking
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.domains.notifications import queries as outbox
from hotel_booking.domains.payments import queries, refunds, steps
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import (
    AmountMismatch,
    PaymentNotFound,
    RefundRepeated,
)
from hotel_booking.domains.payments.gateway import Gateways, Outcome
from hotel_booking.domains.payments.steps import Step
from hotel_booking.domains.payments.types import PaymentSeen
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import money, see_other

_VIEW = staff(Permission.PAYMENTS_VIEW)
_MANAGE = staff(Permission.PAYMENTS_MANAGE)
_LINKS = ("booking_held", "balance_due")


@get("/bookings/{reference:str}/payments", opt=_VIEW)
async def show_payments(
    request: Request[Any, Any, State],
    database: Database,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
    ask: str = "",
) -> Response[str]:
    """Everything about the booking's money. `ask` names a payment that its gateway is asked about now."""
    async with database.transaction() as tx:
        booking = await open_booking(tx, reference, caller, Permission.PAYMENTS_VIEW)
        asked = await _asked(tx, booking, ask)
    outcome: Outcome | str | None = None
    if asked is not None:
        # No transaction is open while the gateway thinks about it.
        try:
            gateway = gateways.of(asked.gateway)
            outcome = await steps.call(
                Step.FIND, gateway.find, payment_id=asked.id, reference=asked.gateway_reference
            )
        except DomainError as error:
            outcome = error.detail
    async with database.transaction() as tx:
        return await payments_page(
            request, tx, gateways, booking, now, Form.of(), asked=asked, outcome=outcome
        )


@post("/bookings/{reference:str}/payments/refund", opt=_MANAGE)
async def refund(
    request: Request[Any, Any, State],
    tx: Transaction,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
) -> Response[Any]:
    """Give a part back, with a reason; the same amount twice within a day has to be meant. It is not owed
    again, unless the guest pays it in another way."""
    booking = await _managed(tx, caller, reference)
    require_recent(caller, now)
    form = await read(request)

    async def act() -> str:
        amount = form.money("amount", booking.currency, required=True)
        reason = form.text("reason", required=True, longest=200)
        form.check()
        gift = await service.give_back(
            tx,
            booking_id=booking.id,
            amount=amount or 0,
            reason=reason,
            still_owed=form.flag("still_owed"),
            again=form.flag("again"),
            now=now,
        )
        sent = money(amount or 0, booking.currency)
        owed = (
            f"The guest’s balance is reduced by {money(gift, booking.currency)}."
            if gift
            else "The guest’s balance is unchanged."
        )
        return f"{sent} will be refunded. {owed}"

    return await _carried_out(request, tx, gateways, booking, now, form, act)


@post("/bookings/{reference:str}/payments/{payment_id:uuid}/take", opt=_MANAGE)
async def take(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    reference: str,
    payment_id: UUID,
) -> Response[Any]:
    """Take one payment's reserved money now."""
    booking = await _managed(tx, caller, reference)
    await lock_booking(tx, booking.id)
    await _state(tx, booking, payment_id, "reserved")
    await payments.take_now(tx, booking_id=booking.id, now=now, payment_id=payment_id)
    return _done(request, booking, "The reserved money is being captured.")


@post("/bookings/{reference:str}/payments/{payment_id:uuid}/release", opt=_MANAGE)
async def release(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    reference: str,
    payment_id: UUID,
) -> Response[Any]:
    """Let one payment's reserved money go; the guest owes it then."""
    booking = await _managed(tx, caller, reference)
    require_recent(caller, now)
    await lock_booking(tx, booking.id)
    await _state(tx, booking, payment_id, "reserved")
    await payments.let_go(tx, payment_id=payment_id, now=now)
    return _done(request, booking, "The reserved money has been released.")


@post("/bookings/{reference:str}/payments/{payment_id:uuid}/received", opt=_MANAGE)
async def transfer_received(
    request: Request[Any, Any, State],
    database: Database,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
    payment_id: UUID,
) -> Response[Any]:
    """A transfer stands on the bank's statement."""
    async with database.transaction() as tx:
        booking = await _managed(tx, caller, reference)
        await _state(tx, booking, payment_id, "requires_action", "voided", "voiding")
    form = await read(request)
    try:
        amount = form.money("received", booking.currency, required=True)
        text = form.text("statement", required=True, longest=100)
        form.check()
        await service.received(
            database, gateways, payment_id=payment_id, amount=amount or 0, reference=text, now=now
        )
    except DomainError as error:
        if isinstance(error, AmountMismatch):
            form.wrong("received", f"{error.detail}: {error.fix}")
        else:
            form.failed(error)
        async with database.transaction() as tx:
            booking = await open_booking(tx, reference, caller)
            return await payments_page(
                request, tx, gateways, booking, now, form, typed_for=payment_id, status=422
            )
    return _done(request, booking, "The transfer has been recorded.")


@post("/bookings/{reference:str}/refunds/{refund_id:uuid}/{act:str}", opt=_MANAGE)
async def settle_refund(
    request: Request[Any, Any, State],
    database: Database,
    caller: Caller,
    now: datetime,
    reference: str,
    refund_id: UUID,
    act: str,
) -> Response[Any]:
    """Send a failed refund again, or note that a transfer was sent back by hand."""
    async with database.transaction() as tx:
        booking = await _managed(tx, caller, reference)
        seen = await queries.of_booking(tx, booking.id)
        item = next((each for each in seen if each.kind == "refund" and each.id == refund_id), None)
        if item is None or act not in ("again", "sent"):
            raise PaymentNotFound("the booking has no such refund")
        if act == "again":
            require_recent(caller, now)
            done = await payments.send_again(tx, refund_id=refund_id, now=now)
            notice = "The refund is being sent again." if done else "It has already been sent again."
            return _done(request, booking, notice)
        if item.gateway != TRANSFER:
            raise PaymentNotFound("only bank transfers are refunded by hand")
    await refunds.note_refund(database, refund_id=refund_id, answer=refunds.SENT_BY_HAND, now=now)
    return _done(request, booking, "The refund is marked as sent.")


@post("/bookings/{reference:str}/payments/link", opt=_MANAGE)
async def send_link(
    request: Request[Any, Any, State],
    tx: Transaction,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
) -> Response[Any]:
    """Send the guest the link to pay what is due."""
    booking = await _managed(tx, caller, reference)
    owed = still_open(booking)
    earlier = {message.id for message in await outbox.of_booking(tx, booking.id)}

    async def act() -> str:
        if booking.status == "held" and booking.hold_expires_at > now:
            await mail.link_to_pay(tx, booking, now=now)
        elif booking.status in OWING and owed > 0:
            await mail.balance_due(tx, booking, amount=owed, now=now)
        else:
            raise WrongState("there is nothing to pay", fix="check the balance")
        messages = [
            message for message in await outbox.of_booking(tx, booking.id) if message.template in _LINKS
        ]
        if not messages:
            raise WrongState("no email can be sent for this booking", fix="contact the guest another way")
        if messages[0].id not in earlier:
            return "The payment link has been sent."
        # The same thing is told once: nobody should believe that it went out again.
        state = called(messages[0].status, "mail")
        return f"This message already exists and is not sent twice; it is {state}."

    return await _carried_out(request, tx, gateways, booking, now, Form.of(), act)


@post("/bookings/{reference:str}/payments/charge", opt=_MANAGE)
async def charge_card(
    request: Request[Any, Any, State],
    tx: Transaction,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
) -> Response[Any]:
    """Take what is due by now from the card that the guest let us keep."""
    booking = await _managed(tx, caller, reference)
    require_recent(caller, now)

    async def act() -> str:
        if await queries.saved_card(tx, booking.id) is None:
            raise WrongState("there is no card on file for this booking", fix="send a payment link")
        if not still_open(booking, now):
            raise WrongState("nothing is due yet under this booking’s conditions", fix="wait until it is due")
        await service.collect_soon(tx, booking_id=booking.id, now=now, only_from_card=True)
        return "The card on file is being charged."

    return await _carried_out(request, tx, gateways, booking, now, Form.of(), act)


@post("/bookings/{reference:str}/payments/transfer", opt=_MANAGE)
async def expect_transfer(
    request: Request[Any, Any, State],
    database: Database,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
) -> Response[Any]:
    """Let a held booking be paid by transfer: its rooms wait, and the guest is told where to send it."""
    async with database.transaction() as tx:
        booking = await _managed(tx, caller, reference)
    try:
        gateway = gateways.of(TRANSFER)
        if booking.status != "held":
            raise WrongState("the booking is no longer held", fix="reload the page")
        done = await service.pay(database, gateway, booking_id=booking.id, token=None, now=now)
    except DomainError as error:
        async with database.transaction() as tx:
            booking = await open_booking(tx, reference, caller)
            return await payments_page(
                request, tx, gateways, booking, now, Form.of().failed(error), status=422
            )
    if done.status == "confirmed":  # nothing is due before the stay
        return _done(request, booking, "The booking is confirmed; nothing is due now.")
    return _done(request, booking, "The rooms are held for the transfer; the guest gets the bank details.")


async def _managed(tx: Transaction, caller: Caller, reference: str) -> Booking:
    return await open_booking(tx, reference, caller, Permission.PAYMENTS_MANAGE)


async def _asked(tx: Transaction, booking: Booking, text: str) -> PaymentSeen | None:
    try:
        wanted = UUID(text) if text else None
    except ValueError:
        wanted = None
    seen = await queries.of_booking(tx, booking.id) if wanted is not None else []
    return next(
        (item for item in seen if item.kind == "payment" and item.id == wanted and not item.at_desk), None
    )


async def _state(tx: Transaction, booking: Booking, payment_id: UUID, *states: str) -> None:
    seen = await queries.of_booking(tx, booking.id)
    item = next((each for each in seen if each.kind == "payment" and each.id == payment_id), None)
    if item is None:
        raise PaymentNotFound("the booking has no such payment")
    if item.status not in states:
        raise WrongState(f"the payment is {called(item.status, 'payment')}", fix="reload the page")


async def _carried_out(
    request: Request[Any, Any, State],
    tx: Transaction,
    gateways: Gateways,
    booking: Booking,
    now: datetime,
    form: Form,
    act: Act,
) -> Response[Any]:
    """Do something and say on the page what `act` says of it, or what is wrong."""

    async def refused(error: DomainError) -> Response[str]:
        repeated = isinstance(error, RefundRepeated)
        failed = form.failed(error)
        return await payments_page(request, tx, gateways, booking, now, failed, repeated=repeated, status=422)

    return await carry_out(request, tx, act, to=_page_of(booking), refused=refused)


def _page_of(booking: Booking) -> str:
    return f"/admin/bookings/{booking.reference}/payments"


def _done(request: Request[Any, Any, State], booking: Booking, notice: str) -> Response[bytes]:
    return see_other(request, _page_of(booking), notice=notice)


handlers = [
    show_payments,
    refund,
    take,
    release,
    transfer_received,
    settle_refund,
    send_link,
    charge_card,
    expect_transfer,
]
