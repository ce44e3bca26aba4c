"""hotel-booking backup FILE"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.ops_inputs import report_to_audit_log

app = typer.Typer()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is not overwritten.")],
    data_dir: DataDir = None,
) -> None:
    """Write the whole database into one file, as of one moment, while everything goes on. It has a checksum,
    and is encrypted where HOTEL_BACKUP_KEY is set. Photos are not in the database: they are in
    HOTEL_MEDIA_DIR, or in a bucket."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup import dump
    from hotel_booking.ops.operation import operation

    key = dump.key_of(os.environ)
    with (
        operation("backup", target=str(file.absolute()), dry_run=False, environ=os.environ, clock=utc_now),
        database_url(data_dir) as url,
    ):
        header = dump.dump_to(file, url, key=key, now=utc_now())
    how = "encrypted" if key else "NOT encrypted (HOTEL_BACKUP_KEY is not set)"
    print(f"{file}: {file.stat().st_size / 1e6:,.1f} MB, {how}")
    print(f"of {header.database}, {header.made_at:%Y-%m-%d %H:%M:%S} UTC, schema {header.schema}; read back")
    report_to_audit_log(data_dir)
