"""The till: what was taken and given back at a hotel's desk, by whom, since when; to count and to print.

/admin/payments/desk         one property, from its day's beginning until now unless asked otherwise
/admin/payments/desk/file    the same as a file for spreadsheets
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.response import Stream

from hotel_booking.admin.chosen_property import chosen_property, no_property_yet
from hotel_booking.admin.downloads import STYLES, download, style_of
from hotel_booking.core.dates import local_instant
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.typed_numbers import plain_digits
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import Choice
from hotel_booking.domains.reporting import exports
from hotel_booking.domains.reporting.till import DeskEntry, day_began, desk_entries, sums
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page

_TITLE = "Desk payments"
_MINUTE = timedelta(minutes=1)


@get("/payments/desk", opt=staff(Permission.PAYMENTS_VIEW))
async def show_till(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """What should be in the till, by person and means, and each payment that it comes from."""
    form = Form.of(**{name: request.query_params.get(name, "") for name in ("property", "since", "until")})
    asked = await _asked(tx, caller, now, form)
    return no_property_yet(request, _TITLE) if asked is None else _shown(request, form, asked, now)


@post("/payments/desk/file", opt=staff(Permission.PAYMENTS_VIEW), status_code=200)
async def download_till(
    request: Request[Any, Any, State], database: Database, caller: Caller, now: datetime
) -> Response[str] | Stream:
    """Each payment as a line of a file."""
    form = await read(request)
    style = style_of(form)
    async with database.reading() as tx:
        asked = await _asked(tx, caller, now, form)
    if asked is None:
        return no_property_yet(request, _TITLE)
    if form.errors:
        return _shown(request, form, asked, now)
    begun = asked.since.astimezone(ZoneInfo(asked.hotel.timezone))
    return await download(
        database,
        "desk",
        exports.desk(asked.entries, asked.hotel.timezone),
        style,
        property_ids=[asked.hotel.id],
        asked={"since": asked.since, "until": asked.until},
        named=[asked.hotel.slug, begun.date()],
    )


class _Asked(msgspec.Struct, frozen=True):
    """What is in the till of one of the hotels that somebody may look at."""

    known: Sequence[Choice]
    hotel: Choice
    since: datetime
    until: datetime
    begun: datetime
    entries: list[DeskEntry]


async def _asked(tx: Transaction, caller: Caller, now: datetime, form: Form) -> _Asked | None:
    """What a form asks for; where something is wrong with it, that stands there, and no entry here. None
    while there is no property."""
    chosen = await chosen_property(tx, caller, Permission.PAYMENTS_VIEW, form.value("property"))
    if chosen is None:
        return None
    hotel, known = chosen
    begun = day_began(now, hotel.timezone, hotel.day_end_time)
    since = _moment(form, "since", hotel) or begun
    # What is recorded in this minute is there too.
    until = _moment(form, "until", hotel) or now + _MINUTE
    entries: list[DeskEntry] = []
    if not form.errors:
        try:
            entries = await desk_entries(tx, property_id=hotel.id, since=since, until=until)
        except DomainError as error:
            form.failed(error)
    return _Asked(known, hotel, since, until, begun, entries)


def _shown(request: Request[Any, Any, State], form: Form, asked: _Asked, now: datetime) -> Response[str]:
    return page(
        request,
        "payments/till.html",
        status=422 if form.errors else 200,
        form=form,
        hotel=asked.hotel,
        known=[(row.slug, row.label) for row in asked.known],
        since=asked.since,
        until=asked.until if form.value("until") else min(asked.until, now),
        begun=_field(asked.begun, asked.hotel),
        entries=asked.entries,
        people=sums(asked.entries, by_person=True),
        totals=sums(asked.entries, by_person=False),
        styles=STYLES,
    )


def _moment(form: Form, name: str, hotel: Choice) -> datetime | None:
    """A time by the hotel's clocks, as fields for one send it; None where the field is empty."""
    text = form.text(name, longest=30)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(plain_digits(text))
    except ValueError:
        form.wrong(name, "must be a day and time, as in YYYY-MM-DDThh:mm")
        return None
    if not 2000 <= found.year < 2100:
        form.wrong(name, "must be between 2000 and 2100")
        return None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    return local_instant(found.date(), found.time(), hotel.timezone)


def _field(at: datetime, hotel: Choice) -> str:
    return f"{at.astimezone(ZoneInfo(hotel.timezone)):%Y-%m-%dT%H:%M}"


handlers = [show_till, download_till]
