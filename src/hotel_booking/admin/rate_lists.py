"""Lists of changes to rates, in words: previews, what an edit did, what undoing it leaves alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from hotel_booking.admin.rate_words import LABELS, shown, span, unfit_lines
from hotel_booking.core.money import divide
from hotel_booking.domains.rates.changes import OF_THE_TYPE, Change, Run, UnfitNight, whole
from hotel_booking.domains.rates.edit_errors import Clash
from hotel_booking.domains.rates.queries import Catalogue


class Line(NamedTuple):
    """Nights after each other that change alike."""

    where: str
    what: str
    nights: str
    number: int
    before: str
    after: str


class Total(NamedTuple):
    """How much of a column changes, and for prices how they go on average."""

    what: str
    number: int
    note: str


class Left(NamedTuple):
    """A cell that undoing leaves alone: what stands there, by whom, and what would have come back."""

    where: str
    what: str
    night: date
    theirs: str
    would_be: str
    who: str
    at: datetime | None


def nobody_arrives(nights: Iterable[UnfitNight], catalogue: Catalogue) -> list[str]:
    """Where nobody could arrive, in words: a line for each plan of a room type."""
    kinds = {row.id: row.name for row in catalogue.room_types.values()}
    plans = {row.id: row.name for row in catalogue.plans.values()}
    return unfit_lines(
        (f"{kinds[unfit.room_type_id]} on {plans[unfit.plan_id]}", unfit.night, unfit.why) for unfit in nights
    )


def left_alone(clash: Clash, catalogue: Catalogue) -> Left:
    """A cell of an undoing that stays, in words."""
    column, currency = clash.key.column, catalogue.property.currency
    return Left(
        _where(catalogue, clash.key.room_type_id, clash.key.plan_id),
        LABELS[column],
        clash.key.night,
        shown(column, clash.theirs, currency),
        shown(column, clash.mine, currency),
        clash.editor.name if clash.editor else "",
        clash.editor.at if clash.editor else None,
    )


def lines(changes: Iterable[Run], catalogue: Catalogue) -> list[Line]:
    """Runs of changes in words."""
    currency = catalogue.property.currency
    return [
        Line(
            _where(catalogue, run.room_type_id, run.plan_id),
            LABELS[run.column],
            span(run.first, run.first + timedelta(days=run.nights - 1)),
            run.nights,
            shown(run.column, run.before, currency),
            shown(run.column, run.after, currency),
        )
        for run in changes
    ]


def totals(changes: Iterable[Change], currency: str) -> list[Total]:
    """How much changes, column by column."""
    by: dict[str, list[Change]] = {}
    for change in changes:
        by.setdefault(change.key.column, []).append(change)
    return [
        Total(LABELS[column], len(by[column]), _average(by, column, currency))
        for column in LABELS
        if column in by
    ]


def _average(by: Mapping[str, Sequence[Change]], column: str, currency: str) -> str:
    if column != "price":
        return ""
    before = [n for change in by[column] if (n := whole(change.before)) is not None]
    after = [n for change in by[column] if (n := whole(change.after)) is not None]
    if not before or not after:
        return ""
    ends = (shown("price", divide(sum(amounts), len(amounts)), currency) for amounts in (before, after))
    return f"on average {' to '.join(ends)}"


def _where(catalogue: Catalogue, room_type_id: int, plan_id: int) -> str:
    kind = next((row.code for row in catalogue.room_types.values() if row.id == room_type_id), "a room type")
    if plan_id == OF_THE_TYPE:
        return f"{kind}, all plans"
    return f"{kind} on {next((row.code for row in catalogue.plans.values() if row.id == plan_id), 'a plan')}"
