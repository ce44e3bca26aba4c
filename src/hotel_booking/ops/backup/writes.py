"""Whether a database takes writes, whoever is connected to it and by whatever name."""

from __future__ import annotations

import psycopg
from psycopg import sql

from hotel_booking.ops.backup.engine import Say


def take_writes(url: str, *, taken: bool, say: Say) -> None:
    """Have the database at `url` take writes, or none, and end its sessions: clients keep their
    connections to a server that was renamed. One that does not answer is told, and left: then nobody writes
    to it either."""
    verb = "RESET default_transaction_read_only" if taken else "SET default_transaction_read_only = on"
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=10, options="-c default_transaction_read_only=off"
        ) as connection:
            row = connection.execute("SELECT current_database()").fetchone()
            database = sql.Identifier(str(row[0] if row else ""))
            connection.execute(sql.SQL("ALTER DATABASE {} ").format(database) + sql.SQL(verb))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
    except psycopg.OperationalError as error:
        say(f"the database did not answer and was not {'opened' if taken else 'closed'}: {error}")
