"""Conditions in words, in the guest's language: cancelling, paying, meals, and what makes up a price.

Everything is composed anew from structured data (`CancellationTerms.stages`, codes, `Line`s); the English
sentences of the domains are never shown. Pure. Why something is not sold: `refusals`.

    tell = Conditions("de", texts)        # texts: the language's gettext catalogue
    tell.cancellation(offer.cancellation, total=offer.total, currency="EUR", timezone="Europe/Lisbon")
    tell.payment(offer.due_now, offer.total, "EUR")
    tell.breakdown(room.lines, room.total, names)  # of each of offer.rooms
    tell.meal(offer.meal)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

from hotel_booking.domains.bookings.due import PaymentSchedule
from hotel_booking.domains.properties.beds import bed_kind
from hotel_booking.domains.rates.types import CancellationTerms, Line
from hotel_booking.http.i18n.code_names import MEALS, TAXES
from hotel_booking.web.i18n.formats import Formats, Names


class Cancellation(msgspec.Struct, frozen=True):
    """What cancelling costs. `headline` is the present stage, `sentences` are all of them, soonest first, and
    not arriving at the end. `kind`: `free` until `free_until` (or always), for a `fee`, or `none` of the
    money comes back."""

    kind: Literal["free", "fee", "none"]
    headline: str
    sentences: tuple[str, ...]
    free_until: datetime | None


class Charge(msgspec.Struct, frozen=True):
    """A line of a price as the guest reads it. `night` where it is one night's."""

    name: str
    amount: int
    night: date | None = None


class RoomPrice(msgspec.Struct, frozen=True):
    """One room's part of a price: its charges, then the taxes added to them. They add up to `total`.

    `within` are taxes that the charges hold already; it is empty where the charges are net and all taxes are
    `added`, which is how a price is shown whose parts would not add up to the cent otherwise.
    """

    charges: tuple[Charge, ...]
    added: tuple[Charge, ...]
    within: tuple[Charge, ...]
    total: int


class Conditions(Formats):
    """Says conditions in one language."""

    def cancellation(
        self, terms: CancellationTerms, *, total: int, currency: str, timezone: str
    ) -> Cancellation:
        """What cancelling costs and until when, as the terms see it."""
        untils = [stage.since for stage in terms.stages[1:]] + [None]
        sentences = [
            self._stage(stage.since, until, stage.amount, total, currency, timezone)
            for stage, until in zip(terms.stages, untils, strict=True)
        ]
        kind: Literal["free", "fee", "none"] = "fee"
        if terms.fee_now == 0:
            kind = "free"
        elif terms.fee_now >= total and all(stage.amount >= total for stage in terms.stages):
            kind = "none"
        not_arriving = self.not_arriving(terms.no_show, total, currency)
        return Cancellation(kind, sentences[0], (*sentences, not_arriving), terms.free_until)

    def _stage(
        self,
        since: datetime | None,
        until: datetime | None,
        amount: int,
        total: int,
        currency: str,
        timezone: str,
    ) -> str:
        _ = self._texts.gettext
        if since is not None:
            if amount == 0:
                text = _("Free to cancel from {moment}")
            elif amount == total:
                text = _("From {moment}, cancelling costs the full price, {amount}")
            else:
                text = _("From {moment}, cancelling costs {amount}")
        elif amount == 0:
            text = _("Free cancellation until {moment}") if until else _("Free cancellation")
        elif until is not None:
            text = _("Cancelling costs {amount} until {moment}")
        elif amount == total:
            text = _("Non-refundable: cancelling costs the full price, {amount}")
        else:
            text = _("Cancelling costs {amount}")
        at = since or until
        return text.format(
            amount=self.money(amount, currency), moment=self.moment(at, timezone) if at is not None else ""
        )

    def not_arriving(self, amount: int, total: int, currency: str) -> str:
        """What it costs not to come, of a price of `total`; minor units."""
        _ = self._texts.gettext
        if amount == 0:
            return _("No charge if you don’t arrive")
        if amount == total:
            return _("If you don’t arrive, you’ll be charged the full price, {amount}").format(
                amount=self.money(amount, currency)
            )
        return _("If you don’t arrive, you’ll be charged {amount}").format(
            amount=self.money(amount, currency)
        )

    def payment(
        self,
        due_now: int,
        total: int,
        currency: str,
        *,
        reserved: bool = False,
        balance_on: date | None = None,
    ) -> tuple[str, ...]:
        """What is paid when, in sentences. `reserved`: what is due on booking is only reserved then, and
        taken at check-in. `balance_on`: the day on which the rest is taken; None: the hotel takes it."""
        _ = self._texts.gettext
        deposit, rest = self.money(due_now, currency), self.money(total - due_now, currency)
        if due_now >= total:
            if reserved:
                return (_("The full price will be reserved on your card and charged at check-in"),)
            return (_("You pay the full price now"),)
        if due_now <= 0:
            if balance_on is None:
                return (_("Nothing to pay now: you pay at the hotel"),)
            return (_("Nothing to pay now: the full price is due on {day}").format(day=self.day(balance_on)),)
        if reserved:
            first = _("{deposit} will be reserved on your card and charged at check-in").format(
                deposit=deposit
            )
        else:
            first = _("You pay {deposit} now").format(deposit=deposit)
        if balance_on is None:
            return (first, _("The rest, {rest}, is paid at the hotel").format(rest=rest))
        return (first, _("The rest, {rest}, is due on {day}").format(rest=rest, day=self.day(balance_on)))

    def rest(self, rest: PaymentSchedule, total: int, currency: str) -> list[str]:
        """When and where the open part of a booking's price is paid; nothing is said of what is due now."""
        _ = self._texts.gettext
        if rest.at_hotel >= total:
            return [_("Nothing to pay now: you pay at the hotel")]
        if [amount for _day, amount in rest.later] == [total]:
            day = self.day(rest.later[0][0])
            return [_("Nothing to pay now: the full price is due on {day}").format(day=day)]
        said = [
            _("The rest, {rest}, is due on {day}").format(
                rest=self.money(amount, currency), day=self.day(day)
            )
            for day, amount in rest.later
        ]
        if rest.at_hotel:
            at_hotel = self.money(rest.at_hotel, currency)
            said.append(_("The rest, {rest}, is paid at the hotel").format(rest=at_hotel))
        return said

    def meal(self, code: int) -> str:
        """What is eaten, by the OpenTravel meal plan; empty for a code that says nothing to a guest."""
        name = MEALS.get(code)
        return self._texts.gettext(name) if name else ""

    def bed(self, kind: str, count: int) -> str:
        """Beds of one kind, by the OpenTravel list; a kind of the hotel's own as it is called there."""
        ngettext = self._texts.ngettext
        match bed_kind(kind):
            case "single":
                text = ngettext("{number} single bed", "{number} single beds", count)
            case "twin":
                text = ngettext("{number} twin bed", "{number} twin beds", count)
            case "double":
                text = ngettext("{number} double bed", "{number} double beds", count)
            case "queen":
                text = ngettext("{number} queen bed", "{number} queen beds", count)
            case "king":
                text = ngettext("{number} king bed", "{number} king beds", count)
            case "sofa_bed":
                text = ngettext("{number} sofa bed", "{number} sofa beds", count)
            case "bunk":
                text = ngettext("{number} bunk bed", "{number} bunk beds", count)
            case "futon":
                text = ngettext("{number} futon", "{number} futons", count)
            case "tatami":
                text = ngettext("{number} tatami mat", "{number} tatami mats", count)
            case _:
                return f"{count} \N{MULTIPLICATION SIGN} {kind}"
        return text.format(number=count)

    # Prices ---------------------------------------------------------------------------------------

    def tax(self, name: str, rate: int | None = None) -> str:
        """A tax: what hotels commonly call theirs is translated, a name of the hotel's own stays; its `rate`,
        in parts per million, is written as the language does."""
        shown = self._texts.gettext(name) if name in TAXES else name
        return shown if rate is None else f"{shown} {self.rate(rate)}"

    def line(self, line: Line, names: Names) -> str:
        """What a price line is called."""
        _ = self._texts.gettext
        if line.kind == "tax":
            return self.tax(line.name, line.rate)
        if line.kind == "night":
            return names.get(("room_type", line.code), line.code)
        if line.kind == "extra_person":
            return self._extra_person(line)
        plan = names.get(("rate_plan", line.code), line.code)
        if line.kind == "discount":
            return _("Discount: {plan}").format(plan=plan)
        return _("Supplement: {plan}").format(plan=plan)

    def _extra_person(self, line: Line) -> str:
        ngettext = self._texts.ngettext
        if line.ages is None:
            text = ngettext("{number} extra adult", "{number} extra adults", line.quantity)
            return text.format(number=line.quantity)
        text = ngettext(
            "{number} child (age {youngest} to {oldest})",
            "{number} children (ages {youngest} to {oldest})",
            line.quantity,
        )
        return text.format(number=line.quantity, youngest=line.ages[0], oldest=line.ages[1])

    def breakdown(self, lines: Sequence[Line], total: int, names: Names) -> RoomPrice:
        """A room's price, line by line."""
        if sum([line.amount for line in lines]) != total:
            raise ValueError("the lines of a price do not add up to it")
        charges = [line for line in lines if line.kind != "tax"]
        taxes = [line for line in lines if line.kind == "tax"]
        gross = sum([line.gross for line in charges]) + sum([tax.amount for tax in taxes if not tax.included])

        def shown(line: Line, amount: int) -> Charge:
            return Charge(self.line(line, names), amount, line.night)

        if gross == total:
            return RoomPrice(
                tuple([shown(line, line.gross) for line in charges]),
                tuple([shown(tax, tax.amount) for tax in taxes if not tax.included]),
                tuple([shown(tax, tax.amount) for tax in taxes if tax.included]),
                total,
            )
        return RoomPrice(
            tuple(shown(line, line.amount) for line in charges),
            tuple(shown(tax, tax.amount) for tax in taxes),
            (),
            total,
        )
