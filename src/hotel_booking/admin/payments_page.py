"""The page of a booking's money, as it is asked for and as it answers what was refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.due import refund_stages, still_open
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments.errors import UnknownGateway
from hotel_booking.domains.payments.gateway import Gateways, Outcome
from hotel_booking.domains.payments.types import PaymentSeen
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import page

TRANSFER = "bank_transfer"


async def payments_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    gateways: Gateways,
    booking: Booking,
    now: datetime,
    form: Form,
    *,
    asked: PaymentSeen | None = None,
    outcome: Outcome | str | None = None,
    repeated: bool = False,
    typed_for: UUID | None = None,
    status: int = 200,
) -> Response[str]:
    """The page of a booking's money. `typed_for` names the payment that the refused `form` is of."""
    seen = await queries.of_booking(tx, booking.id)
    try:
        gateways.of(TRANSFER)
        can_transfer = booking.status == "held"
    except UnknownGateway:
        can_transfer = False
    return page(
        request,
        "bookings/payments.html",
        status=status,
        booking=booking,
        payments=seen,
        refundable=sum(item.refundable for item in seen),
        ledger=await queries.ledger(tx, booking.id),
        card=await queries.saved_card(tx, booking.id),
        disputes=await queries.disputes(tx, booking.id),
        stages=refund_stages(booking, now) if booking.status == "confirmed" else [],
        owed=still_open(booking),
        due=still_open(booking, now),
        can_transfer=can_transfer,
        form=form,
        typed_for=typed_for,
        blank=Form.of(),
        asked=asked,
        outcome=outcome,
        repeated=repeated,
        now=now,
    )
