"""The small phrases of a property's page: parties, dates, distances, house rules, in the guest's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from functools import cache, lru_cache
from typing import Literal

from babel.units import format_unit
from markupsafe import Markup

from hotel_booking.core import formats
from hotel_booking.core.dates import Stay
from hotel_booking.core.locales import locale_of
from hotel_booking.core.moments import hour
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.http.i18n.dates import date_text
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.web.i18n.formats import Formats

_SUMMARY = 155
_PETS, _ADULTS_ONLY, _QUIET_AIR = 224, 217, (198, 268)  # OpenTravel HAC


class Phrases(Formats):
    """Says small phrases in one language."""

    def occupancy(self, one: Occupancy) -> str:
        """Who sleeps in a room: 2 adults, 1 child (4 years)."""
        ngettext = self._texts.ngettext
        text = ngettext("{number} adult", "{number} adults", one.adults).format(number=one.adults)
        if not one.children:
            return text
        count = len(one.children)
        ages = joined(map(str, one.children), self._language)
        children = ngettext("{number} child (age {ages})", "{number} children (ages {ages})", count).format(
            number=count, ages=ages
        )
        return joined((text, children), self._language)

    def party(self, rooms: Sequence[Occupancy]) -> str:
        """The whole party: 3 adults, 1 child in 2 rooms."""
        ngettext = self._texts.ngettext
        adults, children = sum(one.adults for one in rooms), sum(len(one.children) for one in rooms)
        parts = [ngettext("{number} adult", "{number} adults", adults).format(number=adults)]
        if children:
            parts.append(ngettext("{number} child", "{number} children", children).format(number=children))
        if len(rooms) > 1:
            parts.append(ngettext("{number} room", "{number} rooms", len(rooms)).format(number=len(rooms)))
        return joined(parts, self._language)

    def stay(self, stay: Stay) -> str:
        """From when to when."""
        return f"{self.day(stay.arrival)} – {self.day(stay.departure)}"  # noqa: RUF001 - from, to

    def month(self, first: date) -> str:
        """A month with its year, as a heading."""
        text = date_text(first, self._language, "yMMMM")
        return text[:1].upper() + text[1:]

    def weekday(self, value: date, *, long: bool = False) -> str:
        """A day of the week, in short for the head of a calendar."""
        return _weekdays(self._language, "wide" if long else "short")[value.weekday()]

    @staticmethod
    def limits(minimum: int, maximum: int) -> Markup:
        """The limits of a number field."""
        return Markup(' min="{}" max="{}" inputmode="numeric" required').format(minimum, maximum)

    def clock(self, at: time) -> str:
        """A time of day, behind a preposition."""
        return hour(at, self._language)

    def kilometres(self, km: float) -> str:
        """A distance, in metres where it is a short walk."""
        if km < 1:
            return _length(int(max(round(km * 1000, -1), 10)), "meter", self._language)
        return _length(round(km, 1) if km < 10 else round(km), "kilometer", self._language)

    def whole(self, amount: int, currency: str) -> str:
        """An amount without its currency and minor units, for tight places; large ones in short."""
        return formats.rounded(amount, currency, self._name)

    def currency(self, code: str) -> str:
        """What a currency is called."""
        return str(self._locale.currencies.get(code, code))

    def summary(self, name: str, property_: Property, description: str) -> str:
        """A sentence about the hotel for search engines and cards."""
        return beginning(description) or self._texts.gettext("Rooms and prices of {name} in {city}").format(
            name=name, city=property_.city
        )

    def rules(self, property_: Property) -> list[tuple[str, str]]:
        """House rules, as far as the hotel has said."""
        _ = self._texts.gettext
        amenities = set(property_.amenities)
        found = [
            (
                _("Arrival and departure"),
                _("Check-in from {first}, check-out until {last}.").format(
                    first=self.clock(property_.check_in_time), last=self.clock(property_.check_out_time)
                ),
            ),
            (_("Children"), self._children(property_.child_bands, adults_only=_ADULTS_ONLY in amenities)),
            (
                _("Pets"),
                _("Pets are allowed.")
                if _PETS in amenities
                else _("Please ask the hotel before you bring a pet."),
            ),
        ]
        if amenities.intersection(_QUIET_AIR):
            found.append((_("Smoking"), _("Rooms and public areas are non-smoking.")))
        found += [
            (
                _("Cancellation and payment"),
                _("Each rate has its own conditions, shown next to the price before you choose."),
            ),
            (_("Taxes"), _("All prices include every tax and fee, local ones too.")),
        ]
        return found

    def _children(self, bands: Sequence[int], *, adults_only: bool) -> str:
        _ = self._texts.gettext
        if adults_only:
            return _("This hotel is for adults only.")
        if not bands:
            return _("Children are welcome and pay the adult price.")
        oldest = max(bands)
        return self._texts.ngettext(
            "Children up to {number} year old have their own prices; older children pay the adult price.",
            "Children up to {number} years old have their own prices; older children pay the adult price.",
            oldest,
        ).format(number=oldest)


def beginning(text: str) -> str:
    """As much of a text, on one line, as search engines show of a page's description."""
    line = " ".join(text.split())
    return line if len(line) <= _SUMMARY else line[:_SUMMARY].rsplit(" ", 1)[0].rstrip(",;:") + "…"


@cache
def _weekdays(language: str, width: Literal["wide", "short"]) -> tuple[str, ...]:
    days = locale_of(language).days["stand-alone"][width]
    return tuple(str(days[place]) for place in range(7))


@lru_cache(maxsize=4096)
def _length(length: float, unit: str, language: str) -> str:
    return str(format_unit(length, f"length-{unit}", "short", locale=locale_of(language)))
