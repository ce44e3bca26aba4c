"""The offers of a room type and what is not sold of it, as HTML: written here and not by a template, because
a page has up to forty of them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.http.ui.render import icon
from hotel_booking.web.i18n.charge_list import charge_list
from hotel_booking.web.i18n.written import written_in
from hotel_booking.web.property.view import OfferView, RefusalView, RoomView
from hotel_booking.web.search.query import Asked

FEW = 5  # rooms left, from which on it is said


class OfferList:
    """Writes the offers of one page. `book` is where the forms go, `occupancies` who sleeps in which room."""

    def __init__(
        self, language: str, property_: Property, asked: Asked, occupancies: Sequence[str], book: str
    ) -> None:
        self._language = language
        self._write = written_in(language)
        self._charges = charge_list(language)
        self._occupancies = occupancies
        self._rooms = len(asked.party)
        _, ngettext = self._write.texts.gettext, self._write.texts.ngettext
        nights = asked.stay.nights if asked.stay is not None else 1
        taxed = ngettext("%(num)s night, taxes included", "%(num)s nights, taxes included", nights)
        self._nights = self._write.said(taxed, num=nights)
        self._several = nights > 1 or self._rooms > 1
        self._details, self._choose = _("Price and conditions"), _("Choose")
        self._each = _("%(price)s per room and night")
        self._form = f'<form method="post" action="{escape(book)}">{_same(property_, asked)}'

    def room(self, room: RoomView) -> Markup:
        """What is sold of a room type, and what is not."""
        if not room.offers and not room.refused:
            return Markup()
        parts = [f'<div class="offers" data-count="{len(room.offers)}">']
        parts += [self._offer(one, room) for one in room.offers]
        parts += [self._refusal(one) for one in room.refused]
        parts.append("</div>")
        return Markup("\n".join(parts))  # noqa: S704 - escaped below

    def _offer(self, one: OfferView, room: RoomView) -> str:
        text = self._write.text
        name = text(one.name)
        terms = []
        if one.meal:
            kind, sign = ("good", "check") if one.meal_included else ("plain", "minus")
            terms.append(_term(kind, sign, text(one.meal)))
        kind, sign = ("good", "check") if one.cancellation.kind == "free" else ("plain", "info")
        terms.append(_term(kind, sign, text(one.cancellation.headline)))
        terms += [_term("plain", "card", text(sentence)) for sentence in one.payment]
        sentences = "".join([f"<li>{text(sentence)}</li>" for sentence in one.cancellation.sentences])
        chosen = (
            f'<input type="hidden" name="room_type" value="{escape(room.code)}">\n'
            f'<input type="hidden" name="rate_plan" value="{escape(one.rate_plan)}">\n'
        ) * self._rooms + f'<input type="hidden" name="seen" value="{one.total.amount}">\n'
        chosen_as = joined((text(room.name), name), self._language)
        return (
            f'<div class="offer">\n<h4>{name}</h4>\n<ul class="terms">\n{"".join(terms)}</ul>\n'
            f'<details class="explained">\n<summary>{self._details}</summary>\n{self._breakdown(one)}'
            f'<ul class="sentences">{sentences}</ul>\n</details>\n'
            f'<div class="offer-buy">\n{self._price(one)}'
            f'{self._form}{chosen}<button class="button primary block" type="submit">{self._choose}'
            f'<span class="visually-hidden"> {chosen_as}</span></button>\n'
            "</form>\n</div>\n</div>"
        )

    def _breakdown(self, one: OfferView) -> str:
        parts, before = [], 0
        for rooms, price in one.breakdown:
            if self._rooms > 1:
                parts.append(f"<h5>{self._of_rooms(before, rooms)}</h5>\n")
            parts.append(f"{self._charges(price, one.total.currency, rooms=rooms)}\n")
            before += rooms
        return "".join(parts)

    def _of_rooms(self, before: int, rooms: int) -> str:
        """Which rooms a price is for: one, or several alike."""
        texts, who = self._write.texts, self._occupancies[before]
        if rooms > 1:
            number = texts.ngettext("{number} room", "{number} rooms", rooms).format(number=rooms)
            return self._write.said(texts.gettext("%(rooms)s, each for %(guests)s"), rooms=number, guests=who)
        said = self._write.said(texts.gettext("Room %(number)s"), number=before + 1)
        return f'{said} <span class="hint">{self._write.text(who)}</span>'

    def _price(self, one: OfferView) -> str:
        total = self._write.money(one.total.amount, one.total.currency)
        write, few, about, each = self._write, "", "", ""
        if one.rooms_left <= FEW:
            left = one.rooms_left
            said = write.texts.ngettext("Only %(num)s room left", "Only %(num)s rooms left", left)
            few = f'<p class="few">{write.said(said, num=left)}</p>\n'
        if one.approximate is not None:
            amount = write.money(one.approximate.amount, one.approximate.currency)
            about = f' <span class="about">≈ {amount}</span>'
        if self._several:
            each = f'<p class="hint">{write.price(self._each, one.night.amount, one.night.currency)}</p>\n'
        return (
            f'<div class="offer-price">\n{few}'
            f'<p class="price"><strong>{total}</strong>{about}</p>\n'
            f'<p class="hint">{self._nights}</p>\n{each}</div>\n'
        )

    def _refusal(self, one: RefusalView) -> str:
        text = self._write.text
        reasons = "".join([f"<li>{text(reason)}</li>" for reason in one.reasons])
        fix = ""
        if one.href is not None and one.fix is not None:
            arrow = icon("arrow-right", flips=True)
            fix = f'<a class="fix" href="{escape(one.href)}">{text(one.fix)}{arrow}</a>\n'
        return (
            f'<div class="refusal">\n<p class="refusal-names">{text(" · ".join(one.names))}</p>\n'
            f"<ul>{reasons}</ul>\n{fix}</div>"
        )


def _term(kind: str, sign: str, said: str) -> str:
    return f'<li class="{kind}">{icon(sign)}<span>{said}</span></li>\n'


def _same(property_: Property, asked: Asked) -> str:
    """What the forms of all offers say alike."""
    if asked.stay is None:
        return ""
    fields = [
        ("property", property_.slug),
        ("arrival", asked.stay.arrival.isoformat()),
        ("departure", asked.stay.departure.isoformat()),
    ]
    for occupancy in asked.party:
        fields += [("adults", str(occupancy.adults)), ("children", ",".join(map(str, occupancy.children)))]
    fields += asked.carried.items()
    return "".join(
        [f'<input type="hidden" name="{name}" value="{escape(value)}">\n' for name, value in fields]
    )
