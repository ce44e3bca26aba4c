"""Parts of the platform that have no page to look at, for the prober: do payments and messages get through?

Public, so that they can be looked at from outside as all else; so they say no more than that, and whoever
asks often is told what was found some seconds ago.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from hotel_booking.core import job_queue
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.notifications import queries as mail
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.http.access import public

_KEPT = timedelta(seconds=10)
_GATEWAY_SECONDS = 6.0
_OVERDUE = timedelta(minutes=3)


class NoSuchPart(NotFound):
    """There is no such part that is looked at here."""

    code = "no_such_part"


class PartState(msgspec.Struct, frozen=True):
    """How a part is; `reason` in a few words where it is not `up`."""

    state: Literal["up", "slow", "down"]
    reason: str = ""


@get("/status/parts/{part:str}", opt=public(), include_in_schema=False)
async def look_at(
    state: State, tx: Transaction, gateways: Gateways, now: datetime, part: str
) -> Response[PartState]:
    """Whether `payments` or `notifications` work; 503 where they do not."""
    if part not in ("payments", "notifications"):
        raise NoSuchPart(f"{part[:40]} is not looked at here", fix="payments or notifications")
    kept: dict[str, tuple[datetime, PartState]] = state.status_parts
    at, found = kept.get(part, (None, None))
    if found is None or at is None or not now - _KEPT < at <= now:
        found = await (_payments(gateways) if part == "payments" else _notifications(tx, now))
        kept[part] = (now, found)
    return Response(found, status_code=503 if found.state == "down" else 200)


async def _payments(gateways: Gateways) -> PartState:
    """Ask the gateway of cards for a payment that it cannot have: that it has not says that it answers us."""
    try:
        async with asyncio.timeout(_GATEWAY_SECONDS):
            await gateways.card.find(payment_id=uuid4(), reference="pi_status_page_asks")
    except Exception as error:  # whatever stops a question stops a payment
        return PartState("down", f"the payment provider does not answer ({type(error).__name__})")
    return PartState("up")


async def _notifications(tx: Transaction, now: datetime) -> PartState:
    figures: Any = next((one for one in await job_queue.figures(tx, now) if one.queue == "mail"), None)
    if figures is not None and figures.oldest is not None and figures.oldest < now - _OVERDUE:
        return PartState("down", "messages wait, and nobody sends them")
    trouble = await mail.trouble(tx)
    if trouble.failed_at is None or (trouble.sent_at is not None and trouble.sent_at > trouble.failed_at):
        return PartState("up")
    if trouble.recipients == 1:  # one mailbox that refuses is no outage of ours, or the beginning of one
        return PartState("slow", "a message could not be delivered yet")
    return PartState("down", "messages cannot be delivered")


handlers = [look_at]
