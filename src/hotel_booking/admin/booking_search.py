"""The list of bookings: search, filters, pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.response import Stream

from hotel_booking.admin.downloads import STYLES, download, style_of
from hotel_booking.core.code_names import headed
from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings.in_rooms import InRoom, in_room
from hotel_booking.domains.bookings.search import Balance, BookingFilter, Position, Sort, find_bookings
from hotel_booking.domains.bookings.types import Status
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.reporting import exports
from hotel_booking.domains.reporting.queries import list_properties
from hotel_booking.domains.reporting.types import PropertyName
from hotel_booking.http import pages
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, query

_PAGE = 50
_LONGEST_SEARCH = 200
_INSIDE = 10  # who is in the room of a number, of a group: whoever wants one hotel chooses it
_STATUSES: dict[Status, str] = {
    status: headed(status, "booking")
    for status in ("held", "confirmed", "checked_in", "checked_out", "no_show", "cancelled", "expired")
}
_BALANCES: dict[Balance, str] = {
    "owes": "Balance due",
    "paid": "Paid",
    "refund_due": "Refund pending",
}
# What the address says: the order, and what it is called.
_SORTS: dict[str, tuple[Sort, bool, str]] = {
    "newest": ("created", True, "Newest first"),
    "oldest": ("created", False, "Oldest first"),
    "arrival": ("arrival", False, "Arrival, earliest first"),
    "latest": ("arrival", True, "Arrival, latest first"),
    "departure": ("departure", False, "Departure, earliest first"),
}
_FIELDS = (
    "q", "property", "status", "balance", "arrival_from", "arrival_to", "departure_from", "departure_to",
    "created_from", "created_to", "sort",
)  # fmt: skip
_DATES = _FIELDS[4:10]


@get("/bookings", opt=staff(Permission.BOOKINGS_VIEW))
async def list_bookings(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    cursor: str | None = None,
) -> Response[str]:
    """The bookings that fit, of the properties at which the caller may see them; and who is in the room whose
    number was typed."""
    form = Form({name: request.query_params.getall(name, []) for name in _FIELDS})
    return await _listed(request, tx, caller, now, form, cursor)


@post("/bookings/file", opt=staff(Permission.BOOKINGS_VIEW), status_code=200)
async def download_bookings(
    request: Request[Any, Any, State], database: Database, caller: Caller, now: datetime
) -> Response[str] | Stream:
    """All bookings that fit as a file, not a page of them."""
    form = await read(request)
    async with database.reading() as tx:
        known = await list_properties(
            tx, property_ids=caller.properties_for(Permission.BOOKINGS_VIEW), now=now
        )
        wanted = _wanted(form, known, caller.properties_for(Permission.BOOKINGS_VIEW))
        style = style_of(form)
        if form.errors:
            return await _listed(request, tx, caller, now, form)
    asked = {name: form.value(name) for name in _FIELDS if form.value(name)}
    return await download(
        database,
        "bookings",
        exports.bookings(database, wanted),
        style,
        property_ids=wanted.property_ids,
        asked={**asked, **({"q": "…"} if "q" in asked else {})},
        named=[form.value("property")],
    )


async def _listed(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    form: Form,
    cursor: str | None = None,
) -> Response[str]:
    known = await list_properties(tx, property_ids=caller.properties_for(Permission.BOOKINGS_VIEW), now=now)
    wanted = _wanted(form, known, caller.properties_for(Permission.BOOKINGS_VIEW))
    asked = {name: form.value(name) for name in _FIELDS}
    found, inside = None, list[InRoom]()
    if not form.errors:
        if wanted.text and cursor is None:
            chosen = [row.id for row in known if row.slug == form.value("property")]
            ids = chosen or [row.id for row in known]
            inside = await in_room(
                tx, wanted.text, property_ids=ids, today=earliest_business_date(now), limit=_INSIDE + 1
            )
        found = await find_bookings(tx, wanted, after=_position(cursor, wanted.sort), limit=_PAGE)
    return page(
        request,
        "bookings/list.html",
        status=422 if form.errors else 200,
        form=form,
        asked=_FIELDS,
        styles=STYLES,
        property_names=[(property_.slug, property_.label) for property_ in known],
        statuses=_STATUSES,
        balances=_BALANCES,
        sorts={name: label for name, (_, _, label) in _SORTS.items()},
        found=found,
        inside=inside[:_INSIDE],
        more_inside=len(inside) > _INSIDE,
        filtered=any(asked[name] for name in _FIELDS if name != "sort"),
        dated=any(asked[name] for name in _DATES),
        several=len(known) > 1,
        first=query("/admin/bookings", **asked) if cursor else "",
        older=query("/admin/bookings", **asked, cursor=_cursor(found.next)) if found and found.next else "",
    )


def _wanted(form: Form, known: list[PropertyName], allowed: frozenset[int] | None) -> BookingFilter:
    """What the form asks for; what is wrong with it stands beside its fields."""
    chosen = form.choice("property", [property_.slug for property_ in known], required=False)
    if chosen:
        allowed = frozenset(property_.id for property_ in known if property_.slug == chosen)
    days: dict[str, date | None] = {name: form.day(name) for name in _DATES}
    for kind in ("arrival", "departure", "created"):
        first, last = days[f"{kind}_from"], days[f"{kind}_to"]
        if first and last and last < first:
            form.wrong(f"{kind}_to", "lies before the first day")
    sort, descending, _ = _SORTS[form.choice("sort", _SORTS, required=False) or _usual_order(days)]
    balance = form.choice("balance", _BALANCES, required=False)
    status = form.choice("status", _STATUSES, required=False)
    return BookingFilter(
        text=form.text("q", longest=_LONGEST_SEARCH),
        property_ids=allowed,
        status=msgspec.convert(status, Status) if status else None,
        balance=msgspec.convert(balance, Balance) if balance else None,
        arrival_from=days["arrival_from"],
        arrival_to=days["arrival_to"],
        departure_from=days["departure_from"],
        departure_to=days["departure_to"],
        created_from=days["created_from"],
        created_to=days["created_to"],
        sort=sort,
        descending=descending,
    )


def _usual_order(days: dict[str, date | None]) -> str:
    """Whoever asks for arrivals wants to see them in their order, and so on; it is the quickest way, too."""
    if days["arrival_from"] or days["arrival_to"]:
        return "arrival"
    return "departure" if days["departure_from"] or days["departure_to"] else "newest"


def _cursor(position: Position) -> str:
    return pages.encode((position.key, position.id))


def _position(cursor: str | None, sort: Sort) -> Position | None:
    found = pages.decode(cursor, tuple[date, UUID] if sort == "arrival" else tuple[datetime, UUID])
    return Position(*found) if found else None


handlers = [list_bookings, download_bookings]
