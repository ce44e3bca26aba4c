"""To staging: production's data without anybody in it. It is restored beside production, brought to this
release, made fit (`pseudonyms`) and only then carried to staging's server, so that no guest's name and no
secret ever stands there; there it takes the place of the database that nobody may be using."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

import psycopg

from hotel_booking.ops.backup import dump, pseudonyms
from hotel_booking.ops.backup.engine import Backup, Engine, Say, Until, id_of
from hotel_booking.ops.backup.production import run
from hotel_booking.ops.refusals import Refused, plainly

_WHERE = (
    "SELECT inet_server_addr()::text, inet_server_port(), current_setting('port'), pg_postmaster_start_time()"
)


def to_staging(
    engine: Engine,
    backup: Backup,
    until: Until,
    url: str,
    *,
    environ: Mapping[str, str],
    say: Say,
    now: Callable[[], datetime],
) -> str:
    """Put it in the place of the database at the URL; under which name the one before is kept, empty where
    there was none. Whatever fails leaves staging as it was."""
    _refuse_production(engine, url)
    dump.refuse_in_use(url)
    instance = engine.restore(backup, until=until, say=say)
    try:
        say("bringing it to this release")
        run(instance.url, "migrate", environ=environ)
        say("no guest, no secret, nothing that waits to be sent")
        pseudonyms.make_fit(instance.url, why=f"a copy of production's backup {backup.id}", now=now())
        with tempfile.TemporaryFile() as file:
            dump.dump(instance.url, file, key="", now=now())
            file.seek(0)
            say("carrying it to staging")
            name = dump.name_of(url)
            made = dump.load(file, url, name=f"{name}_restoring", key="", upgrade=lambda _url: None)
    finally:
        with suppress(Refused, psycopg.Error):
            engine.discard(instance, say)
    kept = f"{name}_before_{id_of(now())}"
    return kept if dump.put_in_place(url, made, kept=kept) else ""


def _refuse_production(engine: Engine, url: str) -> None:
    """Refused where what would be replaced is the database that serves production."""
    named = dump.name_of(url) == dump.name_of(engine.serving())
    try:
        with psycopg.connect(dump.url_of(url, "postgres"), connect_timeout=10) as connection:
            staging = connection.execute(_WHERE.encode()).fetchone()
    except psycopg.OperationalError as error:
        raise Refused(f"staging's server cannot be reached: {plainly(error)[:200]}") from None
    with suppress(psycopg.OperationalError):
        with psycopg.connect(engine.serving(), connect_timeout=5) as connection:
            serving = connection.execute(_WHERE.encode()).fetchone()
        if named and staging and serving and staging[2:] == serving[2:]:
            raise Refused(
                "HOTEL_STAGING_DATABASE_URL is production's own database: nothing was touched",
                "Name staging's:",
                "  export HOTEL_STAGING_DATABASE_URL=postgresql://USER@STAGING-HOST/NAME",
            )
