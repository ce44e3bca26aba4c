"""Prices in steps that can be charged: computed in units of the step, so that every line is a multiple of
it and they still add up exactly. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from hotel_booking.core.money import divide
from hotel_booking.domains.rates.types import NightPrice, Price, Rules


def coarse(rules: Rules) -> Rules:
    """The rules with their amounts in steps, those that are none to the nearest."""
    least, adjustment = rules.step, rules.adjustment
    if adjustment is not None and adjustment.kind == "amount":
        adjustment = replace(adjustment, value=divide(adjustment.value, least))
    taxes = tuple(
        replace(tax, value=divide(tax.value, least)) if tax.kind == "fixed" else tax for tax in rules.taxes
    )
    return replace(
        rules,
        step=1,
        extra_adult=divide(rules.extra_adult, least),
        child_amounts=tuple(divide(amount, least) for amount in rules.child_amounts),
        adjustment=adjustment,
        taxes=taxes,
    )


def coarse_night(night: NightPrice, least: int) -> NightPrice:
    """A night with its amounts in steps of `least` minor units."""
    return NightPrice(
        night.night,
        divide(night.price, least),
        None if night.extra_adult is None else divide(night.extra_adult, least),
        None if night.child_amounts is None else tuple(divide(n, least) for n in night.child_amounts),
    )


def fine(price: Price, least: int) -> Price:
    """A price in steps of `least` minor units as one in minor units."""
    lines = tuple(replace(line, amount=line.amount * least, gross=line.gross * least) for line in price.lines)
    return replace(
        price,
        lines=lines,
        net=price.net * least,
        tax=price.tax * least,
        total=price.total * least,
        by_night=tuple(part * least for part in price.by_night),
    )
