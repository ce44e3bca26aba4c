"""Today: who comes, who goes, how full the hotel is, and what the next two weeks look like."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime, time
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.money import to_decimal
from hotel_booking.core.replica import read
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.errors import NoSuchProperty
from hotel_booking.domains.reporting.queries import (
    arriving,
    held,
    leaving,
    list_properties,
    staying,
    today,
    waiting_messages,
)
from hotel_booking.domains.reporting.types import NightFigures, PropertyToday, Today
from hotel_booking.http.access import staff
from hotel_booking.http.ui.render import money, page

_INSIDE, _MESSAGES = 50, 50  # shown on the page; the list of bookings has all who are in the house


@get("/today", opt=staff(Permission.TODAY_VIEW))
async def show_today(
    request: Request[Any, Any, State],
    tx: Transaction,
    now: datetime,
    caller: Caller,
) -> Response[str]:
    """One property's day, or that of all at which the caller works."""
    allowed = caller.properties_for(Permission.TODAY_VIEW)
    slug = request.query_params.get("property") or None
    known = await list_properties(tx, property_ids=allowed, now=now)
    chosen = [item for item in known if item.slug == slug or (slug is None and item.run)]
    if slug is not None and not chosen:
        raise NoSuchProperty(f"there is no property {slug!r}")

    def asked(of: Transaction) -> Awaitable[Today]:
        return today(of, property_ids=frozenset(item.id for item in chosen), now=now)

    # The desk of a hotel sees what it has just done; the figures of many may be some seconds old.
    whole = await (asked(tx) if len(chosen) == 1 else read(request.app.state.replica, tx, asked))
    single = whole.properties[0] if len(chosen) == 1 else None
    # Those who only see that somebody comes see no money, and nobody else's figures.
    seen = caller.properties_for(Permission.BOOKINGS_VIEW)
    money = seen is None or all(item.property_.id in seen for item in whole.properties)
    shown = single or whole.total
    return page(
        request,
        "today/today.html",
        known=known,
        whole=whole,
        single=single,
        shown=shown,
        tonight=single.tonight if single else whole.tonight,
        pick_up=shown.pick_up if single else sum(item.pick_up for item in whole.properties),
        begun=_begun(single),
        currency=single.property_.currency if single else whole.currency,
        money=money,
        rates_age=None if whole.rates_of is None else max((now.date() - whole.rates_of).days, 0),
        occupancy=_occupancy(shown.nights),
        rates=_rates(shown.nights, single.property_.currency if single else whole.currency)
        if money
        else None,
        picked_up=_pick_up(shown.nights),
        **(await _lists(tx, single, now, caller) if single else {}),
    )


def _begun(single: PropertyToday | None) -> str:
    """Since when the day is counted."""
    if single is None:
        return "since the day began"
    end = single.property_.day_end_time
    return f"since {end:%H:%M}" if end > time() else "since midnight"


async def _lists(tx: Transaction, single: PropertyToday, now: datetime, caller: Caller) -> dict[str, Any]:
    inside = await staying(tx, single, limit=_INSIDE + 1)
    # What guests write is for those who may read their bookings.
    reads = single.messages and caller.may(Permission.BOOKINGS_VIEW, single.property_.id)
    return {
        "messages": await waiting_messages(tx, single, limit=_MESSAGES) if reads else [],
        "arrivals": await arriving(tx, single),
        "departures": await leaving(tx, single),
        "inside": inside[:_INSIDE],
        "more_inside": len(inside) > _INSIDE,
        "holds": await held(tx, single, now=now),
    }


def _occupancy(nights: Sequence[NightFigures]) -> dict[str, Any]:
    return {
        "x": [item.night for item in nights],
        "series": [
            {
                "label": "Occupancy",
                "values": [_rounded(item.occupancy) for item in nights],
                "kind": "bars",
                "format": "percent",
            }
        ],
    }


def _rates(nights: Sequence[NightFigures], currency: str) -> dict[str, Any]:
    def series(label: str, amounts: Sequence[int | None]) -> dict[str, Any]:
        return {
            "label": label,
            # The curve is drawn by the numbers; what is read are the texts.
            "values": [None if one is None else float(to_decimal(one, currency)) for one in amounts],
            "texts": [None if one is None else money(one, currency) for one in amounts],
            "kind": "line",
            "format": "money",
        }

    return {
        "x": [item.night for item in nights],
        "series": [
            series("ADR", [item.adr for item in nights]),
            series("RevPAR", [item.revpar for item in nights]),
        ],
    }


def _pick_up(nights: Sequence[NightFigures]) -> dict[str, Any]:
    return {
        "x": [item.night for item in nights],
        "series": [
            {
                "label": "Rooms picked up",
                "values": [item.pick_up for item in nights],
                "kind": "bars",
                "format": "count",
            }
        ],
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


handlers = [show_today]
