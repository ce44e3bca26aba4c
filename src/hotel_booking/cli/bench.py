"""hotel-booking bench: how fast everything is, beside the limits of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def bench(
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="NAME",
            help="Only this part; may be given several times. All: see docs/BENCH.md.",
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Also write the figures as JSON.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One short round on small catalogues: does it run, not how fast.")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=100, help="Rounds of each figure; 5 by default.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, max=600, help="How long one round of a figure takes; 4 by default."),
    ] = None,
    properties: Annotated[
        list[int] | None,
        typer.Option(min=10, max=1_000_000, help="A catalogue's size; may be given several times."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same requests.")] = 1,
    data: Annotated[
        Path | None, typer.Option("--data", help="Hotel Booking Demand data for the part replay (H1.csv).")
    ] = None,
) -> None:
    """Measure every surface on a scratch database, on this machine alone, and print a table.

    Every figure is a share of a limit that was measured in the same run. Ctrl-C stops it, prints what was
    found until then, and leaves nothing behind.
    """
    from hotel_booking.bench.running import Options, run

    code = run(
        Options(
            parts=tuple(part or ()),
            json=json,
            quick=quick,
            rounds=rounds,
            seconds=seconds,
            sizes=tuple(properties or ()),
            seed=seed,
            data=data,
        )
    )
    if code:
        raise typer.Exit(code)
