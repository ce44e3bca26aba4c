"""What a property's page says whatever is asked: texts, pictures, amenities, rules, place. It is made once
for each version of the property in each language, as HTML already, and kept by the process.

Nothing in here is anybody's: it is the same for all who look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from babel.lists import format_list
from litestar.datastructures import State
from markupsafe import Markup

from hotel_booking.core.db import Transaction
from hotel_booking.core.locales import locale_of
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.called import city_called
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.hits import RankedHit
from hotel_booking.domains.properties.places import place_by_id
from hotel_booking.domains.properties.queries import Photo
from hotel_booking.domains.properties.surroundings import Surroundings
from hotel_booking.domains.properties.types import Bed, TranslatedKind
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.content import Marked
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.domains.search.area import distance_km
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.code_names import NO_MEALS, by_topic, in_room
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.web import placeholder_art, social
from hotel_booking.web.i18n.conditions import Conditions
from hotel_booking.web.i18n.formats import Names
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.maps.city import NEAR_KM, city_plan
from hotel_booking.web.placeholder_art.brush import HEIGHT, WIDTH
from hotel_booking.web.placeholder_art.setting import Setting, setting_of
from hotel_booking.web.property import jsonld
from hotel_booking.web.templating import blocks_as

MOST_KEPT = 1000  # some 60 KB each

Contents = LruCache[tuple[int, str], "Content"]


class Picture(msgspec.Struct, frozen=True):
    """A picture of the gallery or a room. `srcset` is empty for what is drawn, which fits every size."""

    src: str
    srcset: str
    full: str
    width: int
    height: int
    alt: str


class Pieces(msgspec.Struct, frozen=True):
    """Parts of the page as HTML: `social` for those who show links to it, the `headline`, the `middle`
    (pictures and texts above the rooms), and what comes `after` the prices."""

    social: Markup
    headline: Markup
    middle: Markup
    after: Markup


class RoomPieces(msgspec.Struct, frozen=True):
    """What the page says `about` a room type, as HTML."""

    about: Markup


class RoomContent(msgspec.Struct, frozen=True):
    """A room type: its row, its name in the language, and what the page says of it."""

    kind: RoomType
    name: str
    about: Markup


class Content(msgspec.Struct, frozen=True):
    """One version of a property in one language: `mark` says which. The property's city is called as in the
    language. `linked` is the linked data as JSON, of which the offers and the closing brace are missing."""

    mark: int
    property: Property
    catalogue: Catalogue
    name: str
    names: Names
    rooms: tuple[RoomContent, ...]
    summary: str
    html: Pieces
    linked: str
    url: str


async def content_of(tx: Transaction, state: State, found: Marked, language: str) -> Content:
    """What was kept, where it is of this version; else made anew, in six statements."""
    contents: Contents = state.property_contents
    key = found.property.id, language
    kept = contents.get(key)
    if kept is not None and kept.mark == found.mark:
        return kept
    made = await _read(tx, found, language, origin=state.settings.public_url.rstrip("/"))
    return contents.keep(key, made)


async def _read(tx: Transaction, found: Marked, language: str, *, origin: str) -> Content:
    property_ = found.property
    types = [kind for kind in await queries.list_items(tx, tables.room_type, property_.id) if kind.active]
    photos = await queries.photos(tx, property_.id)
    texts = _OwnTexts(await queries.translations(tx, property_.id), language)
    place = await place_by_id(tx, property_.place_id) if property_.place_id else None
    if place is not None:
        city = city_called(property_.city, place.hit.name, place.names, language)
        property_ = msgspec.structs.replace(property_, city=city)
    catalogue = await load_catalogue(tx, property_.slug)
    phrases = Phrases(language, translations(language))
    names = texts.names(types, catalogue)
    name = texts.text("property", property_, "name")
    summary = phrases.summary(name, property_, texts.text("property", property_, "description"))
    setting = _setting(property_, place)
    art = _Art(property_.slug, setting, language)
    drawn = [art.room(kind, names["room_type", kind.code]) for kind in types]
    breakfast = any(plan.meal not in NO_MEALS for plan in catalogue.plans.values())
    gallery = [_photo(photo, name) for photo in photos] or art.gallery(name, drawn, breakfast=breakfast)
    url = f"{origin}/{language}/hotels/{property_.slug}"
    html = blocks_as(
        Pieces,
        language,
        "property/content.html",
        property=property_,
        name=name,
        title=joined((name, property_.city), language),
        description=texts.text("property", property_, "description"),
        own_language=texts.are_of(property_),
        country=str(locale_of(language).territories.get(property_.country, property_.country)),
        gallery=gallery,
        amenities=by_topic(property_.amenities),
        rules=phrases.rules(property_),
        phrases=phrases,
        summary=summary,
        url=url,
        picture=f"{origin}{social.address(property_.slug, photos[0] if photos else None, setting)}",
        **_in_town(property_, place, phrases, language),
    )
    linked = jsonld.hotel(
        property_,
        name=name,
        description=summary,
        url=url,
        images=[f"{origin}{picture.full}" for picture in gallery[:5]],
        amenities=[phrases.word(word) for _, words in by_topic(property_.amenities) for word in words],
    )
    return Content(
        mark=found.mark,
        property=property_,
        catalogue=catalogue,
        name=name,
        names=names,
        rooms=_rooms(property_, types, photos, drawn, names, texts),
        summary=summary,
        html=html,
        linked=jsonld.begun(linked),
        url=url,
    )


class _OwnTexts:
    """The texts of a property, its room types and plans in one language; its own where none is there."""

    def __init__(
        self, translated: Mapping[tuple[str, int], Mapping[str, Mapping[str, str]]], language: str
    ) -> None:
        self._translated = translated
        self.language = language

    def text(self, kind: TranslatedKind, own: Property | RoomType | RatePlan, field: str) -> str:
        """One of them; empty where there is none at all."""
        there = self._translated.get((kind, own.id), {}).get(self.language, {}).get(field)
        return str(there or getattr(own, field) or "")

    def names(self, types: Sequence[RoomType], catalogue: Catalogue) -> Names:
        """What room types and plans are called."""
        return {("room_type", kind.code): self.text("room_type", kind, "name") for kind in types} | {
            ("rate_plan", plan.code): self.text("rate_plan", plan, "name")
            for plan in catalogue.plans.values()
        }

    def are_of(self, property_: Property) -> bool:
        """Whether the description is in the language."""
        there = self._translated.get(("property", property_.id), {}).get(self.language, {})
        return self.language == property_.language or "description" in there


def _setting(property_: Property, place: RankedHit | None) -> Setting:
    """What is drawn around the hotel where it has no photos."""
    people = place.weight if place is not None else None
    return setting_of(
        Surroundings(property_.lat, property_.lon, tuple(property_.amenities), property_.place_id, people)
    )


def _in_town(property_: Property, place: RankedHit | None, phrases: Phrases, language: str) -> dict[str, Any]:
    """The city, how far its centre is and a plan of it; the latter two where it is near."""
    city = place.called_in(language) if place is not None else None
    if city is None:
        return {"city": None, "centre_km": None, "plan": None}
    km = distance_km(city.lat, city.lon, property_.lat, property_.lon)
    if km > NEAR_KM:
        return {"city": city, "centre_km": None, "plan": None}
    plan = city_plan((city.lat, city.lon), (property_.lat, property_.lon), phrases.kilometres)
    return {"city": city, "centre_km": km, "plan": plan}


def _rooms(
    property_: Property,
    types: Sequence[RoomType],
    photos: Sequence[Photo],
    drawn: Sequence[Picture],
    names: Names,
    texts: _OwnTexts,
) -> tuple[RoomContent, ...]:
    """What is said of each room type, with its first photo, or else as it is drawn."""
    conditions = Conditions(texts.language, translations(texts.language))
    rooms = []
    for kind, picture in zip(types, drawn, strict=True):
        name = names["room_type", kind.code]
        photo = next((photo for photo in photos if photo.room_type == kind.code), None)
        html = blocks_as(
            RoomPieces,
            texts.language,
            "property/room.html",
            name=name,
            description=texts.text("room_type", kind, "description"),
            picture=_photo(photo, name) if photo is not None else picture,
            beds=[conditions.bed(bed.type, bed.count) for bed in kind.beds],
            size_m2=kind.size_m2,
            sleeps=kind.max_occupancy,
            amenities=in_room(kind.amenities),
            own_language=texts.are_of(property_),
        )
        rooms.append(RoomContent(kind, name, html.about))
    return tuple(rooms)


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

    def __init__(self, slug: str, setting: Setting, language: str) -> None:
        self._slug = slug
        self._setting = setting
        self._language = language
        self._texts = translations(language)
        self._conditions = Conditions(language, self._texts)

    def picture(self, name: str, alt: str, beds: Sequence[Bed] = ()) -> Picture:
        """A picture by its name."""
        address = placeholder_art.address(self._slug, self._setting, name, beds)
        return Picture(address, "", address, WIDTH, HEIGHT, alt)

    def room(self, kind: RoomType, name: str) -> Picture:
        """A room with the beds of its type."""
        if not kind.beds:
            alt = self._texts.gettext("Illustration: {name}").format(name=name)
        else:
            said = [self._conditions.bed(bed.type, bed.count) for bed in kind.beds]
            alt = self._texts.gettext("Illustration: {name} ({beds})").format(
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
