"""Why a room is not sold for a stay, and what would be, in the guest's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hotel_booking.core.dates import MAX_NIGHTS
from hotel_booking.domains.rates.nearest_fix import Fix
from hotel_booking.domains.rates.restrictions import Reason
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.web.i18n.formats import Formats, Names, Texts

_Run = tuple[str, int | None, date, date]  # what, the rooms that are left, the first and the last night


class Refusals(Formats):
    """Says reasons and ways out in one language.

    refusals = Refusals("de", texts)
    refusals.reasons(refusal.reasons, sleeps=(3, 2, 1)), refusals.fix(refusal.fix, ...)
    """

    def reasons(self, reasons: Sequence[Reason], *, sleeps: tuple[int, int, int] | None = None) -> list[str]:
        """Why something is not sold, each reason once, nights that follow each other together. `sleeps` are
        the most guests, adults and children of the room type."""
        sentences: list[str] = []
        runs: list[_Run] = []
        for reason in reasons:
            code = {"closed": "not_on_sale", "no_price": "not_on_sale"}.get(reason.code, reason.code)
            if code in ("not_on_sale", "sold_out") and reason.night is not None:
                limit = reason.limit if code == "sold_out" else None
                runs.append((code, limit, reason.night, reason.night))
            else:
                sentences.append(self._reason(reason, sleeps))
        # The same nights are often closed and sold out at once; what comes first in the list says enough.
        for code, limit, first, last in _together(runs):
            sentences.append(self._run(code, limit, first, last))
        return list(dict.fromkeys(sentences))

    def _run(self, code: str, limit: int | None, first: date, last: date) -> str:
        _, ngettext = self._texts.gettext, self._texts.ngettext
        if limit:
            one = ngettext("Only {number} room left on {day}", "Only {number} rooms left on {day}", limit)
            many = ngettext(
                "Only {number} room left from {first} to {last}",
                "Only {number} rooms left from {first} to {last}",
                limit,
            )
        elif code == "sold_out":
            one, many = _("Sold out on {day}"), _("Sold out from {first} to {last}")
        else:
            one, many = _("Not available on {day}"), _("Not available from {first} to {last}")
        text = one if first == last else many
        return text.format(number=limit, day=self.day(first), first=self.day(first), last=self.day(last))

    def _reason(self, reason: Reason, sleeps: tuple[int, int, int] | None) -> str:
        _, ngettext = self._texts.gettext, self._texts.ngettext
        limit = reason.limit or 0
        day = self.day(reason.night) if reason.night is not None else ""
        match reason.code:
            case "in_the_past":
                text = _("{day} is in the past")
            case "advance_purchase":
                text = ngettext(
                    "Book at least {number} day before arrival",
                    "Book at least {number} days before arrival",
                    limit,
                )
            case "advance_maximum":
                text = ngettext(
                    "Book no more than {number} day before arrival",
                    "Book no more than {number} days before arrival",
                    limit,
                )
            case "occupancy":
                return self._occupancy(sleeps)
            case "min_stay_arrival" if reason.night is None:
                text = ngettext(
                    "Minimum stay of {number} night at this rate",
                    "Minimum stay of {number} nights at this rate",
                    limit,
                )
            case "min_stay_arrival":
                text = ngettext(
                    "Minimum stay of {number} night when you arrive on {day}",
                    "Minimum stay of {number} nights when you arrive on {day}",
                    limit,
                )
            case "min_stay_through":
                text = ngettext(
                    "Minimum stay of {number} night for stays that include {day}",
                    "Minimum stay of {number} nights for stays that include {day}",
                    limit,
                )
            case "max_stay" if reason.night is None:
                text = ngettext(
                    "Maximum stay of {number} night at this rate",
                    "Maximum stay of {number} nights at this rate",
                    limit,
                )
            case "max_stay":
                text = ngettext(
                    "Maximum stay of {number} night when you arrive on {day}",
                    "Maximum stay of {number} nights when you arrive on {day}",
                    limit,
                )
            case "closed_to_arrival":
                text = _("No arrivals on {day}")
            case "closed_to_departure":
                text = _("No departures on {day}")
            case _:
                text = _("Not available on {day}") if day else _("Not available")
        return text.format(number=limit, day=day)

    def _occupancy(self, sleeps: tuple[int, int, int] | None) -> str:
        ngettext = self._texts.ngettext
        if sleeps is None:
            return self._texts.gettext("This room is too small for your party")
        guests, adults, children = sleeps
        if not children:
            text = ngettext("For up to {number} adult", "For up to {number} adults", min(guests, adults))
            return text.format(number=min(guests, adults))
        party = (
            ngettext("up to {number} adult", "up to {number} adults", adults).format(number=adults),
            ngettext("up to {number} child", "up to {number} children", children).format(number=children),
        )
        text = ngettext("For up to {number} guest: {party}", "For up to {number} guests: {party}", guests)
        return text.format(number=guests, party=joined(party, self._language))

    def rooms_needed(self, number: int) -> str:
        """In how many rooms a party fits that is spread over too few, or too many, where these are not free.
        Where they are, `RoomSplitPhrases` say so."""
        text = self._texts.ngettext(
            "Your party fits into {number} room, but none is available on your dates",
            "Your party fits into {number} rooms, but they aren’t available on your dates",
            number,
        )
        return text.format(number=number)

    def fix(self, fix: Fix, *, room_type: str, arrival: date, departure: date, names: Names) -> str:
        """What to do instead of the stay asked for, as the label of a link."""
        _, ngettext = self._texts.gettext, self._texts.ngettext
        moved = (fix.arrival, fix.departure) != (arrival, departure)
        nights = (fix.departure - fix.arrival).days
        if fix.room_type == room_type:
            text = ngettext(
                "Available from {arrival} to {departure}, {number} night",
                "Available from {arrival} to {departure}, {number} nights",
                nights,
            )
        elif moved:
            text = ngettext(
                "{room}: available from {arrival} to {departure}, {number} night",
                "{room}: available from {arrival} to {departure}, {number} nights",
                nights,
            )
        else:
            text = _("{room} is available on your dates")
        return text.format(
            room=names.get(("room_type", fix.room_type), fix.room_type),
            arrival=self.day(fix.arrival),
            departure=self.day(fix.departure),
            number=nights,
        )


def longest_stay(texts: Texts) -> str:
    """Said where a stay has more nights than can be booked."""
    text = texts.ngettext(
        "The longest stay you can book is {number} night.",
        "The longest stay you can book is {number} nights.",
        MAX_NIGHTS,
    )
    return text.format(number=MAX_NIGHTS)


def _together(runs: Sequence[_Run]) -> list[_Run]:
    """Nights one after the other as one run; a night that comes twice counts as what it came as first."""
    by_night: dict[date, tuple[str, int | None]] = {}
    for code, limit, first, _ in runs:
        by_night.setdefault(first, (code, limit))
    result: list[_Run] = []
    for night in sorted(by_night):
        code, limit = by_night[night]
        if result and result[-1][:2] == (code, limit) and result[-1][3] + timedelta(days=1) == night:
            result[-1] = (code, limit, result[-1][2], night)
        else:
            result.append((code, limit, night, night))
    return result
