"""Edits that are not carried out because somebody was faster, or must say first that they are meant."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotel_booking.core.errors import Conflict
from hotel_booking.domains.rates.changes import CellKey, Effect, InvalidEdit, Value
from hotel_booking.domains.rates.edit_queries import Editor


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
