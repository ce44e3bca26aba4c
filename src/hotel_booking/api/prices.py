"""Prices and cancellation terms on the wire, the same in offers, quotes and bookings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from hotel_booking.core.dates import Instant
from hotel_booking.core.money import Money
from hotel_booking.domains.rates.types import CancellationTerms, Line, LineKind


class PriceLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a price. The `amount`s of all lines add up to the total; `gross` is the line as priced,
    before included taxes are shown on lines of their own."""

    kind: LineKind
    night: date | None
    code: str
    label: str
    quantity: int
    amount: Money
    gross: Money
    included: bool


class CancellationStage(msgspec.Struct, frozen=True, gc=False):
    """From `since` on (null: from now on) cancelling costs `fee`."""

    since: Instant | None
    fee: Money
    text: str


class CancellationPolicyTerms(msgspec.Struct, frozen=True):
    """A cancellation policy worked out for one stay."""

    code: str
    name: str
    refundable: bool
    free_until: Instant | None
    fee_now: Money
    stages: tuple[CancellationStage, ...]
    no_show: Money
    text: tuple[str, ...]


def price_lines(lines: Iterable[Line], currency: str) -> list[PriceLine]:
    """The lines with their amounts as money."""
    return [
        PriceLine(
            line.kind,
            line.night,
            line.code,
            line.label,
            line.quantity,
            Money(line.amount, currency),
            Money(line.gross, currency),
            line.included,
        )
        for line in lines
    ]


def cancellation_terms(terms: CancellationTerms, currency: str, total: int) -> CancellationPolicyTerms:
    """The terms with their amounts as money; refundable means that cancelling now gives something back."""
    return CancellationPolicyTerms(
        code=terms.code,
        name=terms.name,
        refundable=terms.fee_now < total or total == 0,
        free_until=terms.free_until,
        fee_now=Money(terms.fee_now, currency),
        stages=tuple(
            CancellationStage(stage.since, Money(stage.amount, currency), stage.text)
            for stage in terms.stages
        ),
        no_show=Money(terms.no_show, currency),
        text=terms.text,
    )
