"""The hotels of a list of results and their places on the plan, as HTML: written here and not by a template,
because a page has twenty of each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup, escape

from hotel_booking.core.money import Money
from hotel_booking.http.i18n.punctuation import colon
from hotel_booking.http.ui.render import icon
from hotel_booking.web.i18n.written import written_in
from hotel_booking.web.maps.results import DOT, ResultsPlan

FEW = 5  # rooms left, from which on it is said
_SHOWN_AT_ONCE = 2  # pictures; browsers get the others when they come near


class Card(msgspec.Struct, frozen=True):
    """A hotel of the list. `few` rooms are left, or None; `instead` is another number of rooms, as a link and
    its label."""

    name: str
    stars: int
    distance: str | None
    picture: str
    srcset: str
    total: Money
    night: Money
    approximate: Money | None
    refundable: bool
    meal: str
    few: int | None
    href: str
    instead: tuple[str, str] | None


class CardList:
    """Writes the cards of one page: for so many nights and rooms; `numbered` as on the plan beside them."""

    def __init__(self, language: str, nights: int, rooms: int, *, numbered: bool) -> None:
        self._write = write = written_in(language)
        _, ngettext = write.texts.gettext, write.texts.ngettext
        self._numbered = numbered
        taxed = ngettext("%(num)s night, taxes included", "%(num)s nights, taxes included", nights)
        self._stay = write.said(taxed, num=nights)
        self._each = ""
        if rooms > 1:
            together = ngettext("for %(num)s room", "for %(num)s rooms together", rooms)
            self._stay += f"<br>{write.said(together, num=rooms)}"
            self._each = _("%(price)s per room and night")
        elif nights > 1:
            self._each = _("%(price)s per night")
        self._refundable = f'<span class="good">{icon("check")}{_("Refundable")}</span>'
        self._not_refundable = f'<span class="muted">{_("Non-refundable")}</span>'
        self._see = _("See rooms")
        self._number = _("Number %(number)s on the map")
        self._away = _("%(distance)s from the centre")

    def cards(self, cards: Sequence[Card]) -> Markup:
        """All of them, as items of a list."""
        items = "\n".join([self._card(number, one) for number, one in enumerate(cards, 1)])
        return Markup(items)  # noqa: S704 - escaped below

    def _card(self, number: int, card: Card) -> str:
        name, href = self._write.text(card.name), escape(card.href)
        sizes = f' srcset="{escape(card.srcset)}" sizes="(width < 48rem) 100vw, 18rem"' if card.srcset else ""
        late = 'loading="lazy" ' if number > _SHOWN_AT_ONCE else ""
        return (
            f'<li class="hotel-card card" id="hotel-{number}">\n'
            f'<img src="{escape(card.picture)}"{sizes} width="640" height="400" alt="" {late}'
            'decoding="async">\n'
            f'<div class="hotel-card-about">\n<h2><a href="{href}">{name}</a></h2>\n'
            f"{self._about(number, card)}</div>\n"
            f'<div class="hotel-card-price">\n{self._price(card)}'
            f'<a class="button primary" href="{href}">{self._see}'
            f'<span class="visually-hidden"> {name}</span></a>\n</div>\n</li>'
        )

    def _about(self, number: int, card: Card) -> str:
        write = self._write
        facts = self._stars(card.stars)
        if card.distance:
            away = write.said(self._away, distance=card.distance)
            facts += f"<span>{icon('pin')}{away}</span>"
        lines = [
            f'<p class="hotel-card-facts">{facts}</p>',
            f"<p>{self._refundable if card.refundable else self._not_refundable}</p>",
        ]
        if card.meal:
            lines.append(f"<p>{write.text(card.meal)}</p>")
        if card.instead is not None:
            href, label = card.instead
            lines.append(f'<p class="instead"><a href="{escape(href)}">{write.text(label)}</a></p>')
        if self._numbered:
            lines.append(f'<p class="hint">{write.said(self._number, number=number)}</p>')
        return "".join([f"{line}\n" for line in lines])

    def _stars(self, stars: int) -> str:
        if not stars:
            return ""
        label = self._write.texts.ngettext("%(num)s star", "%(num)s stars", stars)
        said = self._write.said(label, num=stars)
        drawn = f'<span aria-hidden="true">{"★" * stars}</span>'
        return f'<span class="stars" role="img" aria-label="{said}">{drawn}</span>'

    def _price(self, card: Card) -> str:
        write, lines = self._write, []
        if card.few is not None:
            left = write.texts.ngettext("Only %(num)s room left", "Only %(num)s rooms left", card.few)
            lines.append(f'<p class="few">{write.said(left, num=card.few)}</p>')
        total, about = card.total, card.approximate
        lines.append(f'<p class="price"><strong>{write.money(total.amount, total.currency)}</strong></p>')
        if about is not None and about.currency != total.currency:
            lines.append(f'<p class="about">≈ {write.money(about.amount, about.currency)}</p>')
        each = ""
        if self._each:
            each = f"<br>{write.price(self._each, card.night.amount, card.night.currency)}"
        lines.append(f'<p class="hint">{self._stay}{each}</p>')
        return "".join([f"{line}\n" for line in lines])


def dots(plan: ResultsPlan, cards: Sequence[Card], language: str) -> Markup:
    """The hotels on the plan, by their numbers in the list."""
    mark = colon(language)
    found = [
        f'<a href="#hotel-{dot.number}" aria-label="{dot.number}{mark} {escape(card.name)}">'
        f'<circle class="dot" cx="{dot.x}" cy="{dot.y}" r="{DOT}"/>'
        f'<text class="dot-number" x="{dot.x}" y="{dot.y + 5:.1f}" aria-hidden="true">{dot.number}</text></a>'
        for dot, card in zip(plan.dots, cards, strict=True)
    ]
    return Markup("".join(found))  # noqa: S704 - numbers, and names that are escaped
