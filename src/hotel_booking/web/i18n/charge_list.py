"""A room's price line by line, as HTML: written here and not by a template, because a hotel's page has some
two hundred lines of prices."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from markupsafe import Markup

from hotel_booking.web.i18n.conditions import Charge, RoomPrice
from hotel_booking.web.i18n.written import written_in


@cache
def charge_list(language: str) -> Callable[..., Markup]:
    """What writes a room's charges, the taxes added, their sum, and the taxes within it, in a currency; of
    several `rooms` that cost the same, also what they come to together."""
    write = written_in(language)
    total = write.text(write.texts.gettext("Total"))
    per_room = write.text(write.texts.gettext("Total per room"))
    taxed = write.texts.gettext("including %(tax)s")

    def row(kind: str, name: str, amount: int, currency: str) -> str:
        return f"<div{kind}><dt>{name}</dt><dd>{write.money(amount, currency)}</dd></div>"

    def dated(charge: Charge) -> str:
        if charge.night is None:
            return write.text(charge.name)
        return f'<span class="hint">{write.day(charge.night)}</span> {write.text(charge.name)}'

    def written(room: RoomPrice, currency: str, *, rooms: int = 1) -> Markup:
        rows = [row("", dated(charge), charge.amount, currency) for charge in room.charges]
        rows += [row(' class="added"', write.text(tax.name), tax.amount, currency) for tax in room.added]
        rows.append(row(' class="sum"', total if rooms == 1 else per_room, room.total, currency))
        rows += [
            row(' class="within"', write.said(taxed, tax=tax.name), tax.amount, currency)
            for tax in room.within
        ]
        if rooms > 1:
            together = write.texts.ngettext("{number} room", "{number} rooms", rooms).format(number=rooms)
            rows.append(row(' class="sum"', write.text(together), room.total * rooms, currency))
        lines = "\n".join(rows)
        return Markup(f'<dl class="charges">\n{lines}\n</dl>')  # noqa: S704 - escaped above

    return written
