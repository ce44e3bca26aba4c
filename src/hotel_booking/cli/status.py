"""hotel-booking status"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """What customers are told of the platform."""


@app.command()
def probe(
    once: Annotated[bool, typer.Option(help="Look once, print what was found, and end.")] = False,
) -> None:
    """Look at every part of the platform from outside, by HOTEL_PUBLIC_URL, until stopped. Needs neither the
    application nor the database to run: what it finds waits in HOTEL_SPOOL_DIR until it can be told."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.logging import configure
    from hotel_booking.ops import prober

    settings = read_settings(os.environ)
    configure(settings.log_level, human=settings.environment == "demo")
    folder = Path(settings.spool_dir) / "status"
    tell = _tells(settings.database_url)
    if once:
        for one in asyncio.run(prober.once(settings.public_url, folder=folder, tell=tell, now=utc_now())):
            print(f"{one.component:14} {one.outcome:5} {one.milliseconds:6} ms  {one.reason}".rstrip())
        return
    asyncio.run(
        prober.run(
            settings.public_url,
            folder=folder,
            tell=tell,
            clock=utc_now,
            every=settings.status_probe_seconds,
        )
    )


def _tells(database_url: str) -> Any:
    import msgspec

    from hotel_booking.core.db import Database
    from hotel_booking.domains.incidents import status_probes
    from hotel_booking.domains.incidents.status_types import Round

    async def tell(rounds: Sequence[bytes]) -> None:
        # A connection for as long as it takes: none is kept from those who sell rooms.
        async with (
            Database.open(database_url, size=2, statement_timeout_ms=5_000) as db,
            db.transaction() as tx,
        ):
            for one in rounds:
                await status_probes.record(tx, msgspec.json.decode(one, type=Round))

    return tell
