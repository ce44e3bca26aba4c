"""Money at the desk: what a guest has paid there is recorded, what goes back is handed over, and what was
recorded by mistake is reversed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from litestar import Request, Response, post
from litestar.datastructures import State

from hotel_booking.admin.acts import carry_out
from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.bookings import booking_page
from hotel_booking.admin.desk_form import WAYS
from hotel_booking.admin.payments_page import payments_page
from hotel_booking.admin.stays import check_out_page
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.desk import LONGEST_REASON, LONGEST_RECEIPT
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import PaymentNotFound
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.types import DeskWay
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import read
from hotel_booking.http.ui.render import money, see_other

_RECORD = Permission.PAYMENTS_RECORD
_REVERSE = Permission.PAYMENTS_MANAGE


@post("/bookings/{reference:str}/desk-payments", opt=staff(_RECORD))
async def record_payment(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The guest has paid at the desk. The form stands on the booking's page and on that of its check-out,
    and leads back to where it was sent from."""
    booking = await open_booking(tx, reference, caller, _RECORD)
    form = await read(request)
    here = f"/admin/bookings/{booking.reference}"
    leaving = form.value("from") == "check-out" and booking.status == "checked_in"

    async def act() -> str:
        amount = form.money("amount", booking.currency, required=True)
        way = form.choice("way", (value for value, _ in WAYS))
        receipt = form.text("receipt", longest=LONGEST_RECEIPT)
        seen = form.shown_amount("owed")
        form.check()
        payment = await service.record_desk_payment(
            tx,
            booking_id=booking.id,
            amount=amount,
            way=cast("DeskWay", way),  # one of WAYS
            receipt=receipt,
            expected=seen,
            now=now,
        )
        left = still_open(await booking_by_id(tx, booking.id))
        rest = f"{money(left, booking.currency)} is outstanding." if left else "Nothing is outstanding."
        return f"{money(payment.amount, booking.currency)} has been recorded. {rest}"

    async def refused(error: DomainError) -> Response[str]:
        # As it is now: somebody else may have recorded it a moment ago.
        current = await booking_by_id(tx, booking.id)
        failed = form.failed(error)
        if leaving and current.status == "checked_in":
            return check_out_page(request, caller, current, now, failed, status=422)
        return await booking_page(request, tx, caller, current, now, form=failed, status=422)

    to = f"{here}/check-out" if leaving else f"{here}#money"
    return await carry_out(request, tx, act, to=to, refused=refused)


@post("/bookings/{reference:str}/desk-payments/{payment_id:uuid}/reverse", opt=staff(_REVERSE))
async def reverse_payment(
    request: Request[Any, Any, State],
    tx: Transaction,
    gateways: Gateways,
    caller: Caller,
    now: datetime,
    reference: str,
    payment_id: UUID,
) -> Response[Any]:
    """A payment was recorded by mistake: the guest owes it again."""
    booking = await open_booking(tx, reference, caller, _REVERSE)
    if not await queries.desk_payments(tx, booking.id, payment_id=payment_id):
        raise PaymentNotFound("the booking has no such payment taken at the desk")
    require_recent(caller, now)
    form = await read(request)

    async def act() -> str:
        reason = form.text("why", required=True, longest=LONGEST_REASON)
        form.check()
        await service.reverse_desk_payment(
            tx, booking_id=booking.id, payment_id=payment_id, reason=reason, now=now
        )
        left = still_open(await booking_by_id(tx, booking.id))
        return f"The payment has been reversed; {money(left, booking.currency)} is outstanding."

    async def refused(error: DomainError) -> Response[str]:
        if error.field == "reason":
            form.wrong("why", error.detail)
        failed = form if form.errors else form.failed(error)
        return await payments_page(
            request, tx, gateways, booking, now, failed, typed_for=payment_id, status=422
        )

    return await carry_out(
        request, tx, act, to=f"/admin/bookings/{booking.reference}/payments", refused=refused
    )


@post("/bookings/{reference:str}/desk-refunds/{refund_id:uuid}/given", opt=staff(_RECORD))
async def refund_given(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    reference: str,
    refund_id: UUID,
) -> Response[Any]:
    """What was paid at the desk has been given back. Said twice it is noted once."""
    booking = await open_booking(tx, reference, caller, _RECORD)
    await lock_booking(tx, booking.id)
    seen = await queries.of_booking(tx, booking.id)
    item = next((each for each in seen if each.kind == "refund" and each.id == refund_id), None)
    if item is None or not item.at_desk:
        raise PaymentNotFound("the booking has no such refund to be given at the desk")
    await payments.refund_done(tx, refund_id=refund_id, now=now, reference="given at the desk")
    given = money(item.amount, booking.currency)
    return see_other(
        request,
        f"/admin/bookings/{booking.reference}/payments",
        notice=f"{given} is marked as given back.",
    )


handlers = [record_payment, reverse_payment, refund_given]
