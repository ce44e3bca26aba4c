"""How a request searches: in the index where it can answer, else in SQL. The one thing that surfaces use."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import TypeVar

from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.metrics import INDEX_FAILURES, MEASURED, SEARCH_DURATION
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.properties.destinations import Destination, destination
from hotel_booking.domains.rates.queries import Calendars, Catalogue
from hotel_booking.domains.rates.restrictions import window
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search import calendar, find, nights, offers
from hotel_booking.domains.search.form import OfferForm, WrittenPage
from hotel_booking.domains.search.index import find as index_find
from hotel_booking.domains.search.index import lowest, single_nights
from hotel_booking.domains.search.index.charges import TooLarge
from hotel_booking.domains.search.index.find import Answer
from hotel_booking.domains.search.index.loaded import Nights, loaded, nights_mark
from hotel_booking.domains.search.index.priced import priced, written
from hotel_booking.domains.search.index.view import IndexView, Version
from hotel_booking.domains.search.types import (
    Around,
    Box,
    FoundProperty,
    Offers,
    PriceCalendar,
    SearchPage,
    SearchRequest,
    Within,
)

T = TypeVar("T")
log = logging.getLogger(__name__)
_REMEMBERED = timedelta(minutes=15)
_DURATION = {path: SEARCH_DURATION.labels(path) for path in ("index", "sql")}
_IN_ONE_GO = 130  # nights: two months and the surroundings of a stay in them


def _sells_alike(one: Catalogue, other: Catalogue) -> bool:
    """Whether two catalogues have the same room types and plans, so that nights of one are the other's."""
    types, plans = (
        [kept.id for kept in of_one.values()] == [kept.id for kept in of_other.values()]
        for of_one, of_other in ((one.room_types, other.room_types), (one.plans, other.plans))
    )
    return types and plans


class Searching:
    """Searches by the index, which may be missing, not loaded yet, or not know all that is asked; then by
    SQL. Both give the same. `tx` is used only for what SQL is needed for."""

    def __init__(self, tx: Transaction, index: IndexView | None = None) -> None:
        self.tx = tx
        self._index = index

    async def destination(self, text: str, *, key: str = "", now: datetime) -> Destination:
        """What a text means: see `destinations.destination`. With the index a place that was named by its id
        is remembered for a while: places come with a release, and change with nothing that a hotel does."""
        number = text.strip() if text.strip().isdigit() else key.strip()
        if self._index is None or not number.isdigit():
            return await destination(self.tx, text, key=key)
        known = self._index.destinations.get((text, key))
        if known is not None and known[0] <= now < known[0] + _REMEMBERED:
            return known[1]
        found = await destination(self.tx, text, key=key)
        meant = found.meant
        if meant is not None and meant.hit.kind != "property" and str(meant.hit.id) == number:
            self._index.destinations.keep((text, key), (now, found))
        return found

    async def find(self, request: SearchRequest, now: datetime) -> SearchPage:
        """One page of hotels that sell the stay: see `find.find`."""
        began = time.perf_counter()
        answer = self._indexed(lambda index: index_find.find(index, request, now))
        page = await self._completed(answer, request, now)
        path = "sql" if answer is None or answer.left else "index"
        MEASURED.append((_DURATION[path], time.perf_counter() - began))
        return page

    def written(self, request: SearchRequest, form: bytes, now: datetime) -> WrittenPage | None:
        """The same page, with its results as a form has them; None where `find` has to say it."""
        began = time.perf_counter()
        page = self._indexed(lambda index: index_find.written(index, request, form, now))
        if page is not None:
            MEASURED.append((_DURATION["index"], time.perf_counter() - began))
        return page

    def page_mark(self, request: SearchRequest, now: datetime) -> bytes | None:
        """What the page that `find` gives follows from, but for the exchange rates, as a few bytes: others
        after any change of it, and of what its hotels say of themselves. None where that is not known."""
        return self._indexed(lambda index: index_find.page_mark(index, request, now))

    async def _completed(self, answer: Answer | None, request: SearchRequest, now: datetime) -> SearchPage:
        """The page of what the index answered, with what it has to leave to SQL."""
        if answer is None:
            return await find.find(self.tx, request, now)
        ready, sold = answer.ready, answer.sold
        if answer.left:
            many = answer.hotels > find.MANY
            others, more = await find.among(
                self.tx, request, answer.left, answer.days, answer.exchange, now=now, many=many
            )
            ready, sold = sorted([*ready, *others], key=itemgetter(0)), sold + more
        counted = find.counts(request, answer.hotels)
        return find.page_of(request, ready, sold if counted else None, answer.uncompared, answer.past)

    async def candidates(self, request: SearchRequest) -> Mapping[int, FoundProperty]:
        """The hotels in the area that pass the filters on hotels, by id: see `find.candidates`."""
        found = self._indexed(lambda index: index_find.candidates(index, request))
        return await find.candidates(self.tx, request) if found is None else found

    def knows_hotel_in(self, where: Around | Box | Within) -> bool:
        """Whether the index has a hotel in the area; False too where it cannot say."""
        return bool(self._indexed(lambda index: len(index.inside(where).slots)))

    async def earliest_date(self, where: Around | Box | Within | None, now: datetime) -> date:
        """The earliest date that is today at a hotel of the area: see `find.earliest_date`."""
        found = self._indexed(lambda index: index.earliest(where, now) if where is not None else None)
        return date.fromordinal(found) if found else await find.earliest_date(self.tx, where, now)

    async def lowest_nights(
        self, request: SearchRequest, first: date, last: date, *, now: datetime
    ) -> tuple[str, Mapping[date, int]]:
        """A currency, and the lowest price of each night in the area: see `nights.lowest_nights`."""
        found = self._indexed(lambda index: lowest.lowest_nights(index, request, first, last, now=now))
        return await nights.lowest_nights(self.tx, request, first, last, now=now) if found is None else found

    async def offers(
        self,
        slug: str,
        stay: Stay,
        party: Sequence[Occupancy],
        *,
        explain: bool = False,
        now: datetime,
    ) -> Offers:
        """Everything one hotel sells for a stay: see `offers.offers`."""

        def compute(index: IndexView) -> Offers | None:
            slot = index.slot(slug)
            if slot is None:
                return None
            catalogue = index.catalogue_of(slot)
            sold = priced(index, slot, stay, party, now)
            if sold is not None and not explain:
                return offers.offers_of(catalogue, {}, stay, party, now=now, priced=sold)
            own = catalogue.property
            today = business_date(now, own.timezone, own.day_end_time)
            first, last = window(stay, today) if explain else (stay.arrival, stay.departure)
            found = loaded(index, slug, first, last)
            if found is None:
                return None
            return offers.offers_of(*found, stay, party, explain=explain, now=now, priced=sold)

        found = self._indexed(compute)
        if found is not None:
            return found
        return await offers.offers(self.tx, slug, stay, party, explain=explain, now=now)

    def written_offers(
        self, slug: str, stay: Stay, party: Sequence[Occupancy], form: OfferForm, now: datetime
    ) -> bytes | None:
        """What the hotel sells of that as a form has it, with commas between; None where `offers` has to say
        it, and where that is nothing."""

        def compute(index: IndexView) -> bytes | None:
            slot = index.slot(slug)
            return None if slot is None else written(index, slot, stay, party, form, now)

        return self._indexed(compute)

    async def calendar(
        self,
        slug: str,
        first: date,
        last: date,
        occupancy: Occupancy,
        *,
        room_type: str | None = None,
        rate_plan: str | None = None,
        now: datetime,
    ) -> PriceCalendar:
        """One hotel night by night: see `calendar.calendar`."""
        found = None
        if 0 <= (last - first).days < calendar.MAX_NIGHTS:
            found = self._indexed(
                lambda index: single_nights.calendar(
                    index, slug, first, last, occupancy, room_type=room_type, rate_plan=rate_plan, now=now
                )
            )
        if found is not None:
            return found
        return await calendar.calendar(
            self.tx, slug, first, last, occupancy, room_type=room_type, rate_plan=rate_plan, now=now
        )

    async def calendars(self, catalogue: Catalogue, first: date, last: date, *, now: datetime) -> Calendars:
        """The nights from `first` to `last`, both included, of a hotel whose catalogue is known."""
        found = self._indexed(lambda index: loaded(index, catalogue.property.slug, first, last))
        if found is not None and _sells_alike(found.catalogue, catalogue):
            return found.calendars
        return await load_calendar(self.tx, catalogue, first, last, now)

    def versions(self, slugs: Sequence[str]) -> Sequence[Version | None]:
        """Which versions of hotels the index follows: another one within a second of any change of what a
        hotel says of itself. None where it does not know the hotel."""
        found = self._indexed(lambda index: [index.version(slug) for slug in slugs])
        return found if found is not None else [None] * len(slugs)

    def exchange_rates(self) -> Mapping[str, Decimal] | None:
        """What one euro is worth, as the index follows it; None where it cannot say."""
        return self._indexed(lambda index: index.lists.per_euro)

    def nights_mark(self, slug: str, stretches: Iterable[tuple[date, date]]) -> bytes | None:
        """What `calendars` of these stretches follow from, as a few bytes: others after any change. None
        where SQL gives them, of which that is not known."""
        return self._indexed(lambda index: nights_mark(index, slug, stretches))

    @staticmethod
    def is_indexed(calendars: Calendars) -> bool:
        """Whether the index gave the nights."""
        return isinstance(calendars, Nights)

    async def stretches(
        self,
        catalogue: Catalogue,
        one: tuple[date, date],
        other: tuple[date, date],
        *,
        now: datetime,
    ) -> tuple[Calendars, Calendars]:
        """`calendars` of two stretches of nights. The index has each by itself; SQL reads both in one go
        where they lie close together."""
        first, last = min(one[0], other[0]), max(one[1], other[1])
        if self._index is None and (last - first).days < _IN_ONE_GO:
            both = await self.calendars(catalogue, first, last, now=now)
            return both, both
        return (
            await self.calendars(catalogue, *one, now=now),
            await self.calendars(catalogue, *other, now=now),
        )

    def calendar_of(
        self,
        catalogue: Catalogue,
        calendars: Calendars,
        first: date,
        last: date,
        occupancy: Occupancy,
        *,
        now: datetime,
    ) -> PriceCalendar:
        """`calendar` of what `calendars` gave: see `calendar.calendar_of`."""
        found = None
        if isinstance(calendars, Nights):
            slug = catalogue.property.slug
            found = self._indexed(
                lambda index: single_nights.calendar(
                    index, slug, first, last, occupancy, room_type=None, rate_plan=None, now=now
                )
            )
        if found is not None:
            return found
        return calendar.calendar_of(catalogue, calendars, first, last, occupancy, now=now)

    def offers_of(
        self,
        catalogue: Catalogue,
        calendars: Calendars,
        stay: Stay,
        party: Sequence[Occupancy],
        *,
        explain: bool,
        now: datetime,
    ) -> Offers:
        """`offers` of what `calendars` gave: see `offers.offers_of`."""

        def compute(index: IndexView) -> Offers | None:
            slot = index.slot(catalogue.property.slug)
            sold = None if slot is None else priced(index, slot, stay, party, now)
            if slot is None or sold is None:
                return None
            # By its own catalogue, which is the one that it was priced by.
            own = index.catalogue_of(slot)
            return offers.offers_of(own, calendars, stay, party, explain=explain, now=now, priced=sold)

        found = self._indexed(compute) if isinstance(calendars, Nights) else None
        if found is not None:
            return found
        return offers.offers_of(catalogue, calendars, stay, party, explain=explain, now=now)

    def _indexed(self, compute: Callable[[IndexView], T | None]) -> T | None:
        """What the index says; None where SQL has to."""
        index = self._index
        if index is None or not index.complete:
            return None
        try:
            return index.read(lambda: compute(index))
        except TooLarge:
            return None
        except DomainError:
            raise  # what was asked for is refused, as SQL would
        except Exception as error:  # a mistake of ours costs the guest nothing: SQL gives the same
            INDEX_FAILURES.inc()
            # Not its text, which may quote what a guest asked for: as `http/errors.py` logs faults.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "the search index made a mistake, and SQL answers in its place",
                extra={"error": type(error).__name__, "where": f"{frame.filename}:{frame.lineno}"},
            )
            return None
