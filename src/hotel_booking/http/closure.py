"""The platform closed to guests and partners while it is maintained (`domains/incidents/closure.py`): what is
refused then, and how every process learns of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import ceil
from typing import Any

from litestar.datastructures import State
from litestar.types import HTTPScope

from hotel_booking.core.clock import utc_now
from hotel_booking.core.pulse import NoPulse, Pulse
from hotel_booking.domains.incidents.closure import CLOSED_UNTIL
from hotel_booking.http.access import GUESTS, Surface
from hotel_booking.http.problems import ClosedForMaintenance

_LOOKED_EVERY, _WITHIN = 1.0, 1.0  # seconds
OPEN: Mapping[str, Any] = {"closed_until": None, "closure_known": True}
"""What the application's state says of it before anybody has looked."""

_SOONEST = 60  # seconds after which it is worth trying again, also where it takes longer than expected

API = "/api/v1/"
# The guests' pages as a regular expression, for the gateway that answers in our place.
SITE = rf"/(?:{'|'.join(sorted(GUESTS))}|[a-z]{{2}})(?:/.*)?"


def refuse_while_closed(scope: HTTPScope, where: Surface) -> None:
    """Raise `ClosedForMaintenance` for pages of the site and calls of the API. Staff work on, payment
    gateways and Alertmanager are heard, and health, the status page and what pages are made of stay."""
    state = scope["litestar_app"].state
    if state.closed_until is None or (where != "site" and not scope["path"].startswith(API)):
        return
    left = (state.closed_until - utc_now()).total_seconds()
    raise ClosedForMaintenance(retry_after=max(_SOONEST, ceil(left)))


async def look_whether_closed(pulse: Pulse, state: State) -> None:
    """Have the state say whether the platform is closed. What it said stays while the database is away, but
    is not known then: the one that comes back may be a restored one, which is closed for sale."""
    try:
        state.closed_until = await pulse.ask(CLOSED_UNTIL, within=_WITHIN)
    except NoPulse:
        state.closure_known = False
    else:
        state.closure_known = True


async def make_sure(state: State) -> None:
    """Look before something is changed where the database was away when it was looked last."""
    if not state.closure_known:
        await look_whether_closed(state.pulse, state)


async def follow_closure(pulse: Pulse, state: State) -> None:
    """Look each second, for as long as the process lives."""
    while True:
        await asyncio.sleep(_LOOKED_EVERY)
        await look_whether_closed(pulse, state)
