"""hotel-booking migrate"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hotel_booking.cli.database import DataDir, database_url

app = typer.Typer()


@app.command()
def migrate(
    data_dir: DataDir = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would be done; exit 1 if anything.")
    ] = False,
) -> None:
    """Bring the database to this release. Running it again, or twice at once, is safe."""
    from hotel_booking import migrations

    with database_url(data_dir) as url:
        steps = migrations.pending(url) if check else migrations.upgrade(url)
        if not check and asyncio.run(_places(url)):
            steps = [*steps, "places of the world"]
    for step in steps:
        print(f"{'pending' if check else 'done'}: {step}")
    if not steps:
        print(f"nothing to do: the schema is at {migrations.head()}")
    if check and steps:
        raise typer.Exit(1)


async def _places(url: str) -> bool:
    """Load the places that guests search by, where another edition is there or none; whether it did."""
    from hotel_booking.core.db import Database
    from hotel_booking.domains.properties.place_data import load_places, places_are_loaded, read_places

    async with Database.open(url, size=1, statement_timeout_ms=0) as database:
        async with database.transaction() as tx:
            if await places_are_loaded(tx):
                return False
        data = read_places()
        async with database.transaction() as tx:
            await load_places(tx, data)
    return True
