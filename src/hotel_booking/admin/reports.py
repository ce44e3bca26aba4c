"""A hotel's month: rooms and revenue, the stays that ended with their taxes, what moved in the guests'
accounts; and each of it as a file.

/admin/reports         one property, its present month up to today unless asked otherwise
/admin/reports/file    the same as a file for spreadsheets
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.response import Stream

from hotel_booking.admin.chosen_property import chosen_property, no_property_yet
from hotel_booking.admin.downloads import STYLES, download, style_of
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import Choice
from hotel_booking.domains.reporting import exports, period
from hotel_booking.domains.reporting.exports import Report
from hotel_booking.domains.reporting.period import MovementSum, Period, ReportedStay
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page

_FILES: dict[Report, str] = {
    "nights": "Nights",
    "stays": "Stays",
    "taxes": "Taxes",
    "account": "Guests’ accounts",
}


_TITLE = "Reports"


@get("/reports", opt=staff(Permission.PAYMENTS_VIEW))
async def show_reports(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """The figures of some days, whose sums agree with each other and with the files."""
    form = Form.of(**{name: request.query_params.get(name, "") for name in ("property", "first", "last")})
    return await _shown(request, tx, caller, now, form)


@post("/reports/file", opt=staff(Permission.PAYMENTS_VIEW), status_code=200)
async def download_report(
    request: Request[Any, Any, State], database: Database, caller: Caller, now: datetime
) -> Response[str] | Stream:
    """One of them as a file."""
    form = await read(request)
    async with database.reading() as tx:
        chosen = await chosen_property(tx, caller, Permission.PAYMENTS_VIEW, form.value("property"))
        if chosen is None:
            return no_property_yet(request, _TITLE)
        hotel = chosen.hotel
        asked = _period(form, hotel, now)
        style = style_of(form)
        report = form.choice("report", _FILES)
        if asked is None or form.errors:
            return await _shown(request, tx, caller, now, form)
    return await download(
        database,
        report,
        _rows(database, msgspec.convert(report, Report), asked, hotel),
        style,
        property_ids=[hotel.id],
        asked={"first": asked.first, "last": asked.last},
        named=[hotel.slug, asked.first, asked.last],
    )


def _rows(database: Database, report: Report, asked: Period, hotel: Choice) -> Any:
    match report:
        case "nights":
            return exports.nights(database, asked, hotel.currency)
        case "stays":
            return exports.stays(database, asked)
        case "taxes":
            return exports.taxes(database, asked)
        case "account":
            since, until = asked.instants(hotel.timezone, hotel.day_end_time)
            return exports.account(
                database, property_id=hotel.id, since=since, until=until, timezone=hotel.timezone
            )


async def _shown(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, form: Form
) -> Response[str]:
    chosen = await chosen_property(tx, caller, Permission.PAYMENTS_VIEW, form.value("property"))
    if chosen is None:
        return no_property_yet(request, _TITLE)
    hotel, known = chosen
    asked = _period(form, hotel, now)
    found: dict[str, Any] = {}
    if asked is not None:
        since, until = asked.instants(hotel.timezone, hotel.day_end_time)
        nights = await period.nights(tx, asked)
        stays = [stay for week in asked.weeks for stay in await period.stays_ending(tx, week)]
        sums = await period.movement_sums(tx, property_id=hotel.id, since=since, until=until)
        found = {
            "nights": nights,
            "total": period.total(nights, asked.first),
            "stays": _priced(stays),
            "taxes": period.tax_sums(stays),
            "charges": [one for one in sums if one.gateway is None],
            "money_moved": [one for one in sums if one.gateway is not None],
            "charged": _added(one for one in sums if one.gateway is None),
            "received": _added(one for one in sums if one.gateway is not None),
            "since": since,
            "until": until,
        }
    return page(
        request,
        "reports/reports.html",
        status=422 if form.errors else 200,
        form=form,
        hotel=hotel,
        known=[(row.slug, row.label) for row in known],
        asked=asked,
        files=_FILES,
        styles=STYLES,
        **found,
    )


def _period(form: Form, hotel: Choice, now: datetime) -> Period | None:
    """The days that are asked for; None where something is wrong with them, which stands beside its field."""
    today = business_date(now, hotel.timezone, hotel.day_end_time)
    last = form.day("last")
    first = form.day("first") or (last or today).replace(day=1)
    if "last" in form.errors or "first" in form.errors:
        return None
    try:
        return Period(hotel.id, first, last or max(today, first))
    except DomainError as error:
        form.failed(error)
        return None


def _priced(stays: Iterable[ReportedStay]) -> dict[str, list[int]]:
    """By currency: how many rooms, net, taxes and total."""
    found: dict[str, list[int]] = {}
    for stay in stays:
        one = (1, stay.net, stay.tax, stay.total)
        found[stay.currency] = [a + b for a, b in zip(found.get(stay.currency, [0] * 4), one, strict=True)]
    return found


def _added(sums: Iterable[MovementSum]) -> dict[str, int]:
    """The amounts by currency."""
    found: dict[str, int] = {}
    for one in sums:
        found[one.currency] = found.get(one.currency, 0) + one.amount
    return found


handlers = [show_reports, download_report]
