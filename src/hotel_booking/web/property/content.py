"""What a property's page says whatever is asked: texts, pictures, amenities, rules, place. It is made once
for each version of the property in each language, as HTML already, and kept by the process.

Nothing in here is anybody's: it is the same for all who look.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from babel.lists import format_list
from litestar.datastructures import State
from markupsafe import Markup

from hotel_booking.core.db import Transaction
from hotel_booking.core.kept import Kept
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.called import city_called
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.places import place_by_id
from hotel_booking.domains.properties.queries import Photo
from hotel_booking.domains.properties.surroundings import Surroundings
from hotel_booking.domains.properties.types import Bed
from hotel_booking.domains.rates.content import Marked
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.domains.search.area import distance_km
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.code_names import NO_MEALS, by_topic, in_room
from hotel_booking.http.i18n.language import locale_of
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.web import placeholder_art
from hotel_booking.web.i18n.conditions import Conditions
from hotel_booking.web.i18n.formats import Names, Texts
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.maps.city import NEAR_KM, city_plan
from hotel_booking.web.placeholder_art.brush import HEIGHT, WIDTH
from hotel_booking.web.placeholder_art.setting import Setting, setting_of
from hotel_booking.web.property import jsonld, social
from hotel_booking.web.templating import blocks_as

MOST_KEPT = 1000  # some 60 KB each

Contents = Kept[tuple[int, str], "Content"]


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
    language. `linked` is the linked data as JSON, of
    which the offers and the closing brace are missing."""

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
    translated = await queries.translations(tx, property_.id)
    place = await place_by_id(tx, property_.place_id) if property_.place_id else None
    if place is not None:
        city_name = city_called(property_.city, place.hit.name, place.names, language)
        property_ = msgspec.structs.replace(property_, city=city_name)
    catalogue = await load_catalogue(tx, property_.slug)
    texts = translations(language)
    phrases, tell = Phrases(language, texts), Conditions(language, texts)

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
    setting = setting_of(
        Surroundings(property_.lat, property_.lon, tuple(property_.amenities), property_.place_id, people)
    )
    art = _Art(property_.slug, setting, language, tell, texts)
    name = text("property", property_, "name")
    description = text("property", property_, "description")
    own_language = language == property_.language or "description" in translated.get(
        ("property", property_.id), {}
    ).get(language, {})
    drawn = [art.room(kind, names["room_type", kind.code]) for kind in types]
    breakfast = any(plan.meal not in NO_MEALS for plan in catalogue.plans.values())
    gallery = [_photo(photo, name) for photo in photos] or art.gallery(name, drawn, breakfast=breakfast)
    city = place.called_in(language) if place is not None else None
    distance = distance_km(city.lat, city.lon, property_.lat, property_.lon) if city is not None else None
    centre_km = distance if distance is not None and distance <= NEAR_KM else None
    plan_of_city = None
    if city is not None and centre_km is not None:
        plan_of_city = city_plan((city.lat, city.lon), (property_.lat, property_.lon), phrases.kilometres)
    rooms = []
    for kind, picture in zip(types, drawn, strict=True):
        own = next((photo for photo in photos if photo.room_type == kind.code), None)
        shown = _photo(own, names["room_type", kind.code]) if own is not None else picture
        room = blocks_as(
            RoomPieces,
            language,
            "property/room.html",
            name=names["room_type", kind.code],
            description=text("room_type", kind, "description"),
            picture=shown,
            beds=[tell.bed(bed.type, bed.count) for bed in kind.beds],
            size_m2=kind.size_m2,
            sleeps=kind.max_occupancy,
            amenities=in_room(kind.amenities),
            own_language=own_language,
        )
        rooms.append(RoomContent(kind, names["room_type", kind.code], room.about))
    url = f"{origin}/{language}/hotels/{property_.slug}"
    summary = phrases.summary(name, property_, description)
    title = joined((name, property_.city), language)
    amenities = by_topic(property_.amenities)
    html = blocks_as(
        Pieces,
        language,
        "property/content.html",
        property=property_,
        name=name,
        title=title,
        description=description,
        own_language=own_language,
        country=str(locale_of(language).territories.get(property_.country, property_.country)),
        city=city,
        centre_km=centre_km,
        gallery=gallery,
        amenities=amenities,
        rules=phrases.rules(property_),
        plan=plan_of_city,
        phrases=phrases,
        summary=summary,
        url=url,
        picture=f"{origin}{social.address(property_.slug, photos[0] if photos else None, setting)}",
    )
    linked = jsonld.hotel(
        property_,
        name=name,
        description=summary,
        url=url,
        images=[f"{origin}{picture.full}" for picture in gallery[:5]],
        amenities=[phrases.word(word) for _, words in amenities for word in words],
    )
    return Content(
        mark=found.mark,
        property=property_,
        catalogue=catalogue,
        name=name,
        names=names,
        rooms=tuple(rooms),
        summary=summary,
        html=html,
        linked=jsonld.begun(linked),
        url=url,
    )


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
            alt = self._texts.gettext("Illustration: {name}").format(name=name)
        else:
            said = [self._tell.bed(bed.type, bed.count) for bed in kind.beds]
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
