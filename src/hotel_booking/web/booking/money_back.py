"""What comes back to a guest when a booking is cancelled, in their words: how much, by what way, by when."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hotel_booking.domains.bookings.due import RefundStage
from hotel_booking.domains.bookings.money_back import MoneyBack
from hotel_booking.domains.payments.queries import SavedCard
from hotel_booking.domains.payments.returns import Returning
from hotel_booking.web.i18n.formats import Formats, Texts


class MoneyBackWords(Formats):
    """Says it in one language; `card` is the one that the hotel keeps for the booking, if there is one."""

    def __init__(self, language: str, texts: Texts, card: SavedCard | None = None) -> None:
        super().__init__(language, texts)
        self._kept = card is not None
        self._last4 = card.card.last4 if card is not None else None

    def before(self, money: MoneyBack) -> list[str]:
        """What cancelling would do to the guest's money. Never an amount of nothing."""
        _ = self._texts.gettext
        sentences = [self._coming(part, money.currency) for part in money.parts]
        if money.kept:
            text = _("The hotel keeps {amount} as the cancellation fee.")
            sentences.append(text.format(amount=self.money(money.kept, money.currency)))
        sentences += self._owed(money)
        return sentences or [_("Cancellation is free. You haven’t paid anything and there’s nothing to pay.")]

    def after(self, money: MoneyBack, *, timezone: str, no_show: bool = False) -> list[str]:
        """What cancelling, or not coming, has done; `timezone` is the hotel's, for the days on which
        something was sent."""
        _ = self._texts.gettext
        sentences = self.returned(money, timezone=timezone)
        if money.kept:
            text = _("The hotel has kept {amount} as the cancellation fee.")
            if no_show:
                text = _("The hotel has kept {amount} as the no-show fee.")
            sentences.append(text.format(amount=self.money(money.kept, money.currency)))
        sentences += self._unpaid_no_show(money) if no_show else self._owed(money)
        return sentences or [_("You haven’t paid anything and there’s nothing to pay.")]

    def returned(self, money: MoneyBack, *, timezone: str) -> list[str]:
        """Only what went back or is on its way, sum by sum."""
        return [self._came(part, money.currency, timezone) for part in money.parts]

    def stage(self, stage: RefundStage, currency: str) -> tuple[str, str]:
        """What cancelling at some time means, and what stands beside it ("" where that says it all)."""
        _ = self._texts.gettext
        fee = _("fee {amount}").format(amount=self.money(stage.fee, currency)) if stage.fee else ""
        if stage.refund:
            return _("{amount} refunded").format(amount=self.money(stage.refund, currency)), fee
        return fee or _("free of charge"), ""

    def _owed(self, money: MoneyBack) -> list[str]:
        _ = self._texts.gettext
        if not money.owed:
            return []
        if self._kept:
            text = _("{amount} of the cancellation fee will be charged to your card on file.")
        elif not money.paid and not money.reserved:
            text = _("You haven’t paid anything yet. The cancellation fee of {amount} is due.")
        else:
            text = _("{amount} of the cancellation fee is still due.")
        return [text.format(amount=self.money(money.owed, money.currency))]

    def _unpaid_no_show(self, money: MoneyBack) -> list[str]:
        _ = self._texts.gettext
        if not money.owed:
            return []
        if self._kept:
            text = _("{amount} of the no-show fee will be charged to your card on file.")
        elif not money.paid and not money.reserved:
            text = _("You haven’t paid anything yet. The no-show fee of {amount} is due.")
        else:
            text = _("{amount} of the no-show fee is still due.")
        return [text.format(amount=self.money(money.owed, money.currency))]

    def _coming(self, part: Returning, currency: str) -> str:
        _ = self._texts.gettext
        if part.state == "released":
            text = _(
                "{amount} was only reserved on your card and will be released. Some banks show it until "
                "{day}."
            )
        elif part.way == "transfer":
            text = _("You’ll receive {amount} in the account you paid from by {day} at the latest.")
        elif part.way == "cash":
            text = _("You’ll get back {amount} that you paid in cash. Please arrange it with the hotel.")
        elif part.way == "card" and self._last4:
            text = _("You’ll receive {amount} on your card ending in {digits} by {day} at the latest.")
        else:
            text = _("You’ll receive {amount} on the card you paid with by {day} at the latest.")
        return self._filled(text, part, currency, "UTC")

    def _came(self, part: Returning, currency: str, timezone: str) -> str:
        _ = self._texts.gettext
        match part.state, part.way:
            case "released", _way:
                text = _(
                    "{amount} was only reserved on your card and has been released. Some banks show it until "
                    "{day}."
                )
            case "failed", _way:
                text = _(
                    "We haven’t been able to refund {amount} yet. The hotel is taking care of it; there’s "
                    "nothing you need to do."
                )
            case "due", "transfer":
                text = _(
                    "{amount} is on its way to the account you paid from and will arrive by {day} at the "
                    "latest."
                )
            case "due", "cash":
                text = _(
                    "You have {amount} to get back that you paid in cash. Please arrange it with the hotel."
                )
            case "due", "card" if self._last4:
                text = _(
                    "{amount} is on its way to your card ending in {digits} and will arrive by {day} at the "
                    "latest."
                )
            case "due", _way:
                text = _(
                    "{amount} is on its way to the card you paid with and will arrive by {day} at the latest."
                )
            case _state, "transfer":
                text = _(
                    "{amount} was refunded to the account you paid from on {sent} and will arrive by {day} "
                    "at the latest."
                )
            case _state, "cash":
                text = _("The hotel gave you back {amount} in cash on {sent}.")
            case _state, "card" if self._last4:
                text = _(
                    "{amount} was refunded to your card ending in {digits} on {sent} and will arrive by "
                    "{day} at the latest."
                )
            case _:
                text = _(
                    "{amount} was refunded to the card you paid with on {sent} and will arrive by {day} at "
                    "the latest."
                )
        return self._filled(text, part, currency, timezone)

    def _filled(self, text: str, part: Returning, currency: str, timezone: str) -> str:
        return text.format(
            amount=self.money(part.amount, currency),
            day=self.day(part.by) if part.by is not None else "",
            sent=self.day(part.since.astimezone(ZoneInfo(timezone)).date()),
            digits=self._last4,
        )
