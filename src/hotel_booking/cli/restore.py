"""hotel-booking restore FILE"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import DEMO_DATABASE, DataDir, default_data_dir
from hotel_booking.cli.ops_inputs import report_to_audit_log
from hotel_booking.ops.refusals import plainly

app = typer.Typer()


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `hotel-booking backup` wrote.")],
    data_dir: DataDir = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only read the file, and say what it is of.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Put what the file holds in the place of the database, which is kept under another name. Nothing may use
    it: it is refused while anybody is connected. The file is read to its end first, restored beside, brought
    to this release, and only then takes the name; whatever fails before that leaves all as it was."""
    from hotel_booking import migrations
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.setting_files import names_database
    from hotel_booking.ops.backup import dump
    from hotel_booking.ops.backup.engine import id_of
    from hotel_booking.ops.operation import operation

    key = dump.key_of(os.environ)
    with opened(file) as source:
        if check:
            header = dump.check(source, key=key)
            print(f"{file} is whole: {header.database} of {header.made_at:%Y-%m-%d %H:%M:%S} UTC,")
            print(f"schema {header.schema}, {header.database_bytes / 1e6:,.0f} MB when restored")
            return
        with operation(
            "restore-file", target=str(file.absolute()), dry_run=False, environ=os.environ, clock=utc_now
        ) as act:
            header = dump.check(source, key=key)
            with _server(data_dir) as url:
                name = dump.name_of(url)
                dump.refuse_in_use(url)
                of = f"{header.database} of {header.made_at:%Y-%m-%d %H:%M:%S} UTC"
                confirm(
                    f"{file} ({of}) takes the place of the database {name}, which is kept. Go on?", yes=yes
                )
                made = dump.load(source, url, name=f"{name}_restoring", key=key, upgrade=migrations.upgrade)
                kept = f"{name}_before_{id_of(utc_now())}"
                before = dump.put_in_place(url, made, kept=kept)
                act.happened(
                    f"{name} is what {file} holds",
                    f"The one before is kept as {kept}." if before else "There was none before.",
                )
            act.tell(backup=header.made_at.isoformat(), kept=kept if before else None)
    print(f"{name} is what it was on {header.made_at:%Y-%m-%d %H:%M:%S} UTC, schema {migrations.head()}.")
    if before:
        print(f"The one before is kept as {kept}. When nobody misses anything in it, as that server's user:")
        print(f'  dropdb "{kept}"')
    print("What became due meanwhile (mails, refunds, sweeps) is done as soon as a worker starts.")
    if before and data_dir is None and names_database(os.environ):
        print(
            "Did guests book after that? Then first, so that payments are matched and no mail goes out twice:"
        )
        print(f"  hotel-booking recovery begin --backup {id_of(header.made_at)}")
    report_to_audit_log(data_dir)


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """The file, to be read; refused with what is wrong where it cannot be."""
    from hotel_booking.ops.refusals import WrongUse

    try:
        source = file.open("rb")
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}") from None
    with source:
        yield source


@contextmanager
def _server(data_dir: Path | None) -> Iterator[str]:
    """The URL of the database to put in place, which need not exist: the environment's; else an embedded
    one, which is made where there is none in a folder that was named, and stopped in the end."""
    import psycopg

    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.setting import ConfigError
    from hotel_booking.core.setting_files import names_database
    from hotel_booking.ops.embedded import Cluster
    from hotel_booking.ops.signals import ended_as_by_ctrl_c

    if data_dir is None and names_database(os.environ):
        try:
            yield read_settings({"HOTEL_ENVIRONMENT": "demo", **os.environ}).database_url
        except psycopg.OperationalError as error:
            raise ConfigError([f"the database cannot be reached: {plainly(error)}"]) from None
        return
    cluster = Cluster(data_dir or default_data_dir())
    if data_dir is None and not cluster.exists():
        raise ConfigError(
            ["no database: set DB_HOST or DATABASE_URL, or name a folder for one with --data-dir"]
        )
    with ended_as_by_ctrl_c():
        try:
            cluster.start()  # refused while the demo runs on it
            yield cluster.url(DEMO_DATABASE)
        finally:
            cluster.stop()
