"""A room's price line by line, as HTML: written here and not by a template, because a hotel's page has some
two hundred lines of prices."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup, escape

from hotel_booking.core import formats
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.dates import date_text
from hotel_booking.http.i18n.language import LOCALES, RIGHT_TO_LEFT
from hotel_booking.http.ui import isolation
from hotel_booking.web.i18n.conditions import Charge, RoomPrice


def charge_list(language: str) -> Callable[[RoomPrice, str], Markup]:
    """What writes the charges, the taxes added, their sum, and the taxes within it, in a currency."""
    texts = translations(language)
    locale = LOCALES[language]
    isolated = isolation.element_of(rtl=language in RIGHT_TO_LEFT)

    def shown(text: str) -> str:
        return str(escape(isolated(text)))

    total = escape(texts.gettext("Total"))

    def written(room: RoomPrice, currency: str) -> Markup:
        def row(kind: str, name: str, amount: int) -> str:
            return (
                f"<div{kind}><dt>{name}</dt><dd>{shown(formats.money(amount, currency, locale))}</dd></div>"
            )

        def dated(charge: Charge) -> str:
            if charge.night is None:
                return shown(charge.name)
            day = shown(date_text(charge.night, language))
            return f'<span class="hint">{day}</span> {shown(charge.name)}'

        def within(charge: Charge) -> str:
            said = Markup(texts.gettext("including %(tax)s"))  # noqa: S704 - ours; the name is escaped by %
            return str(said % {"tax": charge.name})

        rows = [row("", dated(charge), charge.amount) for charge in room.charges]
        rows += [row(' class="added"', shown(charge.name), charge.amount) for charge in room.added]
        rows.append(row(' class="sum"', total, room.total))
        rows += [row(' class="within"', within(charge), charge.amount) for charge in room.within]
        lines = "\n".join(rows)
        return Markup(f'<dl class="charges">\n{lines}\n</dl>')  # noqa: S704 - escaped above

    return written
