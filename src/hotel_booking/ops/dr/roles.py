"""The application's role in the database, with what it may: made or put right, as often as one likes. On RDS
nobody else makes it; after a restore from elsewhere it may have another password."""

from __future__ import annotations

import psycopg
from psycopg import sql

from hotel_booking.ops.refusals import Refused, plainly

_OWNER_OF = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"


def ensure(master: str, *, role: str, password: str) -> list[str]:
    """Have the role, its password and its grants, in the database at `master` (the URL of who may make
    roles); what was not so. Raises `Refused` where it cannot be reached or may not."""
    try:
        with psycopg.connect(master, connect_timeout=10) as connection:
            return _ensure(connection, role, password)
    except psycopg.Error as error:
        reason = plainly(error)
        raise Refused(
            f"the role {role} could not be made or put right: {reason}",
            "Nothing was changed. Is it the master's name and password (Secrets Manager, rds!db-…)?",
        ) from None


def _ensure(connection: psycopg.Connection, role: str, password: str) -> list[str]:
    done: list[str] = []
    name = sql.Identifier(role)
    if not _value(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        done.append(f"role {role} made")
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
    us = str(_value(connection, "SELECT current_user"))
    if us != role and not _value(connection, "SELECT pg_has_role(%s, %s, 'MEMBER')", us, role):
        connection.execute(sql.SQL("GRANT {} TO {}").format(name, sql.Identifier(us)))
    if _value(connection, _OWNER_OF) != role:
        database = str(_value(connection, "SELECT current_database()"))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), name))
        done.append(f"{database} belongs to {role}")
    if not _value(connection, "SELECT pg_has_role(%s, 'pg_monitor', 'MEMBER')", role):
        connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(name))
        done.append(f"{role} may read what monitoring reads")
    if _value(connection, "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"):
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    return done


def _value(connection: psycopg.Connection, statement: str, *words: object) -> object:
    row = connection.execute(statement.encode(), words or None).fetchone()
    return row[0] if row else None
