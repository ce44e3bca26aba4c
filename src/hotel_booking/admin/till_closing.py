"""The till is counted and closed, and what was closed stays to be looked up and printed.

/admin/payments/desk/close      what should be in it, and the form for what is
/admin/payments/desk/closings   every closing of a property, the newest first
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.acts import carry_out
from hotel_booking.admin.chosen_property import chosen_property, no_property_yet
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.formats import for_field
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import OFF_SALE, Choice
from hotel_booking.domains.reporting import till_closing
from hotel_booking.domains.reporting.till import day_began
from hotel_booking.domains.reporting.till_closing import LONGEST_NOTE, Closing
from hotel_booking.http import pages
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, money, page, query

_DESK = "/admin/payments/desk"
_PAGE = 50
_SECOND = timedelta(seconds=1)


@get("/payments/desk/close", opt=staff(Permission.PAYMENTS_RECORD))
async def show_close(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """What came and went since the last closing, and the empty form."""
    slug = request.query_params.get("property", "")
    chosen = await chosen_property(tx, caller, Permission.PAYMENTS_RECORD, slug)
    if chosen is None:
        return no_property_yet(request, "Close the till")
    hotel, known = chosen
    return await _form(request, tx, hotel, known, now, None)


@post("/payments/desk/close", opt=staff(Permission.PAYMENTS_RECORD))
async def close_till(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[Any]:
    """Close it as it was counted; nothing is closed where cash came or went meanwhile."""
    form = await read(request)
    chosen = await chosen_property(tx, caller, Permission.PAYMENTS_RECORD, form.value("property"))
    if chosen is None:
        return no_property_yet(request, "Close the till")
    hotel, known = chosen

    async def act() -> str:
        opening = form.money("opening", hotel.currency, required=True)
        counted = form.money("counted", hotel.currency, required=True)
        removed = form.money("removed", hotel.currency)
        note = form.text("note", longest=LONGEST_NOTE)
        form.check()
        closed = await till_closing.close(
            tx,
            property_id=hotel.id,
            currency=hotel.currency,
            begun=day_began(now, hotel.timezone, hotel.day_end_time),
            opening=opening or 0,
            counted=counted or 0,
            removed=removed or 0,
            note=note,
            seen=form.value("seen"),
            by=caller.name,
            now=now,
        )
        return _said(closed)

    async def refused(error: DomainError) -> Response[str]:
        return await _form(request, tx, hotel, known, now, form.failed(error))

    return await carry_out(
        request, tx, act, to=query(f"{_DESK}/closings", property=hotel.slug), refused=refused
    )


@get("/payments/desk/closings", opt=staff(Permission.PAYMENTS_VIEW))
async def list_closings(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, cursor: str | None = None
) -> Response[str]:
    """Every closing with what was counted, and what was missing or too much."""
    slug = request.query_params.get("property", "")
    chosen = await chosen_property(tx, caller, Permission.PAYMENTS_VIEW, slug)
    if chosen is None:
        return no_property_yet(request, "Closings")
    hotel, known = chosen
    before = pages.decode(cursor, pages.Position)
    found = await till_closing.closings(tx, property_id=hotel.id, before=before, limit=_PAGE + 1)
    last = found[_PAGE - 1].id if len(found) > _PAGE else None
    here = f"{_DESK}/closings"
    return page(
        request,
        "payments/closings.html",
        hotel=hotel,
        others=_others(known, here),
        closings=found[:_PAGE],
        # Up to its second, which is the last of the fields for a time.
        upto=lambda closing: closing.closed_at + _SECOND,
        older="" if last is None else query(here, property=hotel.slug, cursor=pages.encode(last)),
        first="" if cursor is None else query(here, property=hotel.slug),
    )


def _others(known: Sequence[Choice], page_of: str) -> list[tuple[str, str]]:
    """The names of the properties, with the addresses of their pages."""
    return [
        (row.name if row.active else row.name + OFF_SALE, query(page_of, property=row.slug)) for row in known
    ]


async def _form(
    request: Request[Any, Any, State],
    tx: Transaction,
    hotel: Choice,
    known: Sequence[Choice],
    now: datetime,
    form: Form | None,
) -> Response[str]:
    begun = day_began(now, hotel.timezone, hotel.day_end_time)
    till = await till_closing.uncounted(
        tx, property_id=hotel.id, currency=hotel.currency, begun=begun, now=now
    )
    opening = till.last.left if till.last is not None else 0
    return page(
        request,
        "payments/close.html",
        status=200 if form is None else 422,
        hotel=hotel,
        others=_others(known, f"{_DESK}/close"),
        form=form or Form.of(opening=for_field(opening, hotel.currency) if till.last is not None else ""),
        till=till,
        opening=opening,
    )


def _said(closed: Closing) -> str:
    counted = money(closed.counted, closed.currency)
    between = ""
    if closed.between:
        other = money(abs(closed.between), closed.currency)
        which = "less" if closed.between < 0 else "more"
        between = f" At the beginning there was {other} {which} in it than the closing before had left."
    if closed.difference == 0:
        told = f"The till is closed: {counted} was counted, as it should be.{between}"
        return Caution(told) if between else told
    beyond = money(abs(closed.difference), closed.currency)
    which = "missing" if closed.difference < 0 else "too much"
    return Caution(f"The till is closed: {counted} was counted, {beyond} {which}.{between}")


handlers = [show_close, close_till, list_closings]
