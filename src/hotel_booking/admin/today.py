"""Today: who comes, who goes, how full the house is, and what the next two weeks look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.money import to_decimal
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.errors import NoSuchProperty
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.reporting.queries import arriving, held, houses, leaving, today
from hotel_booking.domains.reporting.types import HouseToday, NightFigures
from hotel_booking.http.access import staff
from hotel_booking.http.ui.render import page


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
    known = await houses(tx, property_ids=allowed)
    chosen = [item for item in known if slug in (None, item.slug)]
    if slug is not None and not chosen:
        raise NoSuchProperty(f"there is no property {slug!r}")
    whole = await today(tx, property_ids=frozenset(item.id for item in chosen), now=now)
    single = whole.houses[0] if len(chosen) == 1 else None
    # Those who only see that somebody comes see no money, and nobody else's figures.
    seen = caller.properties_for(Permission.BOOKINGS_VIEW)
    money = seen is None or all(item.house.id in seen for item in whole.houses)
    shown = single or whole.total
    return page(
        request,
        "today/today.html",
        known=known,
        whole=whole,
        single=single,
        shown=shown,
        currency=single.house.currency if single else whole.currency,
        money=money,
        plainly=_plainly,
        occupancy=_occupancy(shown.nights),
        rates=_rates(shown.nights, single.house.currency if single else whole.currency) if money else None,
        pick_up=_pick_up(shown.nights),
        **(await _lists(tx, single, now) if single else {"arrivals": [], "departures": [], "holds": []}),
    )


async def _lists(tx: Transaction, single: HouseToday, now: datetime) -> dict[str, Any]:
    return {
        "arrivals": await arriving(tx, single),
        "departures": await leaving(tx, single),
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
    def major(amount: int | None) -> float | None:
        return None if amount is None else float(to_decimal(amount, currency))

    return {
        "x": [item.night for item in nights],
        "currency": currency,
        "series": [
            {
                "label": "ADR",
                "values": [major(item.adr) for item in nights],
                "kind": "line",
                "format": "money",
            },
            {
                "label": "RevPAR",
                "values": [major(item.revpar) for item in nights],
                "kind": "line",
                "format": "money",
            },
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


def _plainly(amount: int, currency: str) -> str:
    """An amount for a long table: a tenth of the time that the words of a locale take."""
    return f"{to_decimal(amount, currency):,} {currency}"


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


handlers = [show_today]
