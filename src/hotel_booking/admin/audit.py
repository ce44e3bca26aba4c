"""The audit log in the panel: searched by who, what, when and request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.admin.catalogue.taxes import PER
from hotel_booking.core.code_names import headed
from hotel_booking.core.counting import count
from hotel_booking.core.db import Transaction
from hotel_booking.domains.audit import queries
from hotel_booking.domains.audit.queries import AuditEntry, EntryFilter
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import Choice, properties_within
from hotel_booking.domains.properties.vocabularies import MEALS, PROPERTY_AMENITIES, ROOM_AMENITIES
from hotel_booking.domains.rates import wording
from hotel_booking.domains.reporting.entry_measures import Measures, measures_in_entries
from hotel_booking.domains.reporting.entry_names import Names, names_in_entries, object_name
from hotel_booking.http import pages
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import EntryContext, money, page, query

_PAGE = 50
# Columns that hold numbers of the vocabularies that channels speak, by the kind of object.
_CODED: Mapping[str, Mapping[str, Mapping[int, str]]] = {
    "tax": {"charge_type": {code: f"for each {name}" for code, name in PER.items()}},
    "rate_plan": {"meal": MEALS},
    "property": {"amenities": PROPERTY_AMENITIES},
    "room_type": {"amenities": ROOM_AMENITIES},
}
_ACTORS = ("staff", "key", "guest", "anonymous", "job", "command", "ops", "database")
_LONGEST_WORD = 200


@get("/audit", opt=staff(Permission.AUDIT_VIEW))
async def list_entries(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    actor: str = "",
    actor_id: str = "",
    kind: str = "",
    object_id: str = "",
    since: str = "",
    until: str = "",
    request_id: str = "",
    cursor: str | None = None,
) -> Response[str]:
    """Newest first; only what concerns the caller's properties."""
    form = Form.of(
        actor=actor,
        actor_id=actor_id,
        kind=kind,
        object_id=object_id,
        since=since,
        until=until,
        request_id=request_id,
    )
    first_day, last_day = form.day("since"), form.day("until")
    if first_day and last_day and last_day < first_day:
        form.wrong("until", "lies before the first day")
    wanted = EntryFilter(
        actor_kind=actor if actor in _ACTORS else "",
        actor_id=form.text("actor_id", longest=_LONGEST_WORD),
        object_kind=form.text("kind", longest=_LONGEST_WORD),
        object_id=form.text("object_id", longest=_LONGEST_WORD),
        request_id=form.text("request_id", longest=_LONGEST_WORD),
        since=datetime.combine(first_day, time(), UTC) if first_day else None,
        until=datetime.combine(last_day, time(), UTC) + timedelta(days=1) if last_day else None,
    )
    within = caller.properties_for(Permission.AUDIT_VIEW)
    found: list[AuditEntry] = []
    if not form.errors:
        before = pages.decode(cursor, int)
        found = await queries.search(tx, wanted, within=within, before=before, limit=_PAGE + 1)
    properties = {row.id: row for row in await properties_within(tx, within)}
    names = await names_in_entries(tx, found[:_PAGE])
    measures = await measures_in_entries(tx, found[:_PAGE])
    shown = {name: form.value(name) for name in form.names()}
    return page(
        request,
        "audit/list.html",
        status=422 if form.errors else 200,
        entries=found[:_PAGE],
        older=query("/admin/audit", **shown, cursor=pages.encode(found[_PAGE - 1].id))
        if len(found) > _PAGE
        else "",
        first=query("/admin/audit", **shown) if cursor is not None else "",
        form=form,
        actors=[(name, headed(name, "actor")) for name in _ACTORS],
        kinds=[(name, headed(name, "object")) for name in await queries.object_kinds(tx)],
        kept={entry.id: _kept(entry, properties, names, measures) for entry in found[:_PAGE]},
        properties={key: row.name for key, row in properties.items()},
        objects={entry.id: object_name(entry, names) for entry in found[:_PAGE]},
        references={key: name for (column, key), name in names.items() if column == "booking_id"},
    )


def _kept(
    entry: AuditEntry, properties: Mapping[int, Choice], names: Names, measures: Measures
) -> EntryContext:
    hotel = properties.get(entry.property_id or 0)
    values = {**(entry.before or {}), **(entry.after or {})}
    currency = values.get("currency") or (hotel.currency if hotel is not None else None)
    said: Names = {
        (column, number): _measured(number, kind, currency)
        for (entry_id, column, number), kind in measures.items()
        if entry_id == entry.id
    }
    coded: Names = {
        (column, number): name
        for column, codes in _CODED.get(entry.object_kind, {}).items()
        for number, name in codes.items()
    }
    place = hotel.timezone if hotel is not None else "UTC"
    return EntryContext(currency, place, {**names, **coded, **said})


def _measured(number: int, kind: str, currency: str | None) -> str:
    """The value of a tax, a deposit or a derived plan's difference, as the hotel says it: 10%, €12.00."""
    match kind:
        case "percent":
            return wording.percent(number)
        case "nights":
            return count(number, "night")
        case "none" | "full":
            return "—"  # the kind says all
        case _ if currency is not None:
            return money(number, currency)
    return str(number)


handlers = [list_entries]
