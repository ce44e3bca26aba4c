"""The database's schema and its changes: Alembic for our tables, procrastinate's own scripts for its."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from importlib.resources import files
from pathlib import Path

import psycopg

from hotel_booking.core import schema
from hotel_booking.ops.refusals import Refused

# Two migrators queue on this lock instead of meeting half-way.
_ADVISORY_LOCK = 0x686F74656C  # "hotel"
_HERE = Path(__file__).parent
# How long any step may wait for a lock, while all that come after it wait too, and how long it may take.
LIMITS = {"lock_timeout": "5s", "statement_timeout": "15min"}
_LONG_TRANSACTIONS = """
    SELECT pid, application_name, state, xact_start FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND xact_start < clock_timestamp() - interval '5 s'
     ORDER BY xact_start LIMIT 5"""
# Processes say of which release they are (core/db.py); before 0009 they did not.
_OLDER_RELEASES = """
    SELECT DISTINCT coalesce(substring(application_name FROM '[0-9]{4}$'), '0008'),
           coalesce(host(client_addr), 'this machine')
      FROM pg_stat_activity
     WHERE datname = current_database() AND application_name ~ '^hotel-booking( [0-9]{4})?$'
       AND coalesce(substring(application_name FROM '[0-9]{4}$'), '0008') < %s
     ORDER BY 1, 2 LIMIT 20"""


def head() -> str:
    """The newest revision in this release; found without loading Alembic, which costs half a second."""
    names = sorted(path.stem for path in (_HERE / "versions").glob("[0-9]*.py"))
    return names[-1].partition("_")[0]


def current(database_url: str) -> str | None:
    """The revision the database is at; None for an empty one."""
    with psycopg.connect(database_url) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def unfit(database_url: str) -> list[str]:
    """Why this release cannot run on the database, and what helps; empty where it can.

    It can on a database that a newer release has migrated: schemas only expand while the release before
    may still run, and a roll-back must be able to start. What is said of it, see `core.schema`.
    """
    found = _found(database_url)
    if not found:
        return ["the database is not ready (schema empty): run `hotel-booking migrate`"]
    if wrong := schema.unfit(found):
        if schema.read(found)[1] > schema.NEWEST:
            advice = "deploy a newer release; there is no way back this far but a backup"
            return [f"this release is too old for the database: the schema {wrong}: {advice}"]
        return [f"the database is not ready (the schema {wrong}): run `hotel-booking migrate`"]
    with psycopg.connect(database_url) as connection:
        missing = _job_scripts(connection)
    if missing:
        return [f"the database is not ready (job queue: {', '.join(missing)}): run `hotel-booking migrate`"]
    return []


def pending(database_url: str) -> list[str]:
    """What `upgrade` would do, in words; empty where nothing is to be done, as after a newer release. Raises
    `Contracted`."""
    at, newest = current(database_url), head()
    _refuse_contracted(database_url)
    with psycopg.connect(database_url) as connection:
        steps = [f"job queue: {name}" for name in _job_scripts(connection)]
    return steps if _ready(at, newest) else [*steps, f"schema {at or 'empty'} -> {newest}"]


def upgrade(database_url: str) -> list[str]:
    """Bring the database to this release and say what was done; nothing where it is already.

    Each step is a transaction with a lock time-out, so a migration that cannot get its lock gives up instead
    of stopping everybody: raises `Blocked`, or `Failed` where the database refuses one of its statements, and
    nothing of that step is done. Raises `Contracted` where a
    newer release has left nothing that this one could run on, and `StillRunning` where processes are
    connected that would have nothing to run on afterwards; both before anything is done.
    """
    done: list[str] = []
    with _alone(database_url) as connection, _gives_up(connection):
        _refuse_contracted(database_url)
        _refuse_under_older(connection, database_url)
        for name in _job_scripts(connection):
            _apply_job_script(connection, name)
            done.append(f"job queue: {name}")
        at, newest = current(database_url), head()
        if not _ready(at, newest):
            _alembic_upgrade(database_url)
            done.append(f"schema {at or 'empty'} -> {newest}")
    return done


def _ready(at: str | None, newest: str) -> bool:
    # Revisions are four digits, counted up: they compare as text.
    return at is not None and at >= newest


def _found(database_url: str) -> str:
    """What the schema says of itself, for `core.schema`; "" for an empty database."""
    if current(database_url) is None:
        return ""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(schema.FOUND).fetchone()
        return str(row[0]) if row else ""


class Contracted(Refused):
    """A newer release has contracted the schema; this one is too old for it."""


class StillRunning(Refused):
    """Processes of a release are connected that the migration would leave nothing to run on."""


def _refuse_contracted(database_url: str) -> None:
    at, serves = schema.read(_found(database_url))
    if serves > schema.NEWEST:
        raise Contracted(
            f"the schema is at {at} and serves releases from {serves} on; this one is of {schema.NEWEST}",
            "Deploy a release that runs on it: hotel-booking ops schema --release TAG says which.",
        )


def _refuse_under_older(connection: psycopg.Connection, database_url: str) -> None:
    found = _found(database_url)
    if not found or schema.read(found)[1] >= schema.SERVES:
        return
    older = connection.execute(_OLDER_RELEASES, (schema.SERVES,)).fetchall()
    if older:
        raise StillRunning(
            f"the migration would leave a schema that serves releases from {schema.SERVES} on, and older ones"
            " are running; nothing was done",
            "Who is connected:",
            *(f"  a release of {newest}, from {address}" for newest, address in older),
            "Deploy the release between first, everywhere; then run `hotel-booking migrate` again.",
        )


@contextmanager
def _alone(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        yield connection  # closing the connection frees the lock


class Failed(Refused):
    """The database refused a statement of a migration; its revision was undone."""


class Blocked(Refused):
    """Somebody held a lock that a migration needs for longer than guests can wait."""


@contextmanager
def _gives_up(connection: psycopg.Connection) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # raised again, where it was no lock that was waited for
        reason = getattr(error, "orig", error)  # SQLAlchemy wraps what its own statements met
        if not isinstance(reason, psycopg.errors.LockNotAvailable):
            if isinstance(reason, psycopg.Error):
                said = str(reason).strip().partition("\n")[0]
                raise Failed(
                    f"a migration failed, and nothing of its revision was done: {said}",
                    "What runs goes on with the schema as it is. Have the migration mended, and run"
                    " `hotel-booking migrate` again.",
                ) from error
            raise
        holders = [
            f"  process {pid} ({name or 'unnamed'}), {state}, since {since.astimezone(UTC):%H:%M:%S} UTC"
            for pid, name, state, since in connection.execute(_LONG_TRANSACTIONS)
        ]
        raise Blocked(
            f"a migration waited {LIMITS['lock_timeout']} for a lock that others hold, and gave up;"
            " nothing of it was done",
            "Who has been in a transaction for long:" if holders else "Nobody holds it any more.",
            *holders,
            "Wait for it, or end it (SELECT pg_terminate_backend(PROCESS)), and run `hotel-booking migrate`"
            " again.",
        ) from None


def _alembic_upgrade(database_url: str) -> None:
    # Half a second of imports, for the rare start that has something to migrate.
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    engine = sa.create_engine(
        "postgresql+psycopg://",
        poolclass=sa.pool.NullPool,
        # By libpq, and not by SQLAlchemy's own reading of the URL: that knows of one host only.
        creator=lambda: psycopg.connect(
            database_url, options=" ".join(f"-c {name}={value}" for name, value in LIMITS.items())
        ),
    )
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


# procrastinate's schema ---------------------------------------------------------------------------

_WHOLE = "schema.sql"


def _job_scripts(connection: psycopg.Connection) -> list[str]:
    """procrastinate's scripts to apply: the whole schema on an empty database, else the migrations that
    this package has and the database has not."""
    if connection.execute("SELECT to_regclass('procrastinate_schema')").fetchone() == (None,):
        return [_WHOLE]
    applied = {row[0] for row in connection.execute("SELECT file FROM procrastinate_schema")}
    return [name for name in _shipped() if name not in applied]


def _job_sql(name: str) -> bytes:
    folder = files("procrastinate") / "sql"
    return ((folder / name) if name == _WHOLE else (folder / "migrations" / name)).read_bytes()


def _shipped() -> list[str]:
    folder = files("procrastinate") / "sql" / "migrations"
    return sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))


def _apply_job_script(connection: psycopg.Connection, name: str) -> None:
    """Apply one script and record it in the same transaction: a kill leaves both or neither."""
    with connection.transaction():
        for limit, value in LIMITS.items():
            connection.execute("SELECT set_config(%s, %s, true)", (limit, value))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS procrastinate_schema"
            " (file text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.execute(_job_sql(name))
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO procrastinate_schema (file) VALUES (%s)",
                # The whole schema is what all the migrations that come with it lead to.
                [(file,) for file in (_shipped() if name == _WHOLE else [name])],
            )
