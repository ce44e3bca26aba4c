"""A release under trial on a terminal: one picture that changes; a line for each change where it is none."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hotel_booking.ops.canary.figures import Figure
from hotel_booking.ops.canary.watch import Look

_COLOURS = {"promoted": "green", "rolled back": "red", "time is over": "yellow"}
_UNITS = {"duration-p95": " ms"}


class Screen:
    """Shows looks; with `as_json` each as a line of JSON."""

    def __init__(self, namespace: str, seconds: float, *, as_json: bool) -> None:
        self._namespace, self._seconds, self._as_json = namespace, seconds, as_json
        self._console = Console(highlight=False)
        self._live: Live | None = None
        self._said = ""
        if not as_json and self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, look: Look) -> None:
        """One more."""
        if self._as_json:
            sys.stdout.write(msgspec.json.encode(look).decode() + "\n")
            sys.stdout.flush()
        elif self._live is not None:
            self._live.update(self._picture(look), refresh=True)
        else:
            self._line(look)

    def _line(self, look: Look) -> None:
        """Where something is another than in the line before."""
        figures = "  ".join(f"{figure.name} {_value(figure)}" for figure in look.figures)
        said = (
            f"{look.phase:<16} {look.weight:3.0f} of {look.planned:.0f} %  "
            f"failed looks {look.failed} of {look.threshold}  {figures}"
        ).rstrip()
        said += f"  ({look.note})" if look.note else ""
        if said != self._said or look.end is not None:
            print(f"{look.seconds:6.0f} s  {said}", flush=True)
        if look.end is not None:
            print(look.end, flush=True)
        self._said = said

    def _picture(self, look: Look) -> RenderableType:
        colour = _COLOURS.get(look.end or "", "cyan")
        title = Text.assemble(
            ("hotel-booking-canary", "bold"),
            f" in {self._namespace}, {look.seconds:.0f} of {self._seconds:.0f} s",
        )
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_row("phase", Text(look.end or look.phase, style=f"bold {colour}"), "")
        share = f"{look.weight:.0f} % of the requests, {look.planned:.0f} % at most"
        bar: Any = ProgressBar(total=max(look.planned, 1), completed=look.weight, width=24)
        table.add_row("share", bar, share)
        style = "red" if look.failed else ""
        table.add_row("failed looks", Text(f"{look.failed} of {look.threshold}", style=style), "")
        for figure in look.figures:
            mark = Text(
                ("✓ " if figure.well else "✗ ") + _value(figure), style="green" if figure.well else "red"
            )
            table.add_row(figure.name, mark, Text(_limits(figure), style="dim"))
        parts: list[RenderableType] = [title, table]
        if look.note:
            parts.append(Text(look.note, style=colour))
        return Group(*parts)


def _value(one: Figure) -> str:
    if one.value is None:
        return "no value"
    return f"{one.value:.0f}{_UNITS.get(one.name, ' %')}"


def _limits(one: Figure) -> str:
    unit = _UNITS.get(one.name, " %")
    return f"at least {one.least:g}{unit}" if one.least is not None else f"at most {one.most:g}{unit}"
