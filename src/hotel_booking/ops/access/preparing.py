"""What access needs in a database, made once by whoever administers it, and again without effect.

hotel_access_keeper makes and ends people's roles; hotel_read_only, hotel_on_call and hotel_dba are what
those are members of (`hotel_operator` is RDS's master, whom nobody becomes for hours). A read-only person
sees the schema `readable` alone, which has no personal data.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import psycopg
from psycopg import sql

from hotel_booking.ops.access.database import EVERYBODY, KEEPER, connected
from hotel_booking.ops.refusals import Refused, plainly

_LOOK, _OPERATE, _ADMINISTER = "hotel_read_only", "hotel_on_call", "hotel_dba"
_GROUPS = (EVERYBODY, _LOOK, _OPERATE, _ADMINISTER)
_ADMIN_OPTION_SINCE = 160_000  # before it, CREATEROLE alone may grant any group


def prepare(url: str, password: str = "") -> tuple[str, Sequence[str]]:
    """Prepare the database, with this password of the keeper where one is chosen. The password that was made,
    where the keeper is new and none was chosen (else ""), and remarks for a person. Raises `Refused`."""
    with connected(url) as db:
        try:
            return _prepare(db, password)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState) as error:
            raise Refused(
                f"you may not prepare this database: {plainly(error)[:300]}",
                "It takes a superuser, or on RDS its master user.",
            ) from None
        except (psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedTable):
            raise Refused("this database has no schema for it yet", "  hotel-booking migrate") from None


def _prepare(db: psycopg.Connection, chosen: str) -> tuple[str, list[str]]:
    # Roles are the server's, and two of its databases may be prepared at once.
    db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (EVERYBODY,))
    _make_groups(db)
    password = _make_keeper(db, chosen)
    _grant_groups(db)
    return password, _grant_tables(db)


def _make_groups(db: psycopg.Connection) -> None:
    """The roles whose members people become. Raises `Refused` where one of them is a person's own."""
    for group in _GROUPS:
        if not _is_role(db, group):
            _run(db, "CREATE ROLE {} NOLOGIN", group)
        elif _logs_in(db, group):
            raise Refused(
                f"the role {group} may log in: it is somebody's, and who gets access would become them",
                "Rename it, and run this again.",
            )


def _make_keeper(db: psycopg.Connection, chosen: str) -> str:
    """Who gives and takes access, with the password that was `chosen`; else the one that is made up for a new
    role, which is returned."""
    is_new = not _is_role(db, KEEPER)
    password = secrets.token_urlsafe(32) if is_new and not chosen else ""
    if is_new:
        _run(db, "CREATE ROLE {} LOGIN CREATEROLE", KEEPER)
    if secret := chosen or password:
        verifier = db.pgconn.encrypt_password(secret.encode(), KEEPER.encode(), b"scram-sha-256").decode()
        db.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(KEEPER), verifier))
    return password


def _grant_groups(db: psycopg.Connection) -> None:
    """Each group is in the one below it, and the keeper may hand all of them out."""
    _run(db, "GRANT {} TO {}", _LOOK, _OPERATE)
    for role in ("pg_monitor", "pg_signal_backend"):
        _run(db, "GRANT {} TO {}", role, _OPERATE)
    _run(db, "GRANT {} TO {}", _OPERATE, _ADMINISTER)
    _run(db, "GRANT {} TO {}", "pg_signal_backend", KEEPER)
    if db.info.server_version >= _ADMIN_OPTION_SINCE:
        for group in _GROUPS:  # to hand them out, and not to be a member itself
            _run(db, "GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", group, KEEPER)


def _grant_tables(db: psycopg.Connection) -> list[str]:
    """What the groups and the keeper may read and write of this database; what was left out, in words."""
    remarks: list[str] = []
    row = db.execute(
        "SELECT r.rolname, r.rolsuper FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE c.oid = 'public.access_grant'::regclass"
    ).fetchone()
    assert row is not None  # noqa: S101  # the cast has raised where there is no such table
    owner, is_superuser = row
    if is_superuser:
        remarks.append(
            f"the platform's tables are {owner}'s, a superuser: hotel_dba gets nothing of them (production's"
            " are hotel_booking's)"
        )
    else:
        _run(db, "GRANT {} TO {}", owner, _ADMINISTER)
    for group in (_LOOK, KEEPER):
        _run(db, "GRANT CONNECT ON DATABASE {} TO {}", db.info.dbname, group)
    _run(db, "GRANT USAGE ON SCHEMA readable TO {}", _LOOK)
    _run(db, "GRANT SELECT ON ALL TABLES IN SCHEMA readable TO {}", _LOOK)
    # Views of migrations to come.
    _run(
        db,
        "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA readable GRANT SELECT ON TABLES TO {}",
        owner,
        _LOOK,
    )
    _run(db, "GRANT SELECT, INSERT, UPDATE ON access_grant, access_reaped TO {}", KEEPER)
    _run(db, "GRANT INSERT ON audit_entry TO {}", KEEPER)
    return remarks


def _is_role(db: psycopg.Connection, name: str) -> bool:
    return bool(db.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall())


def _logs_in(db: psycopg.Connection, name: str) -> bool:
    return bool(db.execute("SELECT FROM pg_roles WHERE rolname = %s AND rolcanlogin", (name,)).fetchall())


def _run(db: psycopg.Connection, statement: str, *names: str) -> None:
    db.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
