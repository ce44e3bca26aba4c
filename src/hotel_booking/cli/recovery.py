"""hotel-booking recovery check | begin | report | open"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.ops_inputs import report_to_audit_log
from hotel_booking.core.counting import count

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """After a restore: checked, closed for sale, matched with the gateways, opened again."""


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Is a restored database as it must be: rows, newest heartbeat, invariants, ledger sums, audit chain.
    Exit code 1 where it is not. Reads, and changes nothing."""
    import msgspec

    from hotel_booking import migrations

    with database_url(data_dir) as url:
        schema = migrations.current(url)
        rows, newest, problems = asyncio.run(_check(url))
    if as_json:
        told_of = {"schema": schema or "", "newest": newest, "rows": rows, "problems": problems}
        print(msgspec.json.encode(told_of).decode())
    else:
        print(f"schema {schema}; newest moment: {newest:%Y-%m-%d %H:%M:%S} UTC" if newest else "empty")
        for table, count in rows.items():
            print(f"{count:>12,}  {table}")
        for problem in problems:
            print(f"✗ {problem}")
        if not problems:
            print("✓ invariants, ledger and audit chain are as they must be")
    if problems:
        raise typer.Exit(1)


async def _check(url: str) -> tuple[dict[str, int], Any, list[str]]:
    from hotel_booking.core.db import Database
    from hotel_booking.domains.audit import chain
    from hotel_booking.domains.bookings import recovery
    from hotel_booking.domains.bookings.invariants import check as invariants

    async with Database.open(url, size=2, statement_timeout_ms=0) as db:
        problems = [
            f"{found.invariant}: {found.subject}: expected {found.expected}, found {found.found}"
            async for found in invariants(db, prices=False)
        ]
        async with db.reading() as tx:
            rows = await recovery.counted(tx)
            newest = await recovery.newest(tx)
            problems += await recovery.uneven(tx)
            problems += [
                f"audit chain: {checked.problem}" async for checked in chain.follow(tx) if checked.problem
            ]
    return rows, newest, problems


@app.command()
def begin(
    backup: Annotated[str, typer.Option(help="The backup that it was restored from.")],
    old_url: Annotated[
        str, typer.Option(help="The database before, where it can be read: who is lost is named.")
    ] = "",
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Close a restored database for sale before anything works on it, and have no mail and nothing else sent
    again that may have been sent. The worker then matches it with the gateways. On a terminal it says which
    database it is, and asks."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.domains.bookings import recovery

    _ask_whether_restored(data_dir, yes=yes)

    async def do(run: Run) -> tuple[Any, list[Any]]:
        begun = await run(lambda tx: recovery.begin(tx, backup=backup, now=utc_now()))
        print(
            f"Closed for sale. The database is as of {begun.point.until:%Y-%m-%d %H:%M:%S} UTC.", flush=True
        )
        lost = await _lost(old_url, begun.point.until) if old_url else []
        for loss in lost:

            async def note(tx: Any, loss: Any = loss) -> None:
                await recovery.note(tx, begun.point, loss, now=utc_now())

            await run(note)
        return begun, lost

    begun, lost = _run(data_dir, do)
    mails, others = count(begun.mails, "mail"), count(begun.others, "notice")
    print(f"Not told again: {mails}, {others} to programs and people.")
    if lost:
        were = count(len(lost), "booking was", "bookings were")
        print(f"{were} made or changed after that: the report names who.")
    print("Next: start the worker, then hotel-booking recovery report")


def _ask_whether_restored(data_dir: Any, *, yes: bool) -> None:
    """Of the database that serves it would close the doors: who is at it, and how far it goes, tell which."""
    from hotel_booking.domains.bookings import recovery

    async def look(run: Run) -> tuple[str, int, Any]:
        name, others = await run(_who_is_here)
        return name, others, await run(recovery.newest)

    name, others, newest = _run(data_dir, look)
    until = f"goes to {newest:%Y-%m-%d %H:%M:%S} UTC" if newest else "is empty"
    using = f", and {count(others, 'other session uses', 'other sessions use')} it" if others else ""
    confirm(f"The database {name} {until}{using}. Close it for sale?", yes=yes)


async def _who_is_here(tx: Any) -> tuple[str, int]:
    row = await tx.fetchrow(
        "SELECT current_database() AS name, count(*) FILTER (WHERE pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND datname = current_database()) AS others"
        " FROM pg_stat_activity"
    )
    return str(row["name"]), int(row["others"])


async def _lost(url: str, until: Any) -> list[Any]:
    from hotel_booking.core.db import Database
    from hotel_booking.domains.bookings import recovery

    async with Database.open(url, size=1) as db, db.reading() as tx:
        return await recovery.lost_bookings(tx, until=until)


@app.command()
def report(data_dir: DataDir = None) -> None:
    """Everybody whom the loss touches, with what became of it. Exit code 3 while it is not matched yet."""
    from hotel_booking.core.formats import english
    from hotel_booking.domains.bookings import recovery

    point, affected = _run(data_dir, lambda run: run(recovery.report))
    if point is None:
        print("This database was never restored.")
        return
    lost = (point.restored_at - point.until).total_seconds()
    print(
        f"Restored from {point.backup}; as of {point.until:%Y-%m-%d %H:%M:%S} UTC, {lost:,.0f} s were lost."
    )
    for guest in affected:
        money = "" if guest.amount is None else english(guest.amount, guest.currency or "")
        who = " ".join(filter(None, (guest.reference, guest.guest, money)))
        print(f"  {guest.kind}: {who or guest.subject}: {guest.became}")
    print(f"{len(affected)} affected." if affected else "Nobody is known to be affected.")
    if point.matched_at is None:
        print("Not matched with the gateways yet: let a worker run.")
        raise typer.Exit(3)


@app.command(name="open")
def open_again(
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Also where the gateways' books have not been compared.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Sell again after a restore."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.domains.bookings import recovery
    from hotel_booking.ops.operation import operation

    with operation("recovery", target="open", dry_run=False, environ=os.environ, clock=utc_now) as act:
        point = _run(
            data_dir,
            lambda run: run(lambda tx: recovery.open_again(tx, now=utc_now(), unmatched=unmatched)),
        )
        act.tell(backup=point.backup if point else None)
    print("Open for sale." if point else "It was not closed after a restore.")
    report_to_audit_log(data_dir)


Run = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]


def _run(data_dir: Any, work: Callable[[Run], Awaitable[T]]) -> T:
    """Work on the database, each `run` of it in a transaction of its own."""
    from hotel_booking.core.db import Database, Origin

    async def all_of_it(url: str) -> T:
        async with Database.open(url, size=1) as db:
            acting = db.acting(Origin("command", name="hotel-booking recovery"))

            async def run(step: Callable[[Any], Awaitable[Any]]) -> Any:
                async with acting.transaction() as tx:
                    return await step(tx)

            return await work(run)

    with database_url(data_dir) as url:
        return asyncio.run(all_of_it(url))
