"""The steps between which a payment can be cut off: every transaction and every gateway call of the saga.

Each goes through `write` or `call`, which name it. So the points at which a process can die or a connection
can break are known, and tests/concurrency/test_crash_points.py tries all of them; a step that it does not
reach fails it, and a transaction or call that goes round this module fails tests/house.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Literal, ParamSpec, TypeVar

from hotel_booking.core import tracing
from hotel_booking.core.breaker import BreakerOpen, breaker_of
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.payments.errors import GatewayPaused, GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateway, ListedPayment

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_LISTING = 600.0  # seconds; a day of a large hotel, page by page
_LISTING = "LISTING"
LONGEST_CALL = 40.0  # seconds; a gateway's own limits are shorter


class Step(StrEnum):
    """A step of the saga. Writes are transactions, calls go to the gateway."""

    HOLD = "hold the rooms"
    NOTE_ATTEMPT = "note that a payment begins"
    AUTHORISE = "ask the gateway to reserve the money"
    NOTE_ANSWER = "confirm the booking, or note why not"
    FIND = "ask the gateway what it knows"
    CAPTURE = "take the money"
    NOTE_CAPTURED = "note the money in the ledger"
    VOID = "let the money go"
    NOTE_VOIDED = "note that it went"
    CANCEL = "cancel the booking"
    AMEND = "change the booking"
    NOTE_CHARGE = "note that a saved card is charged"
    CHARGE = "charge the saved card"
    REFUND = "give the money back"
    NOTE_REFUNDED = "note the refund in the ledger"


WRITES = frozenset(
    {
        Step.HOLD,
        Step.NOTE_ATTEMPT,
        Step.NOTE_ANSWER,
        Step.NOTE_CAPTURED,
        Step.NOTE_VOIDED,
        Step.CANCEL,
        Step.AMEND,
        Step.NOTE_CHARGE,
        Step.NOTE_REFUNDED,
    }
)
Moment = Literal["before", "before commit", "after"]
Point = tuple[Step, Moment]


def points() -> list[Point]:
    """Every crash point, in the order of the steps."""
    return [
        (step, moment)
        for step in Step
        for moment in (("before", "before commit", "after") if step in WRITES else ("before", "after"))
    ]


def _nothing(step: Step, moment: Moment) -> None:
    """In production a point is passed."""


# A test puts its own here, which kills the process or cuts the connection.
reached: Callable[[Step, Moment], None] = _nothing


@asynccontextmanager
async def write(db: Database, step: Step) -> AsyncIterator[Transaction]:
    """A transaction that is a step of the saga. Committed at the end of the block."""
    reached(step, "before")
    async with db.transaction() as tx:
        yield tx
        reached(step, "before commit")
    reached(step, "after")


async def call(step: Step, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """A call of the gateway; no transaction is open meanwhile. Raises `GatewayUnavailable` where there is no
    answer in time, or none that can be read; `GatewayPaused` where it has failed so often that it is left
    alone. `function` is a method of the gateway."""
    reached(step, "before")
    with _asking(getattr(function, "__self__", function)), tracing.spanned(f"gateway {step.name}", "client"):
        result = await _answer(step.name, function, *args, **kwargs)
    reached(step, "after")
    return result


async def listing(gateway: Gateway, *, since: datetime, until: datetime) -> list[ListedPayment]:
    """The gateway's own list of some time. Only read, so no crash point; raises as `call`."""

    async def read() -> list[ListedPayment]:
        return [seen async for seen in gateway.listing(since=since, until=until)]

    with _asking(gateway):
        return await _answer(_LISTING, read)


@contextmanager
def _asking(gateway: object) -> Iterator[None]:
    try:
        with breaker_of(gateway, getattr(gateway, "name", "gateway")).asking(GatewayUnavailable):
            yield
    except BreakerOpen as resting:
        raise GatewayPaused(
            "the payment gateway is not responding; nothing was charged",
            fix="try again in a minute, or choose another way to pay",
        ) from resting


async def _answer(step: str, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        async with asyncio.timeout(_LONGEST_LISTING if step == _LISTING else LONGEST_CALL):
            return await function(*args, **kwargs)
    except TimeoutError:
        raise GatewayUnavailable(
            "the payment gateway did not answer in time", fix="check again in a minute"
        ) from None
    except DomainError:
        raise
    except Exception as error:
        # What it did is not known: as if it had not answered. Only asking it again will tell.
        log.exception("a gateway's answer could not be read", extra={"step": step})
        raise GatewayUnavailable(
            "the payment gateway gave an answer that cannot be read", fix="check again in a minute"
        ) from error
