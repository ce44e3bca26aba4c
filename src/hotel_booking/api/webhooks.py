"""What others tell us: payment gateways, signed, and believed only so far as to ask them what is true; and
our own Alertmanager, which shows its token."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.identity.errors import MissingCredentials
from hotel_booking.domains.incidents import notification, service
from hotel_booking.domains.payments import notices
from hotel_booking.domains.payments.errors import UnknownGateway
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.http.access import public
from hotel_booking.http.bodies import NOTICE_LIMIT


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


@post(
    "/webhooks/alertmanager",
    opt=public(),
    status_code=200,
    include_in_schema=False,
    request_max_body_size=NOTICE_LIMIT,
)
async def receive_alerts(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime
) -> Received:
    """Alerts become incidents and findings, once each however often they come, and end with them. Taken from
    who shows HOTEL_ALERTMANAGER_TOKEN, compared in constant time; where none is set, from nobody."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    token = settings.alertmanager_token
    good = token is not None and hmac.compare_digest(shown.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not good:
        raise MissingCredentials(
            "alerts are taken from the hotel group's own Alertmanager",
            fix="set HOTEL_ALERTMANAGER_TOKEN, and send it as `Authorization: Bearer <token>`",
        )
    await service.receive(tx, notification=notification.read(await request.body()), now=now)
    return Received()
