"""Finding bookings for staff: by words, dates, state and balance, page after page, among millions.

The work for a page is bounded, whatever is asked. Where an index finds few candidates, all of them are looked
at and sorted. Where every one finds many, the list is walked in its order until the page is full, at most
`_WALK` bookings far; a page can then end early, and its `next` goes on from there. Either way PostgreSQL has
nothing to choose: an order that it might think dear is the index's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from hotel_booking.core.dates import MAX_NIGHTS
from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_key
from hotel_booking.core.names import full_name
from hotel_booking.core.typed_numbers import plain_digits
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Status

Sort = Literal["arrival", "departure", "created"]
Balance = Literal["owes", "paid", "refund_due"]

_Condition = tuple[str, list[Any]]

# What may be a telephone number: six digits or more in groups, of any script.
_IN_GROUPS = re.compile(r"(?<!\S)(?=(?:\D{0,3}\d){6})[(+]*\d[\d()./-]*(?:\s+(?=\S*\d)[\d()./-]+)*(?!\S)")
# What may be a whole reference, read out in two halves or written without its hyphen.
_REFERENCE = re.compile(r"(?<!\S)[0-9A-Za-z]{5}[\s-]?[0-9A-Za-z]{5}(?!\S)")
_BETWEEN_GROUPS = re.compile(r"\(0\)|[\s()./-]")
_CANDIDATES = 5_000
_WALK = 20_000
_FEW_PROPERTIES = 8
# Between a day's beginning in UTC and its beginning where it begins first, and its end where it ends last.
_EASTERNMOST, _DAY_AND_WESTERNMOST = timedelta(hours=14), timedelta(days=1, hours=12)


class BookingFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What staff look for. `text` are parts of names, beginnings of an e-mail address or a reference, and
    the end of a telephone number, all of which must be found; parts of fewer than three letters are
    beginnings too. Days are inclusive, and those of each hotel's own clocks. `property_ids` None: everywhere.

    `balance`: somebody still owes money (for a stay, or a fee); everything is paid; a refund is on its way.
    """

    text: str = ""
    property_ids: frozenset[int] | None = None
    status: Status | None = None
    balance: Balance | None = None
    arrival_from: date | None = None
    arrival_to: date | None = None
    departure_from: date | None = None
    departure_to: date | None = None
    created_from: date | None = None
    created_to: date | None = None
    sort: Sort = "created"
    descending: bool = True


class Position(msgspec.Struct, frozen=True):
    """Where a page ends: the last booking looked at, by the sort's day or instant and its id."""

    key: date | datetime
    id: UUID


class ListedBooking(msgspec.Struct, frozen=True):
    """One line of the list. `paid` is what we hold of the guest's money, `owed` what they have yet to pay,
    `refunding` what is on its way back."""

    id: UUID
    reference: str
    status: Status
    property_id: int
    property_slug: str
    property_name: str
    timezone: str
    given_name: str
    family_name: str
    email: str
    arrival: date
    departure: date
    rooms: int
    room_types: str
    currency: str
    total: int
    paid: int
    owed: int
    refunding: int
    source: str
    created_at: datetime

    @property
    def name(self) -> str:
        """Who booked it."""
        return full_name(self.given_name, self.family_name)


class BookingPage(msgspec.Struct, frozen=True):
    """A page. `next` goes on after it; None on the last. `full` is False where the page was ended early: it
    had looked at so many bookings that the rest is left to the next one."""

    items: list[ListedBooking]
    next: Position | None
    full: bool = True


async def find_bookings(
    tx: Transaction, wanted: BookingFilter, *, after: Position | None = None, limit: int = 50
) -> BookingPage:
    """A page of the bookings that are wanted, in their order."""
    if wanted.property_ids is not None and not wanted.property_ids:
        return BookingPage([], None)
    search = _Search(wanted, after)
    candidates = await _candidates(tx, search)
    stopped: Position | None = None
    if candidates is not None:
        rows = await tx.fetch(search.among(limit + 1), *search.values, *search.words, candidates)
    elif wanted.property_ids is not None and len(wanted.property_ids) <= _FEW_PROPERTIES:
        rows = await tx.fetch(
            search.by_property(limit + 1), *search.values, *search.words, sorted(wanted.property_ids)
        )
    else:
        rows = await tx.fetch(search.walk(limit + 1), *search.values, *search.words)
        if len(rows) <= limit:
            end = await tx.fetchrow(search.end_of_walk(), *search.bound_values)
            stopped = Position(end["key"], end["booking_id"]) if end else None
    page = rows[:limit]
    items = await _listed(tx, [row["booking_id"] for row in page])
    if len(rows) > limit:
        return BookingPage(items, Position(page[-1]["key"], page[-1]["booking_id"]))
    return BookingPage(items, stopped, full=stopped is None)


async def _candidates(tx: Transaction, search: _Search) -> list[UUID] | None:
    """All bookings that one of the conditions finds, where that is not too many; else None."""
    for sql, args in search.sources():
        ids: list[UUID] | None = await tx.fetchval(
            f"SELECT CASE WHEN count(*) <= {_CANDIDATES} THEN coalesce(array_agg(booking_id), '{{}}') END"
            f"  FROM ({sql} LIMIT {_CANDIDATES + 1}) AS few",
            *args,
        )
        if ids is not None:
            return ids
    return None


class _Search:
    """The statements of one search. All share their first parameters, `values`."""

    def __init__(self, wanted: BookingFilter, after: Position | None) -> None:
        words = _references_joined(_numbers_joined(_in_plain_digits(wanted.text))).split()
        text = " ".join(email_key(word) if "@" in word else word for word in words)
        self.words = [text] if wanted.text else []
        self._sort = wanted.sort
        self._key = "created_at" if wanted.sort == "created" else wanted.sort
        way = "DESC" if wanted.descending else "ASC"
        self._order = f"ORDER BY e.{self._key} {way}, e.booking_id {way}"
        # What bounds the walk in its index, and what is asked of each booking met on the way: conditions with
        # a place for each of their values.
        self._bound: list[_Condition] = []
        self._filter: list[_Condition] = []
        self._sources: list[tuple[str, list[Any]]] = []
        if after is not None:
            sign = "<" if wanted.descending else ">"
            self._bound.append((f"(e.{self._key}, e.booking_id) {sign} ({{}}, {{}})", [after.key, after.id]))
        self._add_balance(wanted)
        self._add_status(wanted)
        self._add_range("arrival", (">=", wanted.arrival_from), ("<=", wanted.arrival_to))
        self._add_range("departure", (">=", wanted.departure_from), ("<=", wanted.departure_to))
        self._add_created(wanted.created_from, wanted.created_to)
        self._add_what_follows(wanted)
        if wanted.text:
            sql = f"SELECT id AS booking_id FROM booking_candidates(words_asked($1), {_CANDIDATES + 1}) AS id"
            self._sources.append((sql, [text]))
        if wanted.property_ids is not None:
            self._filter.append(("e.property_id = ANY ({}::int[])", [sorted(wanted.property_ids)]))
        self.bound_values: list[Any] = []
        self._bounds = _numbered(self._bound, self.bound_values)
        self.values = list(self.bound_values)
        self._filters = _numbered(self._filter, self.values)

    def sources(self) -> list[tuple[str, list[Any]]]:
        """Statements that find candidates by another index than the walk's, with their parameters; each can
        be cut short by a limit."""
        return self._sources

    def among(self, limit: int) -> str:
        """Of the candidates (one parameter more than `words`), those that fit."""
        return (
            f"SELECT e.booking_id, e.{self._key} AS key"
            f" FROM unnest(${len(self.values) + len(self.words) + 1}::uuid[]) AS c(id) CROSS JOIN LATERAL"
            " (SELECT * FROM booking_entry WHERE booking_id = c.id OFFSET 0) AS e"
            f"{_where(self._bounds + self._filters + self._has_words())} {self._order} LIMIT {limit}"
        )

    def walk(self, limit: int) -> str:
        """Through all, as far as `_WALK`; takes `words` too."""
        return (
            f"SELECT e.booking_id, e.{self._key} AS key FROM ({self._scan()} LIMIT {_WALK}) AS e"
            f"{_where(self._filters + self._has_words())} {self._order} LIMIT {limit}"
        )

    def end_of_walk(self) -> str:
        """The last booking that the walk looked at, where it ended early; takes `bound_values` only."""
        return (
            f"SELECT e.booking_id, e.{self._key} AS key FROM ({self._scan()}) AS e OFFSET {_WALK - 1} LIMIT 1"
        )

    def by_property(self, limit: int) -> str:
        """Through each property's own (one parameter more than `words`), merged."""
        conditions = ["e.property_id = p.id", *self._bounds, *self._filters, *self._has_words()]
        return (
            f"SELECT e.booking_id, e.{self._key} AS key"
            f" FROM unnest(${len(self.values) + len(self.words) + 1}::int[]) AS p(id) CROSS JOIN LATERAL"
            f" (SELECT * FROM booking_entry e{_where(conditions)} {self._order} LIMIT {limit}) AS e"
            f" {self._order} LIMIT {limit}"
        )

    def _scan(self) -> str:
        return f"SELECT * FROM booking_entry e{_where(self._bounds)} {self._order}"

    def _has_words(self) -> list[str]:
        # A scalar subquery is looked up booking by booking, where a join might be hashed over all of them;
        # the inner one is computed once.
        return [
            f"(SELECT w.words @@ (SELECT words_asked(${len(self.values) + 1})) FROM booking_words w"
            " WHERE w.booking_id = e.booking_id)"
            for _ in self.words
        ]

    def _add_balance(self, wanted: BookingFilter) -> None:
        if wanted.balance == "paid":  # nearly all: no index of its own
            self._filter.append(("e.owed = 0 AND e.paid > 0", []))
        elif wanted.balance is not None:
            column = "owed" if wanted.balance == "owes" else "refunding"
            # The index of those is in the order of arrivals.
            (self._bound if self._sort == "arrival" else self._filter).append((f"e.{column} > 0", []))
            sql = f"SELECT booking_id FROM booking_entry WHERE {column} > 0 ORDER BY arrival, booking_id"
            self._sources.append((sql, []))

    def _add_status(self, wanted: BookingFilter) -> None:
        if wanted.status is None:
            return
        walked = self._sort == "arrival" and wanted.balance in (None, "paid")
        (self._bound if walked else self._filter).append(("e.status = {}", [wanted.status]))
        sql = "SELECT booking_id FROM booking_entry WHERE status = $1 ORDER BY arrival, booking_id"
        self._sources.append((sql, [wanted.status]))

    def _add_range(self, column: str, *limits: tuple[str, date | datetime | None]) -> None:
        conditions: list[_Condition] = [
            (f"e.{column} {sign} {{}}", [value]) for sign, value in limits if value is not None
        ]
        if column == self._key:
            self._bound += conditions
        elif conditions:
            self._filter += conditions
            values: list[Any] = []
            sql = f"SELECT e.booking_id FROM booking_entry e{_where(_numbered(conditions, values))}"
            self._sources.append((f"{sql} ORDER BY e.{column}, e.booking_id", values))

    def _add_created(self, first: date | None, last: date | None) -> None:
        """Days are those of each hotel's clocks: a range of all that they may mean on earth, and of each
        booking met there whether it is one of those days where its hotel is."""
        since = None if first is None else datetime.combine(first, time(), UTC) - _EASTERNMOST
        until = None if last is None else datetime.combine(last, time(), UTC) + _DAY_AND_WESTERNMOST
        self._add_range("created_at", (">=", since), ("<", until))
        zone = "(SELECT timezone FROM property WHERE id = e.property_id)"
        own = f"(e.created_at AT TIME ZONE {zone})::date {{}} {{{{}}}}"
        self._filter += [
            (own.format(sign), [day]) for sign, day in ((">=", first), ("<=", last)) if day is not None
        ]

    def _add_what_follows(self, wanted: BookingFilter) -> None:
        """Bounds of the walk that follow from ranges of other days: nobody arrives before they have booked,
        or stays longer than a stay can be. A day more, for the zones of the earth."""
        first: date | None = None
        last: date | None = None
        if wanted.sort == "arrival":
            last = wanted.departure_to
            if wanted.departure_from:
                first = wanted.departure_from - timedelta(days=MAX_NIGHTS)
        if wanted.sort != "created" and wanted.created_from:
            first = max(first or date.min, wanted.created_from - timedelta(days=1))
        if wanted.sort == "created":
            last = min((day for day in (wanted.arrival_to, wanted.departure_to) if day), default=None)
            last = last and last + timedelta(days=2)
        for sign, day in ((">=", first), ("<=", last)):
            if day is not None:
                self._bound.append((f"e.{self._key} {sign} {{}}::date", [day]))


def _in_plain_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _references_joined(text: str) -> str:
    """The text with a reference as it was heard or typed in its one form: k7ybd kabaa is K7YBD-KABAA."""
    return _REFERENCE.sub(lambda found: normalise(found[0]) or found[0], text)


def _numbers_joined(text: str) -> str:
    """The text with a telephone number that was typed in groups as one word: 21 123 456 is 21123456."""
    return _IN_GROUPS.sub(lambda found: _BETWEEN_GROUPS.sub("", plain_digits(found[0])), text)


def _numbered(conditions: Sequence[_Condition], values: list[Any]) -> list[str]:
    """The conditions with the numbers of their parameters; `values` grows by theirs."""
    numbered = []
    for text, own in conditions:
        numbered.append(text.format(*[f"${len(values) + i}" for i in range(1, len(own) + 1)]))
        values += own
    return numbered


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


_LISTED = """
SELECT b.id, b.reference, b.status, b.property_id, p.slug AS property_slug, p.name AS property_name,
       p.timezone, g.given_name, g.family_name, g.email, e.arrival, e.departure, r.rooms, r.room_types,
       b.currency, b.total, e.paid, e.owed, e.refunding, b.source, b.created_at
  FROM unnest($1::uuid[]) WITH ORDINALITY AS w(id, place)
 CROSS JOIN LATERAL (SELECT * FROM booking_entry WHERE booking_id = w.id OFFSET 0) AS e
 CROSS JOIN LATERAL (SELECT * FROM booking WHERE id = w.id OFFSET 0) AS b
 CROSS JOIN LATERAL (SELECT * FROM guest WHERE id = b.guest_id OFFSET 0) AS g
 CROSS JOIN LATERAL (SELECT count(*) AS rooms, string_agg(DISTINCT t.name, ', ') AS room_types
                       FROM reservation r JOIN room_type t ON t.id = r.room_type_id
                      WHERE r.booking_id = w.id
                        AND (r.status <> 'cancelled' OR b.status = 'cancelled')) AS r
  JOIN property p ON p.id = b.property_id
 ORDER BY w.place
"""


async def _listed(tx: Transaction, ids: Sequence[UUID]) -> list[ListedBooking]:
    return await tx.fetch_as(ListedBooking, _LISTED, list(ids)) if ids else []


_KEEP_WORDS = """
WITH old AS (SELECT booking_id FROM booking_words WHERE booking_id = ANY ($1) AND form < 3
                FOR UPDATE SKIP LOCKED)
UPDATE booking_words w SET form = 3, words = booking_words_of(w.booking_id)
  FROM old WHERE w.booking_id = old.booking_id
"""


async def refresh_search_terms(tx: Transaction, *, limit: int = 1000) -> int:
    """Go on with the walk through the words that an older release kept, and keep them anew; how many were
    looked at. 0: all are kept by today's rules. One that is locked is being written by them."""
    after = await tx.fetchval("SELECT after FROM booking_words_walk FOR UPDATE SKIP LOCKED")
    if after is None:
        return 0
    rows = await tx.fetch(
        "SELECT booking_id FROM booking_words WHERE booking_id > $1 ORDER BY booking_id LIMIT $2",
        after,
        limit,
    )
    if not rows:
        await tx.execute("DELETE FROM booking_words_walk")
        return 0
    ids = [row["booking_id"] for row in rows]
    await tx.execute(_KEEP_WORDS, ids)
    await tx.execute("UPDATE booking_words_walk SET after = $1", ids[-1])
    return len(ids)
