"""hotel-booking audit-log verify | seal | export | drain"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.core.counting import count
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.setting import ConfigError
from hotel_booking.domains.audit import archive, chain, spooled
from hotel_booking.ops import spool
from hotel_booking.ops.backup.tar_backups import TarBackups
from hotel_booking.ops.refusals import Refused

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """The log of every change, chained by hashes."""


@app.command()
def verify(
    data_dir: DataDir = None,
    anchor: Annotated[
        str | None, typer.Option(help="POSITION:HASH of an earlier run, kept elsewhere: must still be there.")
    ] = None,
    with_archive: Annotated[
        bool, typer.Option("--archive", help="Read what is in files of the backups' store as well.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Follow the chain from its beginning and name the first broken link. Exit code 1 if there is one."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup.configured import tar_backups

    position, hashed = _anchor(anchor)
    with database_url(data_dir) as url:
        store = tar_backups("archive", os.environ, sys.argv, utc_now) if with_archive else None
        result = asyncio.run(_verify(url, position, hashed, store))
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(result)
    if result["problem"]:
        raise typer.Exit(1)


@app.command()
def seal(data_dir: DataDir = None) -> None:
    """Chain every entry that is not chained yet, as the worker does each minute."""
    with database_url(data_dir) as url:
        typer.echo(f"{asyncio.run(_seal(url))} entries were chained")


@app.command()
def export(
    last: Annotated[
        int, typer.Option(help="How many of the newest entries, at most.", min=1, max=1_000_000)
    ] = 100_000,
    data_dir: DataDir = None,
) -> None:
    """Print the newest entries as JSON, one on a line, with the hashes by which anybody can follow the chain.
    They say who did what, guests' data included. The first line says which link is before them."""
    with database_url(data_dir) as url:
        asyncio.run(_export(url, last))


@app.command()
def drain(data_dir: DataDir = None) -> None:
    """Store what operations noted on disk while the database was down (in HOTEL_SPOOL_DIR)."""
    with database_url(data_dir) as url:
        typer.echo(f"{count(asyncio.run(_drain(url)), 'act was', 'acts were')} stored")


def _anchor(text: str | None) -> tuple[int | None, str]:
    if text is None:
        return None, ""
    position, _, hashed = text.partition(":")
    if not position.isdecimal() or len(hashed) != 64:
        raise ConfigError(["--anchor is POSITION:HASH as an earlier run printed it"])
    return int(position), hashed.lower()


async def _verify(url: str, position: int | None, hashed: str, store: TarBackups | None) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    # A table of many millions takes its time to be looked through for entries without a link.
    async with Database.open(url, size=1, statement_timeout_ms=0) as db, db.transaction() as tx:
        archived, _ = await chain.begin(tx)
        checked, there = chain.ChainCheck(0 if store else archived, chain.START.hex()), None
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Following the chain", total=await chain.length(tx) or 1)
            if store:
                async for checked in _files(tx, store):
                    if checked.position == position:
                        there = checked.hash
                    progress.update(task, completed=checked.position)
            if checked.problem is None:
                async for checked in chain.follow(tx):
                    progress.update(task, completed=checked.position)
        problem = checked.problem
        if problem is None and position is not None:
            there = await chain.hash_at(tx, position) or there
            if there is None and position < archived:
                raise ConfigError([f"link {position} is in a file: add --archive"])
            if there != hashed:
                problem = f"link {position} is not the one of the anchor: the log was cut off or written anew"
        waiting = await chain.unsealed(tx)
        if problem is None and waiting.late and checked.position:
            problem = (
                f"{count(waiting.late, 'entry has', 'entries have')} no link although the sealing job had its"
                f" time (the first is {waiting.oldest}): they were slipped in, links were removed,"
                " or no worker runs"
            )
    return {
        "links": checked.position,
        "archived": archived,
        "read": bool(store),
        "head": f"{checked.position}:{checked.hash}" if checked.position else None,
        "waiting": waiting.number,
        "problem": problem,
    }


async def _files(tx: Transaction, store: TarBackups) -> AsyncIterator[chain.ChainCheck]:
    """Follow the chain through the files."""
    at = chain.ChainCheck(0, chain.START.hex())
    for file, sha256 in await archive.archived(tx):
        try:
            content = await asyncio.to_thread(store.get, file)
        except Refused as refusal:
            yield chain.ChainCheck(at.position, at.hash, f"after link {at.position}: {refusal.detail}")
            return
        if hashlib.sha256(content).digest() != sha256:
            yield chain.ChainCheck(at.position, at.hash, f"{file} is not the file that was written")
            return
        for checked in archive.follow(content, at):
            yield checked
            if checked.problem:
                return
            at = checked


def _tell(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    if result["problem"]:
        console.print(f"[red]✗ {escape(result['problem'])}[/]")
        console.print(
            f"  {count(result['links'], 'link')} before it {'is' if result['links'] == 1 else 'are'} good"
        )
        return
    console.print(
        f"[green]✓[/] {count(result['links'], 'link is', 'links are')} good;"
        f" {count(result['waiting'], 'entry waits', 'entries wait')} for theirs"
    )
    if result["archived"] and not result["read"]:
        console.print(
            f"  the first {result['archived']} are in files, and were not read:"
            " hotel-booking audit-log verify --archive"
        )
    if result["head"]:
        console.print(f"  [dim]keep elsewhere, for --anchor:[/] {result['head']}")


async def _export(url: str, last: int) -> None:
    import msgspec

    async with Database.open(url, size=1, statement_timeout_ms=0) as db, db.transaction() as tx:
        end = await chain.length(tx)
        after = max((await chain.begin(tx))[0], end - last)
        before = await chain.hash_at(tx, after) if after else None
        try:
            typer.echo(json.dumps({"after": after, "hash": before or chain.START.hex()}))
            async for link in chain.export(tx, after=after):
                typer.echo(msgspec.json.encode(link))
        except BrokenPipeError:
            # Who reads it (`| head`) has what they wanted; the transaction would take it for its own end.
            raise typer.Exit from None


async def _seal(url: str) -> int:
    async with Database.open(url, size=1, statement_timeout_ms=0) as db:
        return await chain.seal(db)


async def _drain(url: str) -> int:
    async with Database.open(url, size=1) as db:
        return await spooled.drain(db, spool.folder(os.environ))
