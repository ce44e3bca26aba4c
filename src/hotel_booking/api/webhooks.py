"""What payment gateways tell us: signed, and believed only so far as to ask them what is true."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, post
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.payments import notices
from hotel_booking.domains.payments.errors import UnknownGateway
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.http.access import public
from hotel_booking.http.body import NOTICE_LIMIT


class Received(msgspec.Struct, frozen=True):
    """The notice is stored; it need not be sent again."""

    received: bool = True


@post(
    "/webhooks/{gateway:str}",
    opt=public(),
    status_code=200,
    include_in_schema=False,
    request_max_body_size=NOTICE_LIMIT,
)
async def receive_notice(
    request: Request[Any, Any, State], gateway: str, tx: Transaction, gateways: Gateways, now: datetime
) -> Received:
    """Store a notice once, however often it comes, and have the payment looked at. Forged and stale ones are
    refused with 400; one of a payment that is not ours is taken and forgotten."""
    try:
        chosen = gateways.of(gateway)
    except UnknownGateway:
        raise NotFound("there is no such gateway") from None
    body = await request.body()
    notice = chosen.read_notice(body, signature=request.headers.get("stripe-signature", ""), now=now)
    await notices.accept(tx, gateway=chosen.name, notice=notice, now=now)
    return Received()
