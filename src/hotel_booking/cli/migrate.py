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
    from hotel_booking.migrations import places

    with database_url(data_dir) as url:
        steps = migrations.pending(url) if check else migrations.upgrade(url)
        if not check and asyncio.run(places.renew(url)):
            steps = [*steps, "places of the world"]
    for step in steps:
        print(f"{'pending' if check else 'done'}: {step}")
    if not steps:
        print(f"nothing to do: the schema is at {migrations.head()}")
    if check and steps:
        raise typer.Exit(1)
