"""A database to one file and back, by PostgreSQL's own pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, cast
from urllib.parse import quote

import psycopg
from psycopg import sql

from hotel_booking import __version__
from hotel_booking.core.schema import NEWEST
from hotel_booking.core.setting_files import with_files
from hotel_booking.ops.backup import one_file
from hotel_booking.ops.backup.engine import id_of
from hotel_booking.ops.backup.files import write_whole
from hotel_booking.ops.backup.one_file import Header
from hotel_booking.ops.embedded.programs import EmbeddedError, find_programs, installed, major_version
from hotel_booking.ops.refusals import Busy, Refused, WrongUse, plainly

_SCHEMA = "SELECT version_num FROM alembic_version"
_OTHERS = """
    SELECT coalesce(nullif(application_name, ''), 'without a name'), count(*) FROM pg_stat_activity
     WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'
     GROUP BY 1 ORDER BY 1"""
# What a restored database takes beside its final size: sorting for indexes, and the WAL.
_ROOM = 1.3


def key_of(environ: Mapping[str, str]) -> str:
    """HOTEL_BACKUP_KEY, or what the file of HOTEL_BACKUP_KEY_FILE says; empty for none. Read as `ops.asking`
    reads it: what one command has encrypted another opens."""
    try:
        return with_files(environ, ["HOTEL_BACKUP_KEY"]).get("HOTEL_BACKUP_KEY", "").strip()
    except (OSError, ValueError) as error:
        raise Refused(str(error)) from None


def describe(url: str, now: datetime) -> Header:
    """What a backup of this database would be of. Refused where it is not one of ours."""
    with connected(url) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            raise Refused("the database is empty: there is nothing to back up")
        schema, name, size = _row(
            connection,
            f"SELECT ({_SCHEMA}), current_database(), pg_database_size(current_database())",
        )
        server = connection.info.server_version // 10_000
    return Header(
        made_at=now,
        release=__version__,
        schema=schema,
        database=name,
        database_bytes=size,
        server=server,
        programs=major_version(_programs(server) / "pg_dump"),
    )


def dump(url: str, target: BinaryIO, *, key: str, now: datetime) -> Header:
    """Write the database at the URL into the file, as of one moment, while others go on. Refused where
    pg_dump fails; the file is worth nothing then."""
    header = describe(url, now)
    address, environ = _log_in(url)
    command = [
        *(str(_programs(header.server) / "pg_dump"), "--format=custom", "--no-password"),
        *("--lock-wait-timeout=60s", f"--dbname={address}"),
    ]
    with tempfile.TemporaryFile() as said:
        ran = subprocess.Popen(  # noqa: S603  # our own words
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        with _ended(ran):
            one_file.write(target, header, cast("BinaryIO", ran.stdout), key)
        if ran.returncode:
            raise Refused(f"pg_dump failed: {_last_words(said)}")
    return header


def dump_to(path: Path, url: str, *, key: str, now: datetime) -> Header:
    """Write the backup to a path: whole, read back, and on the disk, or not there at all. Refused where the
    path is taken or cannot be written."""
    return write_whole(path, lambda file: dump(url, file, key=key, now=now), key)


def check(source: BinaryIO, *, key: str) -> Header:
    """Read the whole file; what it is of. Raises `NotABackup`, and `Refused` for one of a newer release."""
    header = one_file.read_header(source)
    source.seek(0)
    if header.holds != "database":
        raise WrongUse(
            f"the file holds the {header.holds}, and no database",
            "This writes its files to a folder:",
            f"  hotel-booking ops backup unpack {id_of(header.made_at)} FOLDER --of {header.holds}",
        )
    if header.schema > NEWEST:
        raise Refused(
            f"the backup is of a newer release ({header.release}, schema {header.schema}); this one"
            f" ({__version__}) knows the schema up to {NEWEST}",
            "Nothing was touched. Restore it by that release, or a newer one.",
        )
    if header.salt and not key:
        raise WrongUse("the backup is encrypted, and HOTEL_BACKUP_KEY is not set")
    one_file.verify(source, key)
    source.seek(0)
    return header


def load(source: BinaryIO, url: str, *, name: str, key: str, upgrade: Callable[[str], object]) -> str:
    """Make a database of this name on the server of the URL, with what the file holds, brought to this
    release by `upgrade`; its URL. One of that name from a run that was killed is removed first; where it
    fails, nothing of it is left. The file must have been checked. Raises `Busy` while another one makes it,
    whatever machine that runs on."""
    header = one_file.read_header(source)
    source.seek(0)
    with connected(url_of(url, "postgres"), autocommit=True) as connection:
        server = connection.info.server_version // 10_000
        if server < header.programs:
            raise Refused(
                f"the backup was written by PostgreSQL {header.programs}'s programs, the server is"
                f" PostgreSQL {server}",
                f"Restore it to a server of PostgreSQL {header.programs} or newer.",
            )
        _alone(connection, name)
        check_space(connection, int(header.database_bytes * _ROOM))
        _drop(connection, name)
        made = url_of(url, name)
        try:
            _create(connection, name)
            _pg_restore(source, made, server=server, key=key)
            upgrade(made)
        except BaseException:
            with suppress(psycopg.Error):
                _drop(connection, name)
            raise
    return made


def check_space(connection: psycopg.Connection, wanted: int) -> None:
    """Refused where the server's disk is this machine's and has less than so many bytes free."""
    try:
        (folder,) = _row(connection, "SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        free = shutil.disk_usage(folder).free
    except (Refused, OSError, TypeError):
        return  # another machine's, or closed to us: pg_restore will say it, and nothing is left then
    refuse_without_space(Path(folder), free, wanted)


def refuse_without_space(folder: Path, free: int, wanted: int) -> None:
    """Refused where `free` bytes are fewer than `wanted`."""
    if free < wanted:
        raise Refused(
            f"no space: {wanted / 1e9:.1f} GB are needed below {folder}, {free / 1e9:.1f} GB are free",
            "Nothing was touched. Make room there, or give it a larger disk, and run this again.",
        )


def refuse_in_use(url: str) -> None:
    """Refused where anybody is connected to the database."""
    name = name_of(url)
    with connected(url_of(url, "postgres")) as connection:
        others = connection.execute(_OTHERS, (name,)).fetchall()
    if others:
        who = ", ".join(f"{count} by {told}" for told, count in others)
        raise Refused(
            f"the database {name} is in use ({who}); nothing was touched",
            "Stop what uses it (`hotel-booking demo`, the web servers, the worker), and run this again.",
        )


def put_in_place(url: str, made: str, *, kept: str) -> bool:
    """Give the database `made` the name of the URL's, and the one before the name `kept`: both or neither,
    as long as nobody is connected to them. Whether there was one before."""
    name, fresh = name_of(url), name_of(made)
    with connected(url_of(url, "postgres")) as connection:
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        try:
            before = exists(connection, name)
            if before:
                connection.execute(rename.format(sql.Identifier(name), sql.Identifier(kept)))
            connection.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            connection.rollback()
            raise Refused(
                f"somebody connected to {name} meanwhile; it serves as before, and the restored one is"
                f" {fresh}",
                "Stop what uses it, and run this again.",
            ) from None
    return before


def connected(url: str, *, autocommit: bool = False) -> psycopg.Connection:
    """A connection to the database. Refused where it does not answer."""
    try:
        return psycopg.connect(url, autocommit=autocommit, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Refused(f"the database does not answer: {plainly(error)[:200]}") from None


def exists(connection: psycopg.Connection, name: str) -> bool:
    """Whether the server has a database of this name."""
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def name_of(url: str) -> str:
    """The name of the URL's database, which is its user's where it names none."""
    said = psycopg.conninfo.conninfo_to_dict(url)
    return str(said.get("dbname") or said["user"])


def url_of(url: str, name: str) -> str:
    """The same server's other database, as a URL."""
    head, _, query = url.partition("?")
    scheme, _, rest = head.partition("//")
    return f"{scheme}//{rest.partition('/')[0]}/{quote(name, safe='')}" + (f"?{query}" if query else "")


def _log_in(url: str) -> tuple[str, dict[str, str]]:
    """How a program is told the database: its address for the command line, which everybody on the machine
    can read, and its environment with the password, which they cannot."""
    parts = {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    password = parts.pop("password", None)
    environ = os.environ | ({} if password is None else {"PGPASSWORD": password})
    return psycopg.conninfo.make_conninfo(**parts), environ


def _alone(connection: psycopg.Connection, name: str) -> None:
    """For as long as the connection lasts."""
    if connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,)).fetchone() != (True,):
        raise Busy(
            f"another restore makes the database {name} just now; nothing was touched",
            "Wait for it, or end it, and run this again.",
        )


def _create(connection: psycopg.Connection, name: str) -> None:
    try:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(
            f"the user {connection.info.user} may not create a database to restore into",
            "As a superuser of that server:",
            f"  psql -c 'ALTER ROLE \"{connection.info.user}\" CREATEDB'",
        ) from None


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _pg_restore(source: BinaryIO, url: str, *, server: int, key: str) -> None:
    address, environ = _log_in(url)
    command = [
        *(str(_programs(server) / "pg_restore"), "--exit-on-error", "--no-owner", "--no-privileges"),
        *("--no-password", f"--dbname={address}"),
    ]
    with tempfile.TemporaryFile() as said:
        ran = subprocess.Popen(  # noqa: S603  # our own words
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        )
        with _ended(ran), suppress(BrokenPipeError):
            given = cast("BinaryIO", ran.stdin)
            for part in one_file.parts(source, key):
                given.write(part)
            given.close()
        if ran.returncode:
            raise Refused(f"pg_restore failed: {_last_words(said)}", "Nothing was touched.")


@contextmanager
def _ended(ran: subprocess.Popen[bytes]) -> Iterator[None]:
    """It has ended when this is left, whatever happens."""
    try:
        yield
    except BaseException:
        ran.kill()
        raise
    finally:
        for pipe in (ran.stdin, ran.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        ran.wait()


def _programs(server: int) -> Path:
    """PostgreSQL's programs of the server's version where they are installed, else newer ones."""
    if (exact := installed("pg_dump").get(server)) is not None:
        return exact
    try:
        programs = find_programs()
    except EmbeddedError:
        if (elsewhere := shutil.which("pg_dump")) is None:
            raise Refused(
                "pg_dump is not installed",
                "This line helps:",
                f"  sudo apt-get install postgresql-client-{server}",
            ) from None
        programs = Path(elsewhere).parent
    if (major := major_version(programs / "pg_dump")) < server:
        raise Refused(
            f"pg_dump is of PostgreSQL {major}, the server of {server}",
            "This line helps:",
            f"  sudo apt-get install postgresql-client-{server}",
        )
    return programs


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-3:])[-400:] or "it said nothing"


def _row(connection: psycopg.Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise Refused("the database answers nothing")
    return row
