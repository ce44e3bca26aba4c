"""Which engine keeps the backups here: HOTEL_BACKUP_ENGINE says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting_files import ADDRESSES, names_database, with_files
from hotel_booking.ops.asking import Want, check_all, needed
from hotel_booking.ops.backup.dump_engine import Dumps
from hotel_booking.ops.backup.engine import Engine
from hotel_booking.ops.backup.one_file import check_key
from hotel_booking.ops.backup.pgbackrest import PgBackRest
from hotel_booking.ops.backup.rds import Rds
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.backup.tar_backups import Of, TarBackups
from hotel_booking.ops.refusals import Refused, WrongUse

ENGINES = ("dump", "pgbackrest", "rds")
_SECRETS = ("HOTEL_BACKUP_KEY",)
_ENGINE = Want("HOTEL_BACKUP_ENGINE", f"what keeps the backups ({', '.join(ENGINES)})", "pgbackrest")
_HOME = Want("HOTEL_DATABASE_HOME", "the database's folder", "/var/lib/hotel-booking/database")
_STORE = Want("HOTEL_BACKUP_STORE", "where the backups are", "s3://BUCKET/backups")
_KEY = Want("HOTEL_BACKUP_KEY", "the key of the backups", "KEY")
_DATABASE = (
    Want("DB_HOST", "the database's host", "db.example.com"),
    Want("DB_USER", "the database's user", "hotel_booking"),
    Want("DB_NAME", "the database's name", "hotel_booking"),
)
# What each engine cannot do without.
_ENGINES = {"pgbackrest": (_HOME, _STORE, _KEY), "dump": (_STORE, *_DATABASE, _KEY), "rds": _DATABASE}


def engine(environ: Mapping[str, str], argv: Sequence[str], clock: Callable[[], datetime]) -> Engine:
    """The engine; what its settings lack is asked on a terminal. Raises `WrongUse`."""
    check_engine(environ, argv)
    told, ask = _asking(environ, argv)
    name = ask(*_ENGINE)
    if name == "pgbackrest":
        return PgBackRest.from_environ(told, ask, clock)
    if name == "dump":
        return Dumps.from_environ(told, ask, clock)
    if name == "rds":
        return Rds.from_environ(told, ask, clock)
    raise WrongUse(f"HOTEL_BACKUP_ENGINE={name} is none of {', '.join(ENGINES)}")


def check_engine(environ: Mapping[str, str], argv: Sequence[str], *beside: Want) -> None:
    """Raise `WrongUse` naming all that the engine lacks, and the command beside it; see `check_all`."""
    told, _ = _asking(environ, argv)
    wants = _ENGINES.get(told.get(_ENGINE.variable, "").strip() or _ENGINE.example, ())
    check_all((*beside, *_without_url((_ENGINE, *wants), told)), environ=told, argv=argv)


def tar_backups(
    of: Of, environ: Mapping[str, str], argv: Sequence[str], clock: Callable[[], datetime]
) -> TarBackups:
    """The backups of the state or the configuration, or the archive, in the same store. Raises `WrongUse`."""
    told, ask = _asking(environ, argv)
    wants = (_STORE, _KEY, *(() if of == "archive" else _DATABASE))
    check_all(_without_url(wants, told), environ=told, argv=argv)
    store = Store.from_environ(told, ask)
    key = ask(*_KEY)
    # What goes to the archive is handed to it: it reads no database itself.
    url = "" if of == "archive" else database(environ, argv)
    return TarBackups(of, store, url=url, key=key, environ=environ, clock=clock)


def database(environ: Mapping[str, str], argv: Sequence[str]) -> str:
    """The URL of the database that serves, as the application reaches it."""
    _, ask = _asking(environ, argv)
    if not names_database(environ):
        ask(*_DATABASE[0])
    return read_settings({"HOTEL_ENVIRONMENT": "demo", **environ}).database_url


def _without_url(wants: Sequence[Want], environ: Mapping[str, str]) -> Sequence[Want]:
    # An address says host, user and name at once.
    if environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE"):
        return [want for want in wants if want not in _DATABASE]
    return wants


def _asking(
    environ: Mapping[str, str], argv: Sequence[str]
) -> tuple[dict[str, str], Callable[[str, str, str], str]]:
    try:
        told = with_files(environ, (*_SECRETS, *ADDRESSES))
    except (OSError, ValueError) as error:
        raise Refused(str(error)) from None

    def ask(variable: str, what: str, example: str) -> str:
        answer = needed(Want(variable, what, example), environ=told, argv=argv, secret=variable in _SECRETS)
        if variable == "HOTEL_BACKUP_KEY":
            check_key(answer)
        return answer

    return told, ask
