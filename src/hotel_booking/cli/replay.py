"""hotel-booking replay: simulate a file of real bookings, through the services or over HTTP."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import database_url as demo_database
from hotel_booking.core.setting import ConfigError

app = typer.Typer()


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Hotel Booking Demand data: a CSV file, or .gz.")],
    rooms: Annotated[
        int | None,
        typer.Option(min=1, max=30_000, help="Rooms in all; without it, as many as the file needs."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the file's first rows.")] = None,
    http: Annotated[
        str | None, typer.Option(metavar="URL", help="Play against a running server, over its API.")
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="HOTEL_API_KEY", help="For --http: a key with the scope all.", show_envvar=True),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the report as JSON.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Play in the demo's database in this folder.")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option("--database-url", help="Play in this database, which must be migrated.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Simulate a file of real bookings on a clock of its own, and report.

    Books, cancels, checks in and out in the order of time through the same services as the API, in a
    database of its own that is thrown away at the end. Ctrl-C stops after the day that runs and reports
    what was done. In a database or on a server that is named, it asks before it does, on a terminal.
    """
    from hotel_booking.replay.running import Options, run

    if sum(value is not None for value in (http, data_dir, database_url)) > 1:
        raise ConfigError(["use one of --http, --data-dir and --database-url"])
    where = http or (f"the database {_name_of(database_url)}" if database_url else "")
    if where:
        confirm(f"The bookings of {file.name} will stand in {where}, for good. Play them there?", yes=yes)
    with nullcontext(database_url) if data_dir is None else demo_database(data_dir) as url:
        code = run(
            Options(
                file=file, rooms=rooms, limit=limit, http=http, api_key=api_key, json=json, database_url=url
            )
        )
    if code:
        raise typer.Exit(code)


def _name_of(url: str) -> str:
    """The database, without the password that the URL may hold."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.path.lstrip('/')} at {parts.hostname or 'this machine'}"
