"""Which database a command works on: the demo's by its folder, or the one that the environment names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting import ConfigError
from hotel_booking.core.setting_files import names_database, quoted
from hotel_booking.ops.embedded import Cluster, EmbeddedError
from hotel_booking.ops.refusals import plainly
from hotel_booking.ops.signals import ended_as_by_ctrl_c

DEMO_DATABASE = "hotel"

_POOLER = (
    "a pooler such as PgBouncer answers at DB_HOST (or DATABASE_URL): name PostgreSQL itself there, and the"
    " pooler in HOTEL_POOLED_DATABASE_URL"
)

_REFUSED = "authentication failed"  # PostgreSQL's word


def own_spool(data_dir: Path) -> str:
    """Where acts wait for the audit log of the demo in this folder; its worker looks there."""
    return str(Cluster(data_dir).home / "spool")


def _noted_beside(data_dir: Path | None) -> Path | None:
    """What is done to a demo is noted beside its data, for its own audit log: not for that of a platform that
    runs on this machine too."""
    if data_dir is not None and Cluster(data_dir).exists():
        os.environ["HOTEL_SPOOL_DIR"] = own_spool(data_dir)
    return data_dir


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="The demo's folder: work on its database, whether it runs or not.",
        callback=_noted_beside,
    ),
]


def default_data_dir() -> Path:
    """Where the demo keeps its data unless told otherwise."""
    chosen = os.environ.get("HOTEL_DATA_DIR")
    if chosen:
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/hotel-booking/demo")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "hotel-booking" / "demo"


@contextmanager
def database_url(data_dir: Path | None) -> Iterator[str]:
    """The database to work on. Without `data_dir` it is the environment's, else the default demo's where
    there is one. A demo database that does not run is started, and stopped at the end.

    Raises `ConfigError` or `EmbeddedError` with one line that says what to do.
    """
    if data_dir is None and names_database(os.environ):
        environ = {"HOTEL_ENVIRONMENT": "demo", **os.environ}
        url = read_settings(environ).database_url
        check_reachable(url)
        yield url
        return
    folder = data_dir or default_data_dir()
    cluster = Cluster(folder)
    if not cluster.exists():
        if data_dir is None:
            named = f" (HOTEL_DATA_DIR is {folder}: no demo's)" if os.environ.get("HOTEL_DATA_DIR") else ""
            raise ConfigError(
                [f"no database: set DB_HOST or DATABASE_URL, or name a demo's folder with --data-dir{named}"]
            )
        raise EmbeddedError(f"there is no demo database in {folder}; `hotel-booking demo` makes one")
    if data_dir is None and not os.environ.get("HOTEL_DATA_DIR"):
        # On call with a lost environment, "there is nothing to do" would be about the wrong hotels.
        print(f"no DB_HOST or DATABASE_URL: this is about the demo in {folder}", file=sys.stderr)
    if cluster.running():
        yield cluster.url(DEMO_DATABASE)
        return
    with ended_as_by_ctrl_c():
        try:
            cluster.start()
            yield cluster.url(DEMO_DATABASE)
        finally:
            cluster.stop()


def why_refused(url: str, error: Exception) -> str:
    """Why the database at the URL cannot be had, on one line; also that its password may be another one."""
    reason = plainly(error)
    if _REFUSED in reason and quoted(unquote(urlsplit(url).password or "")):
        return f"{reason} (the password has quotes around it, which are part of it)"
    return reason


def check_reachable(url: str) -> None:
    """Raise `ConfigError` with one line where nobody answers at the URL, or refuses us, or where it is a
    pooler that does: advisory locks, prepared statements and bulk loads need PostgreSQL's own sessions."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            # A pooler gives a number of its own, since a client meets more than one server.
            direct = row is not None and row[0] == connection.info.backend_pid
    except psycopg.Error as error:
        raise ConfigError([f"the database cannot be reached: {why_refused(url, error)}"]) from None
    if not direct:
        raise ConfigError([_POOLER])
