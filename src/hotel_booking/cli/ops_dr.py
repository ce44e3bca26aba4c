"""hotel-booking ops dr promote | restore, and ops dns: another server, or another region, takes over."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from hotel_booking.cli.ops_inputs import DryRun, told

app = typer.Typer(no_args_is_help=True, help="Another server, or another region, takes over.")


@app.command()
def promote(
    primary_is_stopped: Annotated[
        bool,
        typer.Option("--primary-is-stopped", help="The primary is stopped for good, whatever it looks like."),
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Make a replica of your own PostgreSQL the primary (HOTEL_STANDBY_URL, as a superuser), have its
    settings read again, its WAL switched and archived; then make a backup. On RDS: `ops dr restore`."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.asking import needed
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.promotion import promote as promoted

    url = needed(
        "HOTEL_STANDBY_URL",
        "the replica's address, as a superuser",
        example="postgresql://postgres:PASSWORD@HOST:5432/hotel_booking",
        environ=os.environ,
        argv=sys.argv,
        secret=True,
    )
    with operation("promote", target="replica", dry_run=dry_run, environ=os.environ, clock=utc_now) as act:
        if dry_run:
            print("The replica would be promoted, and settled.")
            return
        was_replica = promoted(url, primary_is_stopped=primary_is_stopped, say=print)
        act.tell(was_replica=was_replica)
    print("Next, at once: hotel-booking ops backup backup")
    told()
