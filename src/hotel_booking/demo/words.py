"""The chain's texts in the site's other languages, from words.toml and descriptions.toml."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal, get_args

import msgspec

from hotel_booking.demo.property import Property
from hotel_booking.demo.reading import read

Row = tuple[int, str, int, str, str, str]
COLUMNS = ("property_id", "kind", "object_id", "language", "field", "content")


Language = Literal["de", "fr", "es", "ar"]
Phrase = dict[Language, str]  # a text in each of them


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name and description of a room type or plan."""

    name: Phrase
    text: Phrase


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """words.toml, where the fields are described."""

    views: dict[str, Phrase]
    plans: dict[str, Texts]
    rooms: dict[str, dict[str, Texts]]


@cache
def words() -> Words:
    """The table."""
    return read("words", Words)


@cache
def descriptions() -> dict[str, Phrase]:
    """What properties say of themselves, by slug."""
    return read("descriptions", dict[str, Phrase])


def rows(property_: Property) -> Iterator[Row]:
    """The rows of `translation` of one property."""
    own = property_.id
    view = words().views[property_.outline.view]
    # A larger chain's composed properties have none.
    for language, content in descriptions().get(property_.outline.slug, {}).items():
        yield own, "property", own, language, "description", content
    for kind in property_.room_types:
        texts = words().rooms[property_.outline.character][kind.outline.code]
        yield from _rows(own, "room_type", kind.id, texts, view)
    for plan in property_.plans:
        yield from _rows(own, "rate_plan", plan.id, words().plans[plan.code], view)


def _rows(property_id: int, kind: str, object_id: int, texts: Texts, view: Phrase) -> Iterator[Row]:
    for language in get_args(Language):
        for field, phrase in (("name", texts.name), ("description", texts.text)):
            content = phrase[language].format(view=view[language])
            yield property_id, kind, object_id, language, field, content
