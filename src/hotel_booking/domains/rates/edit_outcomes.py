"""What comes of an edit of rates: what was saved, what undoing would do, and why nothing was saved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hotel_booking.core.errors import Conflict
from hotel_booking.domains.rates.changes import CellKey, Change, Effect, InvalidEdit, Value
from hotel_booking.domains.rates.edit_queries import Edit, Editor


class Cell(NamedTuple):
    """A cell that an editor set: the value it was loaded with, and the new one."""

    key: CellKey
    was: Value
    to: Value


class Saved(NamedTuple):
    """Cells that were saved: the edit that was kept, and what it did."""

    edit: Edit
    effect: Effect


class Clash(msgspec.Struct, frozen=True):
    """A cell that somebody else set meanwhile: what it was loaded with, what stands there, what is wanted."""

    key: CellKey
    was: Value
    theirs: Value
    mine: Value
    editor: Editor | None


class CellsChanged(Conflict):
    """Someone changed some of the cells since they were loaded. Nothing was saved."""

    code = "rates_changed"

    def __init__(self, clashes: Sequence[Clash]) -> None:
        super().__init__(
            f"{len(clashes)} of the values were changed by someone else since this page was loaded",
            fix="choose for each whether to keep yours or theirs",
        )
        self.clashes = clashes


class PreviewChanged(Conflict):
    """What the edit would do is no longer what its preview said. Nothing was saved."""

    code = "preview_changed"

    def __init__(self, effect: Effect) -> None:
        super().__init__(
            "rates were changed since this preview was made", fix="check the new preview and apply it again"
        )
        self.effect = effect


class FreeOfCharge(InvalidEdit):
    """Prices would be nothing, and nobody has said that they shall be. Nothing was saved."""

    code = "free_of_charge"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"{number:,} {'price' if number == 1 else 'prices'} would be 0,"
            " so guests could book free of charge",
            field="free",
            fix="confirm it, or change the price",
        )


class Undoing(msgspec.Struct, frozen=True):
    """What undoing an edit would do: the values that come back, and cells that stay because somebody changed
    them since (`mine` is what would have come back)."""

    edit: Edit
    changes: tuple[Change, ...]
    effect: Effect
    kept: tuple[Clash, ...]

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
