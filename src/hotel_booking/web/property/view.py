"""What a property's page shows, read and put into the guest's words.

At most 19 statements, whatever the hotel sells: property, room types, photos, texts, city and catalogue (one
each), the offers and the calendar (three each), the exchange
rates, and the offers for another number of rooms (six).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
from babel.lists import format_list

from hotel_booking.core.dates import business_date, calendar_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money, per_night
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.places import PlaceHit, place_by_id
from hotel_booking.domains.properties.queries import Photo
from hotel_booking.domains.properties.surroundings import Surroundings
from hotel_booking.domains.properties.types import Bed
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.domains.search.area import distance_km
from hotel_booking.domains.search.calendar import MAX_NIGHTS, calendar
from hotel_booking.domains.search.offers import offers
from hotel_booking.domains.search.types import Offer, Offers, Refusal
from hotel_booking.web import placeholder_art
from hotel_booking.web.i18n.code_names import NO_MEALS, by_topic, in_room
from hotel_booking.web.i18n.conditions import Cancellation, Conditions, RoomPrice
from hotel_booking.web.i18n.formats import Names, Texts
from hotel_booking.web.i18n.language import locale_of
from hotel_booking.web.i18n.refusals import Refusals
from hotel_booking.web.maps.city import NEAR_KM
from hotel_booking.web.placeholder_art.brush import HEIGHT, WIDTH
from hotel_booking.web.placeholder_art.setting import Setting, setting_of
from hotel_booking.web.property import calendar as price_calendar
from hotel_booking.web.property.calendar import Months
from hotel_booking.web.search import other_rooms
from hotel_booking.web.search.query import Asked

FEW = 5  # rooms left, from which on it is said


class Picture(msgspec.Struct, frozen=True):
    """A picture of the gallery or a room. `srcset` is empty for what is drawn, which fits every size."""

    src: str
    srcset: str
    full: str
    width: int
    height: int
    alt: str


class OfferView(msgspec.Struct, frozen=True):
    """An offer in words. `room` are the form's fields for each room, besides its type and plan."""

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
    breakdown: list[RoomPrice]


class RefusalView(msgspec.Struct, frozen=True):
    """What is not sold: plans with the same reasons together, and the nearest stay as a link."""

    names: tuple[str, ...]
    reasons: tuple[str, ...]
    fix: str | None
    href: str | None


class RoomView(msgspec.Struct, frozen=True):
    """A room type with what is sold of it and what is not."""

    code: str
    name: str
    description: str
    picture: Picture
    pictures: int
    beds: tuple[str, ...]
    size_m2: int | None
    sleeps: int
    amenities: list[str]
    offers: list[OfferView]
    refused: list[RefusalView]


class PropertyView(msgspec.Struct, frozen=True):
    """Everything that the page shows. `hidden` offers give nothing back and the guest wants only others.
    `running`: it is past midnight, and the night of `today` is still sold."""

    property: Property
    name: str
    description: str
    own_language: bool
    country: str
    city: PlaceHit | None
    centre_km: float | None
    gallery: list[Picture]
    setting: Setting
    cover: Photo | None
    amenities: list[tuple[str, list[str]]]
    rooms: list[RoomView]
    calendar: Months
    today: date
    running: bool
    found: Offers | None
    fits_in: str
    names: Names
    best: Offer | None
    hidden: int
    instead: other_rooms.RoomSplit | None
    currencies: list[str]


async def today_at(tx: Transaction, slug: str, now: datetime) -> tuple[Property, date]:
    """The property and its own date. Raises `NoSuchProperty`."""
    property_ = await queries.property_by_slug(tx, slug, active_only=True)
    return property_, business_date(now, property_.timezone, property_.day_end_time)


async def load(
    tx: Transaction,
    property_: Property,
    asked: Asked,
    *,
    language: str,
    texts: Texts,
    today: date,
    now: datetime,
) -> PropertyView:
    """Read and compose the page."""
    slug = property_.slug
    types = [kind for kind in await queries.list_items(tx, tables.room_type, property_.id) if kind.active]
    photos = await queries.photos(tx, property_.id)
    translated = await queries.translations(tx, property_.id)
    place = await place_by_id(tx, property_.place_id) if property_.place_id else None
    city = place.hit if place is not None else None
    catalogue = await load_catalogue(tx, slug)
    found = None
    if asked.stay is not None:
        found = await offers(tx, slug, asked.stay, asked.party, explain=True, now=now)
    hidden = 0
    if found is not None and asked.refundable:
        kept = tuple(one for one in found.offers if other_rooms.refundable(one))
        hidden = len(found.offers) - len(kept)
        found = msgspec.structs.replace(found, offers=kept)
    shown = await _calendar(tx, slug, asked, language, today, now)
    per_euro = await exchange_rates(tx)

    def text(kind: str, own: Property | RoomType, field: str) -> str:
        there = translated.get((kind, own.id), {}).get(language, {}).get(field)
        return str(there or getattr(own, field) or "")

    names: dict[tuple[str, str], str] = {
        ("room_type", kind.code): text("room_type", kind, "name") for kind in types
    }
    for plan in catalogue.plans.values():
        there = translated.get(("rate_plan", plan.id), {}).get(language, {})
        names["rate_plan", plan.code] = there.get("name") or plan.name
    people = place.weight if place is not None else None
    at = Surroundings(property_.lat, property_.lon, tuple(property_.amenities), property_.place_id, people)
    art = _Art(slug, setting_of(at), language, Conditions(language, texts), texts)
    writer = _Writer(
        property_, catalogue, asked, language, texts, names, _exchange(asked, per_euro), today, art
    )
    best = found.offers[0] if found is not None and found.offers else None
    property_words = translated.get(("property", property_.id), {}).get(language, {})
    distance = distance_km(city.lat, city.lon, property_.lat, property_.lon) if city is not None else None
    name = text("property", property_, "name")
    drawn = [art.room(kind, names["room_type", kind.code]) for kind in types]
    breakfast = any(plan.meal not in NO_MEALS for plan in catalogue.plans.values())
    return PropertyView(
        property=property_,
        name=name,
        description=text("property", property_, "description"),
        own_language=language == property_.language or "description" in property_words,
        country=str(locale_of(language).territories.get(property_.country, property_.country)),
        city=city,
        centre_km=distance if distance is not None and distance <= NEAR_KM else None,
        gallery=[_photo(photo, name) for photo in photos] or art.gallery(name, drawn, breakfast=breakfast),
        setting=setting_of(at),
        cover=photos[0] if photos else None,
        amenities=by_topic(property_.amenities),
        rooms=[writer.room(kind, text("room_type", kind, "description"), photos, found) for kind in types],
        calendar=shown,
        today=today,
        running=today < calendar_date(now, property_.timezone),
        found=found,
        fits_in=Refusals(language, texts).rooms_needed(found.fits_in) if found and found.fits_in else "",
        names=names,
        best=best,
        hidden=hidden,
        instead=await other_rooms.in_hotel(tx, slug, asked, best, names, now=now),
        currencies=sorted(per_euro),
    )


async def _calendar(
    tx: Transaction, slug: str, asked: Asked, language: str, today: date, now: datetime
) -> Months:
    first = price_calendar.shown_from(asked, today)
    last = price_calendar.last_shown(first) + timedelta(days=1)
    begin = first
    if asked.arrival is not None and asked.stay is None and asked.arrival < first:
        begin = max(asked.arrival, last - timedelta(days=MAX_NIGHTS - 1))
    prices = await calendar(tx, slug, begin, last, asked.party[0], now=now)
    week = locale_of(language).first_week_day
    return price_calendar.months(prices, asked, today=today, first=first, week_begins=week)


def _exchange(asked: Asked, per_euro: Mapping[str, Decimal]) -> Exchange | None:
    return None if asked.currency is None else Exchange(asked.currency, per_euro)


class _Writer:
    """Writes offers and refusals of one property for one guest."""

    def __init__(
        self,
        property_: Property,
        catalogue: Catalogue,
        asked: Asked,
        language: str,
        texts: Texts,
        names: Names,
        exchange: Exchange | None,
        today: date,
        art: _Art,
    ) -> None:
        self._art = art
        self._property = property_
        self._catalogue = catalogue
        self._asked = asked
        self._names = names
        self._exchange = exchange
        self._today = today
        self._texts = texts
        self._tell = Conditions(language, texts)
        self._refuse = Refusals(language, texts)

    def room(
        self, kind: RoomType, description: str, photos: Sequence[Photo], found: Offers | None
    ) -> RoomView:
        """One room type."""
        code = kind.code
        own = [photo for photo in photos if photo.room_type == code]
        name = self._names["room_type", code]
        return RoomView(
            code=code,
            name=name,
            description=description,
            picture=_photo(own[0], name) if own else self._art.room(kind, name),
            pictures=len(own),
            beds=tuple(self._tell.bed(bed.type, bed.count) for bed in kind.beds),
            size_m2=kind.size_m2,
            sleeps=kind.max_occupancy,
            amenities=in_room(kind.amenities),
            offers=[self._offer(one) for one in found.offers if one.room_type == code] if found else [],
            refused=self._refusals(kind, found.refused or ()) if found else [],
        )

    def _offer(self, one: Offer) -> OfferView:
        plan = self._catalogue.plans[one.rate_plan]
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
                one.cancellation, total=one.total, currency=one.currency, timezone=self._property.timezone
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
            breakdown=[self._tell.breakdown(room.lines, room.total, self._names) for room in one.rooms],
        )

    def _refusals(self, kind: RoomType, refused: Sequence[Refusal]) -> list[RefusalView]:
        """The plans of a room type that are not sold; those with the same reasons and fix in one."""
        stay = self._asked.stay
        if stay is None:
            return []
        sleeps = (kind.max_occupancy, kind.max_adults, kind.max_children)
        together: dict[tuple[tuple[str, ...], str | None, str | None], list[str]] = {}
        for one in refused:
            if one.room_type != kind.code:
                continue
            reasons = tuple(self._refuse.reasons(one.reasons, sleeps=sleeps))
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


def _photo(photo: Photo, alt: str) -> Picture:
    return Picture(
        photo.address(960),
        photo.srcset,
        photo.address(photo.widths[-1]),
        photo.width,
        photo.height,
        photo.alt or alt,
    )


class _Art:
    """What is drawn for a property that has no photos yet, said to be an illustration."""

    def __init__(self, slug: str, setting: Setting, language: str, tell: Conditions, texts: Texts) -> None:
        self._slug = slug
        self._setting = setting
        self._language = language
        self._tell = tell
        self._texts = texts

    def picture(self, name: str, alt: str, beds: Sequence[Bed] = ()) -> Picture:
        """A picture by its name."""
        address = placeholder_art.address(self._slug, self._setting, name, beds)
        return Picture(address, "", address, WIDTH, HEIGHT, alt)

    def room(self, kind: RoomType, name: str) -> Picture:
        """A room with the beds of its type."""
        if not kind.beds:
            alt = self._texts.gettext("Illustration: the room {name}").format(name=name)
        else:
            said = [self._tell.bed(bed.type, bed.count) for bed in kind.beds]
            alt = self._texts.gettext("Illustration: the room {name} with {beds}").format(
                name=name, beds=format_list(said, locale=locale_of(self._language))
            )
        return self.picture(f"room-{kind.code}", alt, kind.beds)

    def gallery(self, name: str, rooms: Sequence[Picture], *, breakfast: bool) -> list[Picture]:
        """The surroundings by day and in the evening, rooms, what is inside; breakfast where it is sold."""
        _ = self._texts.gettext
        pictures = [
            self.picture(
                placeholder_art.COVER, _("Illustration: {name} and its surroundings").format(name=name)
            ),
            *rooms[:2],
            self.picture(placeholder_art.LOBBY, _("Illustration: the reception")),
            self.picture(placeholder_art.EVENING, _("Illustration: {name} in the evening").format(name=name)),
            *rooms[2:4],
            self.picture(placeholder_art.BATHROOM, _("Illustration: a bathroom")),
        ]
        if breakfast:
            pictures.append(self.picture(placeholder_art.BREAKFAST, _("Illustration: breakfast")))
        return pictures
