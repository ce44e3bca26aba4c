"""Reports and lists as files for spreadsheets: which columns they have, and their lines batch by batch, so
that a file of any length takes the memory of some hundred lines and a connection for none of the time in
which it is sent. docs/REPORTS.md tells the columns; a test compares it with `TABLES`.

What was taken out of the house stands in the audit log: who, which file, of which hotels, for which days.
What somebody searched for is not in it: it is a guest's name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from hotel_booking.core.code_names import called
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.money import Money
from hotel_booking.core.spreadsheets import START, Cell, Style, clock, line
from hotel_booking.domains.bookings.search import BookingFilter, Position, find_bookings
from hotel_booking.domains.reporting import period as reports
from hotel_booking.domains.reporting.period import LinePosition, Period
from hotel_booking.domains.reporting.till import DeskEntry

Report = Literal["nights", "stays", "taxes", "account"]
Cells = list[Cell]

_BATCH = 500  # bookings that are read at once
_PART = 32_768  # bytes that are sent at once
_PER_CENT = Decimal("0.0001")  # of parts per million, and of occupancy in ten thousandths

TABLES: dict[str, dict[str, str]] = {
    "bookings": {
        "booking": "its reference",
        "status": "as the panel calls it",
        "property": "the hotel’s name",
        "given_name": "of who booked",
        "family_name": "of who booked",
        "email": "of who booked",
        "arrival": "of the first room to arrive",
        "departure": "of the last room to leave",
        "rooms": "how many",
        "room_types": "their names",
        "source": "where it was booked",
        "booked_at": "by the hotel’s clocks",
        "time_zone": "the hotel’s",
        "currency": "of the amounts",
        "total": "the price, taxes included; of a room that nobody of a party came to, the fee",
        "paid": "what the hotel has of it: a deposit, before the guests arrive",
        "owed": "what is still to be paid, of the price or of a fee",
        "refunding": "what is on its way back",
    },
    "nights": {
        "night": "the date on which it begins",
        "available": "rooms there are, less those out of order; empty once the night is archived",
        "sold": "rooms of confirmed stays, of guests in the house and of those who have left",
        "occupancy": "sold ÷ available",
        "arrivals": "rooms whose first night it is",
        "currency": "of the amounts",
        "revenue": "room revenue without taxes, each stay’s spread evenly over its nights",
        "adr": "revenue ÷ sold",
        "revpar": "revenue ÷ available",
    },
    "stays": {
        "booking": "its reference",
        "room": "which of the booking’s rooms, from 1",
        "status": "in house, or checked out",
        "guest": "who is in the room, or who booked",
        "room_type": "its code",
        "rate_plan": "its code",
        "arrival": "as booked",
        "departure": "as booked; the file has the stays whose departure lies in its days",
        "adults": "how many",
        "children": "how many",
        "currency": "of the amounts",
        "net": "the price without taxes",
        "taxes": "all of them",
        "total": "net + taxes",
    },
    "taxes": {
        "booking": "its reference",
        "room": "which of the booking’s rooms, from 1",
        "departure": "as booked; the file has the stays whose departure lies in its days",
        "tax": "its code",
        "name": "its name when it was sold",
        "rate": "per cent; empty for an amount",
        "included": "yes if it is in the prices of the nights, no if it is added to them",
        "currency": "of the amount",
        "amount": "what the stay has of it",
    },
    "account": {
        "at": "by the hotel’s clocks",
        "time_zone": "the hotel’s",
        "booking": "its reference",
        "what": "stay, fee, goodwill or what of them is reversed; payment, refund or what of them is",
        "how": "the way to pay",
        "receipt": "its number, or a note, of what was paid at the desk",
        "currency": "of the amounts",
        "charged": "what the guest owes by it; negative where it is taken back",
        "received": "what the hotel got; negative where it was given back",
    },
    "desk": {
        "at": "by the hotel’s clocks",
        "time_zone": "the hotel’s",
        "by": "who recorded it",
        "what": "taken, reversed (recorded by mistake) or given back",
        "how": "the means",
        "booking": "its reference",
        "receipt": "its number, or a note",
        "currency": "of the amount",
        "amount": "negative where it was reversed or given back",
    },
}


async def file(table: str, rows: AsyncIterator[Cells], style: Style) -> AsyncIterator[bytes]:
    """The whole file, part by part: its columns' names, then the rows."""
    part = bytearray(START + line(list(TABLES[table]), style))
    async for row in rows:
        part += line(row, style)
        if len(part) >= _PART:
            yield bytes(part)
            part.clear()
    yield bytes(part)


async def note(
    tx: Transaction, table: str, *, property_ids: Iterable[int] | None, asked: Mapping[str, object]
) -> None:
    """Tell the audit log that a file is handed out, once for each of the hotels (None: for all at once)."""
    for property_id in [None] if property_ids is None else sorted(property_ids):
        await tx.execute(
            "SELECT audit_write('export', 'file', $1, $2, NULL, NULL, $3)", table, property_id, dict(asked)
        )


async def is_list_noted(tx: Transaction, what: str, *, property_id: int, reader: str, day: date) -> bool:
    """Whether the audit log knows that this key, by its number, read a list of the property on this day."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM audit_entry WHERE object_kind = 'list' AND object_id = $1"
            "   AND actor_kind = 'key' AND actor_id = $2 AND property_id = $3)",
            _list_of(what, day),
            reader,
            property_id,
        )
    )


async def note_list(tx: Transaction, what: str, *, property_id: int, day: date) -> None:
    """Tell the audit log that a program reads a list of the property on this day of the hotel."""
    await tx.execute(
        "SELECT audit_write('export', 'list', $1, $2, NULL, NULL, NULL)", _list_of(what, day), property_id
    )


def _list_of(what: str, day: date) -> str:
    # The day is a part of the name: looking for it costs what was read that day, not in all the years.
    return f"{what} {day}"


async def bookings(db: Database, wanted: BookingFilter) -> AsyncIterator[Cells]:
    """The bookings that are wanted, all of them, in their order."""
    after: Position | None = None
    while True:
        async with db.reading() as tx:
            found = await find_bookings(tx, wanted, after=after, limit=_BATCH)
        for one in found.items:
            amounts = (one.total, one.paid, one.owed, one.refunding)
            yield [
                one.reference, called(one.status, "booking"), one.property_name, one.given_name,
                one.family_name, one.email, one.arrival, one.departure, one.rooms, one.room_types,
                called(one.source, "source"), clock(one.created_at, one.timezone), one.timezone,
                one.currency, *(Money(amount, one.currency) for amount in amounts),
            ]  # fmt: skip
        after = found.next
        if after is None:
            return


async def nights(db: Database, period: Period, currency: str) -> AsyncIterator[Cells]:
    """The hotel's nights."""
    async with db.reading() as tx:
        found = await reports.nights(tx, period)
    for one in found:
        share, amounts = one.occupancy, (one.revenue, one.adr, one.revpar)
        yield [
            one.night, one.available or None, one.sold,
            None if share is None else round(share * 10_000) * _PER_CENT, one.arrivals, currency,
            *(None if amount is None else Money(amount, currency) for amount in amounts),
        ]  # fmt: skip


async def stays(db: Database, period: Period) -> AsyncIterator[Cells]:
    """Stays that end in the period, room by room."""
    async for one in _ending(db, period):
        amounts = (one.net, one.tax, one.total)
        yield [
            one.reference, one.position, called(one.status, "booking"), one.guest, one.room_type,
            one.rate_plan, one.arrival, one.departure, one.adults, len(one.children), one.currency,
            *(Money(amount, one.currency) for amount in amounts),
        ]  # fmt: skip


async def taxes(db: Database, period: Period) -> AsyncIterator[Cells]:
    """Each tax of each of these rooms."""
    async for one in _ending(db, period):
        for tax in one.taxes:
            yield [
                one.reference, one.position, one.departure, tax.code, tax.name,
                None if tax.rate is None else tax.rate * _PER_CENT, "yes" if tax.included else "no",
                one.currency, Money(tax.amount, one.currency),
            ]  # fmt: skip


async def account(
    db: Database, *, property_id: int, since: datetime, until: datetime, timezone: str
) -> AsyncIterator[Cells]:
    """What moved in the guests' accounts from `since` to before `until`, in the order of time."""
    after: LinePosition | None = None
    while True:
        async with db.reading() as tx:
            movements, after = await reports.movements(
                tx, property_id=property_id, since=since, until=until, after=after, limit=_BATCH
            )
        for one in movements:
            charge = one.gateway is None
            yield [
                clock(one.at, timezone), timezone, one.reference, called(one.kind, "ledger"),
                None if one.gateway is None else called(one.gateway, "gateway"), one.receipt, one.currency,
                Money(one.amount, one.currency) if charge else None,
                None if charge else Money(-one.amount, one.currency),
            ]  # fmt: skip
        if after is None:
            return


async def desk(entries: Iterable[DeskEntry], timezone: str) -> AsyncIterator[Cells]:
    """What was taken and given back at the desk."""
    for one in entries:
        yield [
            clock(one.at, timezone), timezone, one.by or called(one.by_kind, "actor"),
            called(one.act, "desk act"), called(one.gateway, "gateway"), one.reference, one.receipt,
            one.currency, Money(one.amount, one.currency),
        ]  # fmt: skip


async def _ending(db: Database, period: Period) -> AsyncIterator[reports.ReportedStay]:
    for week in period.weeks:
        async with db.reading() as tx:
            found = await reports.stays_ending(tx, week)
        for one in found:
            yield one
