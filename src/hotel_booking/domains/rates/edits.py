"""Editing rates and availability by hand: cells, bulk edits with a preview, and undoing them.

Everything is written through `update_ari`, so a price is checked and noted in one way whoever sets it. An
editor never overwrites what they have not seen: cells carry the value they were loaded with, a bulk edit the
fingerprint of its preview, and undoing leaves alone what somebody changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.rates import edit_queries, service
from hotel_booking.domains.rates.ari import MAX_LINES, AriUpdate
from hotel_booking.domains.rates.changes import (
    LIMITS,
    OF_THE_TYPE,
    BulkEdit,
    CellKey,
    Change,
    Effect,
    InvalidEdit,
    Rows,
    Value,
    check_value,
    effect_of,
    lines,
    runs,
    seen_as,
    targets,
    unrolled,
    value_at,
    work_out,
)
from hotel_booking.domains.rates.contradictions import (
    ContradictoryStay,
    check_lengths,
    foretell,
    may_contradict,
)
from hotel_booking.domains.rates.copying import Source
from hotel_booking.domains.rates.edit_errors import CellsChanged, Clash, FreeOfCharge, PreviewChanged
from hotel_booking.domains.rates.edit_queries import Edit, NoArrival
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.rates.service import AriResult

MAX_CELLS = 20_000
_TOLD = 50  # nights without an arrival, in the answer to a program
_BEGINNINGS = (*LIMITS, "closed", "closed_to_arrival")


class Cell(NamedTuple):
    """A cell that an editor set: the value it was loaded with, and the new one."""

    key: CellKey
    was: Value
    to: Value


class Saved(NamedTuple):
    """Cells that were saved: the edit that was kept, and what it did."""

    edit: Edit
    effect: Effect


class Undoing(msgspec.Struct, frozen=True):
    """What undoing an edit would do: the values that come back, and cells that stay because somebody changed
    them since (`mine` is what would have come back). `over` are cells of nights that are over: they stay as
    they are, too."""

    edit: Edit
    changes: tuple[Change, ...]
    effect: Effect
    kept: tuple[Clash, ...]
    over: int

    @property
    def fingerprint(self) -> str:
        """Says whether undoing still does what was shown."""
        left = msgspec.json.encode([(clash.key, clash.theirs) for clash in self.kept])
        return hashlib.sha256(self.effect.fingerprint.encode() + left).hexdigest()[:32]


class UndoChanged(Conflict):
    """What undoing would do is not what was shown, or was not shown yet. Nothing was saved."""

    code = "undo_changed"

    def __init__(self, undoing: Undoing) -> None:
        super().__init__("values were changed since the edit was made", fix="check which, and confirm")
        self.undoing = undoing


async def save_cells(
    tx: Transaction,
    *,
    catalogue: Catalogue,
    cells: Sequence[Cell],
    by: Caller,
    now: datetime,
    free: bool = False,
) -> Saved:
    """Set cells one by one, all or nothing; `free` says that a price of nothing is meant. Raises as
    `update_ari`, `InvalidEdit` (`ContradictoryStay` and `FreeOfCharge` are such), and `CellsChanged`."""
    today = _today(catalogue, now)
    wanted = {cell.key: cell for cell in cells if cell.was != cell.to}
    if not wanted:
        raise InvalidEdit("there is nothing to change", fix="set at least one value")
    if len(wanted) > MAX_CELLS:
        raise InvalidEdit(
            f"at most {MAX_CELLS:,} values can be saved at once", fix="save in parts, or edit in bulk"
        )
    _check_own(wanted, catalogue)
    for cell in wanted.values():
        if cell.key.night < today:
            raise InvalidEdit("nights in the past can't be changed", fix=f"start on {today} or later")
        check_value(cell.key, cell.to, catalogue)
    rows = await _locked(tx, list(wanted))
    changed = [cell for cell in wanted.values() if value_at(rows, cell.key) not in (cell.was, cell.to)]
    if changed:
        raise CellsChanged(await _clashes(tx, catalogue, rows, changed))
    effect = effect_of(
        (
            Change(cell.key, before, cell.to)
            for cell in wanted.values()
            if (before := value_at(rows, cell.key)) != cell.to
        ),
        rows,
    )
    check_lengths(effect.changes, rows)
    if effect.free and not free:
        raise FreeOfCharge(effect.free)
    number = seen_as(change.key for change in effect.changes)
    what = "1 value set by hand" if number == 1 else f"{number:,} values set by hand"
    effect = await _foretold(tx, catalogue, effect)
    return Saved(await _write(tx, catalogue, effect, by, now, kind="cells", what=what), effect)


async def update_by_program(
    tx: Transaction, *, catalogue: Catalogue, updates: Sequence[AriUpdate], by: Caller, now: datetime
) -> tuple[AriResult, list[NoArrival]]:
    """`update_ari` but for nights that are over, and a note of who sent it, for those whose cells it changes
    under their hands; also some of the nights of its lines about stays on which no stay can begin now. Two
    calls may set a minimum and a maximum one after the other, so that is said and not refused."""
    result = await service.update_ari(tx, catalogue=catalogue, updates=updates, now=now, past=False)
    today = _today(catalogue, now)
    updates = [line for line in updates if line.last >= today]
    if not updates:
        return result, []
    await edit_queries.record(
        tx,
        property_id=catalogue.property.id,
        kind="program",
        made_at=now,
        staff_id=None,
        made_by=f"{by.name} (API key)" if by.name else "a program",
        what="1 line by the API" if len(updates) == 1 else f"{len(updates):,} lines by the API",
        room_type_ids=[catalogue.room_types[line.room_type].id for line in updates],
        first=max(min(line.first for line in updates), today),
        last=max(line.last for line in updates),
        cells=result.room_nights + result.rate_nights,
        changes=None,
    )
    ranges = [
        (catalogue.room_types[line.room_type].id, plan, max(line.first, today), line.last)
        for line in updates
        for plan in (None if line.rate_plan is None else catalogue.plans[line.rate_plan].id,)
        if any(getattr(line, column) is not UNSET for column in _BEGINNINGS)
    ]
    return result, await edit_queries.no_arrivals(tx, catalogue.property.id, ranges, limit=_TOLD)


async def preview(
    tx: Transaction,
    *,
    catalogue: Catalogue,
    edit: BulkEdit,
    now: datetime,
    other: Catalogue | None = None,
) -> Effect:
    """What the edit would change if it were applied now; `other` is the hotel that it copies from, where that
    is another. Raises `InvalidEdit`."""
    types, plans = targets(edit, catalogue, _today(catalogue, now))
    rows = await edit_queries.current_rows(tx, types, plans, edit.first, edit.last)
    source = await edit_queries.source_of(tx, catalogue, edit, other or catalogue)
    return await _foretold(tx, catalogue, _worked_out(edit, types, plans, rows, source))


async def apply(
    tx: Transaction,
    *,
    catalogue: Catalogue,
    edit: BulkEdit,
    seen: str,
    what: str,
    by: Caller,
    now: datetime,
    free: bool = False,
    other: Catalogue | None = None,
) -> Edit:
    """Carry out a bulk edit of which `seen` is the fingerprint of the preview; `what` says it in words,
    `free` that prices of nothing are meant. Raises `PreviewChanged` where it would do anything else by now,
    and `InvalidEdit`."""
    types, plans = targets(edit, catalogue, _today(catalogue, now))
    await edit_queries.lock_types(tx, types)
    rows = await edit_queries.current_rows(tx, types, plans, edit.first, edit.last)
    source = await edit_queries.source_of(tx, catalogue, edit, other or catalogue)
    effect = await _foretold(tx, catalogue, _worked_out(edit, types, plans, rows, source))
    if effect.fingerprint != seen:
        raise PreviewChanged(effect)
    if effect.free and not free:
        raise FreeOfCharge(effect.free)
    if not effect.changes:
        raise InvalidEdit("everything is already as requested", fix="change the edit")
    return await _write(tx, catalogue, effect, by, now, kind="bulk", what=what)


def _today(catalogue: Catalogue, now: datetime) -> date:
    return business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)


def _worked_out(
    edit: BulkEdit, types: Sequence[int], plans: Sequence[int], rows: Rows, source: Source | None
) -> Effect:
    effect = work_out(edit, types, plans, rows, source)
    try:
        check_lengths(effect.changes, rows)
    except ContradictoryStay as error:
        named = (column for column in LIMITS if edit.restrictions.get(column) is not None)
        error.field = next(named, "copy_from")
        raise
    return effect


async def _foretold(tx: Transaction, catalogue: Catalogue, effect: Effect) -> Effect:
    """The effect with the nights on which it would leave nobody able to arrive. Every plan of the room types
    is read, as a room type's rule and a parent's hold for others than the edit names."""
    if not may_contradict(effect):
        return effect
    nights = [change.key.night for change in effect.changes]
    plans = list(catalogue.plans.values())
    rows = await edit_queries.current_rows(
        tx,
        [change.key.room_type_id for change in effect.changes],
        [number for row in plans for number in (row.id, row.price_plan_id)],
        min(nights),
        max(nights),
    )
    return foretell(effect, rows, catalogue.room_types.values(), plans)


async def preview_undo(tx: Transaction, *, catalogue: Catalogue, edit_id: int, now: datetime) -> Undoing:
    """What undoing an edit would do now. Nights that are over stay as they are."""
    edit = await edit_queries.load_edit(tx, catalogue.property.id, edit_id)
    return await _undoing(tx, catalogue, edit, now, lock=False)


async def undo(
    tx: Transaction, *, catalogue: Catalogue, edit_id: int, seen: str, by: Caller, now: datetime
) -> Edit:
    """Bring back the values from before an edit, but for those that somebody changed since. Raises
    `UndoChanged` where `seen` is not the fingerprint of exactly this."""
    edit = await edit_queries.load_edit(tx, catalogue.property.id, edit_id)
    undoing = await _undoing(tx, catalogue, edit, now, lock=True)
    # Read again under the lock: two who undo the same edit do it once.
    if (await edit_queries.load_edit(tx, catalogue.property.id, edit_id)).undone_by is not None:
        raise InvalidEdit("this change has already been undone", fix="undo the undo to restore it")
    if undoing.fingerprint != seen:
        raise UndoChanged(undoing)
    if not undoing.changes:
        raise InvalidEdit("there is nothing left to restore: all of it was changed since, or is over")
    what = f"Undone: {edit.what}"[:500]
    return await _write(tx, catalogue, undoing.effect, by, now, kind="undo", what=what, undoes=edit.id)


async def _undoing(
    tx: Transaction, catalogue: Catalogue, edit: Edit, now: datetime, *, lock: bool
) -> Undoing:
    if edit.kind == "program":
        raise InvalidEdit("changes made through the API can't be undone here", fix="set the values by hand")
    today = _today(catalogue, now)
    all_done = unrolled(await edit_queries.runs_of(tx, edit.id))
    done = [one for one in all_done if one.key.night >= today]
    keys = [change.key for change in done]
    rows = await (_locked(tx, keys) if lock else _rows(tx, keys))
    back: list[Change] = []
    kept: list[Cell] = []
    for key, before, after in done:
        stands = value_at(rows, key)
        if stands == after:
            back.append(Change(key, after, before))
        elif stands != before:
            kept.append(Cell(key, after, before))
    effect = await _foretold(tx, catalogue, effect_of(back, rows))
    clashes = tuple(await _clashes(tx, catalogue, rows, kept))
    return Undoing(edit, tuple(back), effect, clashes, len(all_done) - len(done))


def _check_own(wanted: dict[CellKey, Cell], catalogue: Catalogue) -> None:
    """Refuse cells of other properties' room types and plans, as if they did not exist."""
    types = {row.id for row in catalogue.room_types.values()}
    plans = {row.id for row in catalogue.plans.values()} | {OF_THE_TYPE}
    if not all(key.room_type_id in types and key.plan_id in plans for key in wanted):
        raise InvalidEdit("there is no such room type or rate plan here")


async def _rows(tx: Transaction, keys: Sequence[CellKey]) -> Rows:
    if not keys:
        return {}
    return await edit_queries.current_rows(
        tx,
        [key.room_type_id for key in keys],
        [key.plan_id for key in keys],
        min(key.night for key in keys),
        max(key.night for key in keys),
    )


async def _locked(tx: Transaction, keys: Sequence[CellKey]) -> Rows:
    await edit_queries.lock_types(tx, [key.room_type_id for key in keys])
    return await _rows(tx, keys)


async def _clashes(tx: Transaction, catalogue: Catalogue, rows: Rows, cells: Sequence[Cell]) -> list[Clash]:
    ordered = sorted(cells, key=lambda cell: cell.key)
    by = await edit_queries.last_editors(tx, catalogue.property.id, [cell.key for cell in ordered])
    return [Clash(key, was, value_at(rows, key), to, by.get(key)) for key, was, to in ordered]


async def _write(
    tx: Transaction,
    catalogue: Catalogue,
    effect: Effect,
    by: Caller,
    now: datetime,
    *,
    kind: str,
    what: str,
    undoes: int | None = None,
) -> Edit:
    """Write the changes and keep them. The room types are locked, so the parts cannot meet anybody."""
    if not effect.changes:
        raise InvalidEdit("everything is already as requested")
    updates = lines(effect.changes, catalogue)
    for begin in range(0, len(updates), MAX_LINES):
        part = updates[begin : begin + MAX_LINES]
        await service.update_ari(tx, catalogue=catalogue, updates=part, now=now, lengths_checked=True)
    nights = [change.key.night for change in effect.changes]
    edit_id = await edit_queries.record(
        tx,
        property_id=catalogue.property.id,
        kind=kind,
        made_at=now,
        staff_id=by.staff_id,
        made_by=by.name or "somebody",
        what=what,
        room_type_ids=[change.key.room_type_id for change in effect.changes],
        first=min(nights),
        last=max(nights),
        cells=len(effect.changes),
        changes=runs(effect.changes),
        undoes=undoes,
    )
    return await edit_queries.load_edit(tx, catalogue.property.id, edit_id)
