"""hotel-booking status"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hotel_booking.core.counting import count

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """What customers are told of the platform."""


@app.command()
def probe(
    once: Annotated[bool, typer.Option("--once", help="Look once, print what was found, and end.")] = False,
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


@app.command()
def publish(
    target: Annotated[str, typer.Argument(help="A folder, or s3://bucket/folder (HOTEL_S3_*).")],
    every: Annotated[
        int, typer.Option(help="Do so again every so many seconds until stopped; 0: once.", min=0)
    ] = 0,
) -> None:
    """Write the status page as files that stay up when the platform is down. While the database is down they
    are drawn from what it said last and what the prober has found since."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.logging import configure
    from hotel_booking.core.security_txt import security_text
    from hotel_booking.core.setting import ConfigError
    from hotel_booking.status import publish as publishing

    settings = read_settings(os.environ)
    configure(settings.log_level, human=settings.environment == "demo")
    put = _puts(target, settings)
    own = f"{settings.public_url.rstrip('/')}/status"
    address = f"https://{settings.status_host}" if settings.status_host else own

    async def once() -> int:
        shown = await publishing.gathered(
            settings.database_url, Path(settings.spool_dir) / "status", now=utc_now()
        )
        contact, site = settings.security_contact, settings.public_url
        security = (
            security_text(contact, public_url=site, status_host=settings.status_host, now=utc_now())
            if contact
            else ""
        )
        return await publishing.publish(shown, put, address=address, site=site, security=security)

    async def again_and_again() -> None:
        while True:
            try:
                await once()
            except Exception:  # a bucket that is away for a while; the next time is soon
                logging.getLogger("hotel_booking.status").exception("status.not_published")
            await asyncio.sleep(every)

    if every:
        asyncio.run(again_and_again())
    else:
        try:
            print(f"{count(asyncio.run(once()), 'file')} published to {target}")
        except OSError as error:
            raise ConfigError([f"{target} cannot be written: {error.strerror or error}"]) from None


def _puts(target: str, settings: Any) -> Any:
    from hotel_booking.core.setting import ConfigError
    from hotel_booking.status import publish as publishing

    if not target.strip():  # a variable that is not set would fill whatever folder this runs in
        raise ConfigError(["where to is empty: name a folder, or s3://BUCKET/FOLDER"])
    if not target.startswith("s3://"):
        return publishing.into(Path(target))
    from hotel_booking.integrations import s3

    bucket, _, prefix = target.removeprefix("s3://").partition("/")
    if not bucket:
        raise ConfigError(["publishing to a bucket needs its name: s3://BUCKET or s3://BUCKET/FOLDER"])
    store = s3.opened(
        bucket,
        prefix=prefix.strip("/"),
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        seconds=20,
    )

    async def put(name: str, body: bytes, media_type: str, cache: str) -> None:
        await s3.put(store, name, body, media_type=media_type, cache=cache)

    return put
