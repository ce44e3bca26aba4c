"""What a property's page says of a stay and of the nights that it shows, in the guest's words. What it says
anyway is its `content`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

import msgspec
from markupsafe import Markup

from hotel_booking.core.money import Money, per_night
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.restrictions import Reason, window
from hotel_booking.domains.search.calendar import MAX_NIGHTS
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import Offer, Offers, Refusal
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.code_names import NO_MEALS
from hotel_booking.web.i18n.conditions import Cancellation, Conditions, RoomPrice
from hotel_booking.web.i18n.formats import Texts
from hotel_booking.web.i18n.refusals import Refusals
from hotel_booking.web.property import calendar as price_calendar
from hotel_booking.web.property.calendar import Months
from hotel_booking.web.property.content import Content, RoomContent
from hotel_booking.web.search import other_rooms
from hotel_booking.web.search.query import Asked


class OfferView(msgspec.Struct, frozen=True):
    """An offer in words. `breakdown`: of the party's rooms in their order, how many neighbours are alike and
    what each costs."""

    rate_plan: str
    name: str
    meal: str
    meal_included: bool
    cancellation: Cancellation
    payment: tuple[str, ...]
    total: Money
    night: Money
    approximate: Money | None
    rooms_left: int
    breakdown: list[tuple[int, RoomPrice]]


class RefusalView(msgspec.Struct, frozen=True):
    """What is not sold: plans with the same reasons together, and the nearest stay as a link."""

    names: tuple[str, ...]
    reasons: tuple[str, ...]
    fix: str | None
    href: str | None


class RoomView(msgspec.Struct, frozen=True):
    """A room type with what is sold of it and what is not; `about` is what the page says of it anyway."""

    code: str
    name: str
    about: Markup
    offers: list[OfferView]
    refused: list[RefusalView]


class PropertyView(msgspec.Struct, frozen=True):
    """What the page shows besides its content. `hidden` offers give nothing back and the guest wants only
    others. `fits_in` says in how many rooms the party fits, where these are not free; `ways_out`, whether
    what is not sold says where it is. `indexed`: the search index gave all nights."""

    rooms: list[RoomView]
    calendar: Months
    today: date
    found: Offers | None
    fits_in: str
    ways_out: bool
    best: Offer | None
    hidden: int
    instead: other_rooms.RoomSplit | None
    indexed: bool


class Stretches(msgspec.Struct, frozen=True):
    """The nights that a page follows from, first and last of each: those of the calendar, which shows the
    months from `first` on, and those around the stay."""

    first: date
    calendar: tuple[date, date]
    around: tuple[date, date]


def stretches(asked: Asked, today: date) -> Stretches:
    """Those for what is asked."""
    first = price_calendar.shown_from(asked, today)
    begin, last = _calendar_nights(asked, max(first, today), first)
    around = window(asked.stay, today) if asked.stay is not None else (begin, begin)
    return Stretches(first, (begin, last), around)


async def load(
    searching: Searching,
    content: Content,
    asked: Asked,
    per_euro: Mapping[str, Decimal],
    nights: Stretches,
    *,
    language: str,
    today: date,
    now: datetime,
) -> PropertyView:
    """Read what is free, at what prices, and compose the page: by the search index, or with 2 statements, or
    four where the stay is far from the months that are shown."""
    property_, catalogue = content.property, content.catalogue
    texts = translations(language)
    begin, last = nights.calendar
    calendars, nearby = await searching.stretches(catalogue, (begin, last), nights.around, now=now)
    shown = searching.calendar_of(catalogue, calendars, begin, last, asked.party[0], now=now)
    found = None
    if asked.stay is not None:
        found = searching.offers_of(catalogue, nearby, asked.stay, asked.party, explain=True, now=now)
    hidden = 0
    if found is not None and asked.refundable:
        kept = tuple(one for one in found.offers if other_rooms.refundable(one))
        hidden = len(found.offers) - len(kept)
        found = msgspec.structs.replace(found, offers=kept)
    writer = _Writer(content, asked, language, texts, _exchange(asked, per_euro), today)
    best = found.offers[0] if found is not None and found.offers else None
    fits_in = found.fits_in if found is not None else None
    instead = other_rooms.in_hotel(catalogue, nearby, asked, best, content.names, fits_in=fits_in, now=now)
    needed = fits_in if instead is None and not asked.refundable else None
    return PropertyView(
        rooms=writer.rooms(found),
        calendar=price_calendar.months(
            shown,
            asked,
            today=today,
            first=nights.first,
            language=language,
            here=f"/{language}/hotels/{property_.slug}",
        ),
        today=today,
        found=found,
        fits_in=Refusals(language, texts).rooms_needed(needed) if needed is not None else "",
        ways_out=any(one.fix is not None for one in (found.refused or ())) if found is not None else False,
        best=best,
        hidden=hidden,
        instead=instead,
        indexed=searching.is_indexed(calendars) and searching.is_indexed(nearby),
    )


def _calendar_nights(asked: Asked, begin: date, first: date) -> tuple[date, date]:
    """The first and the last night that the calendar of the months from `first` on needs: none that is past,
    and where a departure is being chosen, those from the arrival on too."""
    last = price_calendar.last_shown(first) + timedelta(days=1)
    if asked.arrival is not None and asked.stay is None and asked.arrival < begin:
        return max(asked.arrival, last - timedelta(days=MAX_NIGHTS - 1)), last
    return begin, last


def _exchange(asked: Asked, per_euro: Mapping[str, Decimal]) -> Exchange | None:
    return None if asked.currency is None else Exchange(asked.currency, per_euro)


class _Writer:
    """Writes offers and refusals of one property for one guest."""

    def __init__(
        self,
        content: Content,
        asked: Asked,
        language: str,
        texts: Texts,
        exchange: Exchange | None,
        today: date,
    ) -> None:
        self._content = content
        self._asked = asked
        self._names = content.names
        self._exchange = exchange
        self._today = today
        self._tell = Conditions(language, texts)
        self._refuse = Refusals(language, texts)

    def rooms(self, found: Offers | None) -> list[RoomView]:
        """Every room type with what is sold of it and what is not."""
        sold: dict[str, list[OfferView]] = {}
        refused: dict[str, list[Refusal]] = {}
        if found is not None:
            for one in found.offers:
                sold.setdefault(one.room_type, []).append(self._offer(one))
            for other in found.refused or ():
                refused.setdefault(other.room_type, []).append(other)
        return [self._room(room, sold, refused) for room in self._content.rooms]

    def _room(
        self,
        room: RoomContent,
        sold: Mapping[str, list[OfferView]],
        refused: Mapping[str, list[Refusal]],
    ) -> RoomView:
        code = room.kind.code
        return RoomView(
            code=code,
            name=room.name,
            about=room.about,
            offers=sold.get(code, []),
            refused=self._refusals(room.kind, refused[code]) if code in refused else [],
        )

    def _offer(self, one: Offer) -> OfferView:
        plan = self._content.catalogue.plans[one.rate_plan]
        deposit = plan.deposit
        stay = self._asked.stay
        nights = stay.nights if stay is not None else 1
        balance_on = None
        if deposit.balance_days is not None and stay is not None:
            balance_on = max(stay.arrival - timedelta(days=deposit.balance_days), self._today)
        approximate = None
        if self._exchange is not None and self._exchange.target != one.currency:
            amount = self._exchange.convert(one.total, one.currency)
            approximate = None if amount is None else Money(amount, self._exchange.target)
        return OfferView(
            rate_plan=one.rate_plan,
            name=self._names["rate_plan", one.rate_plan],
            meal=self._tell.meal(one.meal),
            meal_included=one.meal not in NO_MEALS,
            cancellation=self._tell.cancellation(
                one.cancellation,
                total=one.total,
                currency=one.currency,
                timezone=self._content.property.timezone,
            ),
            payment=self._tell.payment(
                one.due_now,
                one.total,
                one.currency,
                reserved=deposit.capture == "check_in",
                balance_on=balance_on,
            ),
            total=Money(one.total, one.currency),
            night=Money(per_night(one.total, nights=nights, rooms=len(self._asked.party)), one.currency),
            approximate=approximate,
            rooms_left=one.rooms_left,
            breakdown=[
                (len(alike), self._tell.breakdown(alike[0].lines, alike[0].total, self._names))
                for alike in (list(same) for _, same in groupby(one.rooms, attrgetter("occupancy")))
            ],
        )

    def _refusals(self, kind: RoomType, refused: Sequence[Refusal]) -> list[RefusalView]:
        """The plans of the room type that are not sold; those with the same reasons and fix in one."""
        stay = self._asked.stay
        if stay is None:
            return []
        sleeps = (kind.max_occupancy, kind.max_adults, kind.max_children)
        together: dict[tuple[tuple[str, ...], str | None, str | None], list[str]] = {}
        said: dict[tuple[Reason, ...], tuple[str, ...]] = {}
        for one in refused:
            if (reasons := said.get(one.reasons)) is None:
                reasons = said[one.reasons] = tuple(self._refuse.reasons(one.reasons, sleeps=sleeps))
            fix = href = None
            if one.fix is not None:
                fix = self._refuse.fix(
                    one.fix,
                    room_type=one.room_type,
                    arrival=stay.arrival,
                    departure=stay.departure,
                    names=self._names,
                )
                href = self._asked.query(arrival=one.fix.arrival, departure=one.fix.departure)
                href = f"{href}#room-{one.fix.room_type}"
            together.setdefault((reasons, fix, href), []).append(self._names["rate_plan", one.rate_plan])
        return [
            RefusalView(tuple(names), reasons, fix, href) for (reasons, fix, href), names in together.items()
        ]
