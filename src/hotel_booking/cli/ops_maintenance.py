"""hotel-booking ops maintenance on|off|show: the platform closed to guests, and opened again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.ops_inputs import DryRun, report_to_audit_log
from hotel_booking.core.counting import count

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Close the platform to guests, and open it again.")

# What every web process takes to learn of it, and a request that it had taken before (http/closure.py).
_NOTICED = 2.5  # seconds


@app.command()
def on(
    minutes: Annotated[
        int,
        typer.Option(help="When it is expected to open again; called again, from now on.", min=1, max=1440),
    ] = 60,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Close the site and the API: whoever asks gets 503, says when to come back, and a friendly page. Staff,
    payment gateways, health and the status page go on. Rooms that are held stay held. It is shown on the
    status page as maintenance that began now, and stays until `off`."""
    from datetime import timedelta

    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.operation import operation

    with operation(
        "maintenance", target="on", alone="site", dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        if dry_run:
            print(f"The site and the API would be closed for some {count(minutes, 'minute')}.")
            return
        until = utc_now() + timedelta(minutes=minutes)

        def is_closed() -> None:
            act.happened(
                "the site and the API are closed already; not all rooms that are held wait yet",
                "Run it again, and they do. Or open:",
                "  hotel-booking ops maintenance off",
            )

        closed, held = acting(data_dir, lambda run: close(run, until=until, once_closed=is_closed))
        act.tell(until=until.isoformat(), holds=held)
    print(_told(closed))
    print(
        f"{count(held, 'more hold waits', 'more holds wait')} until then."
        if held
        else "No more holds have to wait."
    )
    print("Next: hotel-booking ops maintenance off")
    report_to_audit_log(data_dir)


@app.command()
def off(dry_run: DryRun = False, data_dir: DataDir = None) -> None:
    """Open the site and the API again. Rooms that were held when it was closed are held for as long as they
    were then."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.operation import operation

    with operation(
        "maintenance", target="off", alone="site", dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        if dry_run:
            print("The site and the API would be opened.")
            return
        was, held = acting(data_dir, reopen)
        act.tell(was_closed=was is not None, holds=held)
    if was is None:
        print("It was open.")
    else:
        on = count(held, "hold goes on", "holds go on")
        print(f"Open again; it was closed since {was.closed_at:%Y-%m-%d %H:%M:%S} UTC. {on}.")
    report_to_audit_log(data_dir)


@app.command()
def show(data_dir: DataDir = None) -> None:
    """Whether the platform is closed; exit code 3 where it is."""
    from hotel_booking.domains.incidents import closure

    found = acting(data_dir, lambda run: run(closure.current))
    if found is None:
        print("Open.")
        return
    print(_told(found))
    raise typer.Exit(3)


def _told(closed: Any) -> str:
    since, until = (f"{at:%Y-%m-%d %H:%M}" for at in (closed.closed_at, closed.until))
    return f"Closed since {since} UTC, expected to open at {until} UTC."


Run = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]


async def close(
    run: Run, *, until: datetime, by_gateway: bool = False, once_closed: Callable[[], None] = lambda: None
) -> tuple[Any, int]:
    """Close it, and have holds wait; how many more do. `once_closed` is called between."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.domains.bookings import service
    from hotel_booking.domains.incidents import closure

    closed = await run(lambda tx: closure.close(tx, until=until, now=utc_now(), by_gateway=by_gateway))
    once_closed()
    await asyncio.sleep(_NOTICED)  # holds that are being made meanwhile count too
    return closed, await run(lambda tx: service.put_off(tx, closed_at=closed.closed_at))


async def reopen(run: Run, *, by_gateway: bool = False) -> tuple[Any, int]:
    """Open it, and have holds go on: how it was closed (None: it was not), and how many go on. `by_gateway`:
    only where it was closed so."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.domains.bookings import recovery, service
    from hotel_booking.domains.incidents import closure
    from hotel_booking.ops.refusals import Refused

    async def both(tx: Any) -> tuple[Any, int]:
        now = utc_now()
        found = await closure.current(tx, lock=True)
        if by_gateway and (found is None or not found.by_gateway):
            return None, 0
        if point := await recovery.open_restore_point(tx):
            raise Refused(
                f"it is closed because the database was restored from {point.backup}",
                "Read whom that touches, and open it:",
                "  hotel-booking recovery report",
                "  hotel-booking recovery open",
            )
        was = await closure.reopen(tx, now=now)
        return was, await service.take_up(tx, closed_at=was.closed_at, now=now) if was else 0

    return await run(both)  # type: ignore[no-any-return]  # what `both` gives


def acting(data_dir: Any, work: Callable[[Run], Awaitable[T]]) -> T:
    """Work on the database that the command is about."""
    with database_url(data_dir) as url:
        return asyncio.run(on_database(url, work))


async def on_database(url: str, work: Callable[[Run], Awaitable[T]]) -> T:
    """Work on the database, each `run` of it in a transaction of its own."""
    from hotel_booking.core.db import Database, Origin

    async with Database.open(url, size=1) as db:
        as_us = db.acting(Origin("command", name="hotel-booking ops maintenance"))

        async def run(step: Callable[[Any], Awaitable[Any]]) -> Any:
            async with as_us.transaction() as tx:
                return await step(tx)

        return await work(run)
