"""Payments of the whole chain: what needs somebody, and the daily comparison with the gateways' own lists."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core import job_queue
from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.bookings import open_payments
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.payments import notices, reconcile
from hotel_booking.http.access import staff
from hotel_booking.http.ui.render import page, see_other

_LOOKED_BACK = timedelta(days=30)
_STUCK = timedelta(hours=1)
_MOST = 100
# As amounts were kept before they were kept in words: 6000, 6000 EUR, captured, 6000 EUR.
_MINOR_UNITS = re.compile(r"(?:.*, )?\d+(?: [A-Z]{3}| \(.*\))?")
RunId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/payments", opt=staff(Permission.PAYMENTS_VIEW))
async def show_reconciliation(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """What needs somebody, at the properties that the caller sees; the comparisons for those who see them
    all."""
    properties = caller.properties_for(Permission.PAYMENTS_VIEW)
    return page(
        request,
        "payments/list.html",
        attention=await open_payments.attention(
            tx,
            properties=None if properties is None else list(properties),
            since=now - _LOOKED_BACK,
            stuck_before=now - _STUCK,
            limit=_MOST,
        ),
        limit=_MOST,
        runs=await reconcile.runs(tx) if properties is None else None,
        unreadable=await notices.list_unreadable(tx, since=now - _LOOKED_BACK) if properties is None else [],
        now=now,
    )


@get("/payments/comparisons/{run_id:int}", opt=staff(Permission.PAYMENTS_VIEW))
async def show_comparison(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, run_id: RunId
) -> Response[str]:
    """One comparison, each difference by name. It speaks of all properties, so it takes a role at all of
    them."""
    caller.require_permission(Permission.PAYMENTS_VIEW)
    differences = await open_payments.differences(tx, run_id)
    return page(
        request,
        "payments/comparison.html",
        run=await reconcile.run(tx, run_id),
        differences=differences,
        in_minor_units=any(
            _MINOR_UNITS.fullmatch(said) for each in differences for said in (each.ours, each.theirs)
        ),
    )


@post("/payments/compare", opt=staff(Permission.PAYMENTS_MANAGE))
async def compare(request: Request[Any, Any, State], tx: Transaction, caller: Caller) -> Response[bytes]:
    """Compare now, behind the scenes."""
    caller.require_permission(Permission.PAYMENTS_MANAGE)
    await job_queue.enqueue(tx, queue="reconciliation", task="payments:reconcile")
    return see_other(
        request, "/admin/payments", notice="The reconciliation has started; check again in a minute."
    )


handlers = [show_reconciliation, show_comparison, compare]
