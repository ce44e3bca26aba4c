"""Access to PostgreSQL: a role of the person's own with an end, and the list of all grants.

`VALID UNTIL` keeps a new session out by itself, with nobody there to see to it; a session that is open
survives it, so at the end the role may no longer log in, its sessions are ended, and it is dropped. All of
it is done as hotel_access_keeper (`ops.access.preparing`), whoever is connected, so that one can take back
what another gave.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import msgspec
import psycopg
from psycopg import sql

from hotel_booking.ops.access.terms import Grant, Role
from hotel_booking.ops.asking import database_address
from hotel_booking.ops.refusals import Refused, WrongUse, plainly

KEEPER = "hotel_access_keeper"
EVERYBODY = "hotel_access"  # whose members are the roles that we made
_CONNECT_SECONDS = 5
_END_MILLISECONDS = 5_000
_MOST_CONNECTIONS = 5

_PREPARE = (
    "Somebody who administers the database prepares it, once:",
    "  HOTEL_ACCESS_DATABASE_URL=postgresql://ADMINISTRATOR@HOST/DATABASE hotel-booking ops access prepare",
)


class DatabaseAway(Refused):
    """The database did not answer, or ended the connection. Nothing of the step was done."""


class NotPrepared(Refused):
    """The roles that access is made of are not there."""


class Record(Grant, frozen=True, kw_only=True):
    """A line of the list that has not ended."""

    in_kubernetes: bool = False
    in_database: bool = False
    at_aws: bool = False


class Login(msgspec.Struct, frozen=True):
    """What the person connects with. The password is nowhere else."""

    host: str
    port: str
    database: str
    user: str
    password: str


class Keeper:
    """A connection that acts as hotel_access_keeper."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._db = connection

    def standing(self, person: str) -> Record | None:
        """Their grant that has not ended."""
        return next((record for record in self.all_standing() if record.person == person), None)

    def all_standing(self) -> list[Record]:
        """The grants that have not ended, those that end first first."""
        rows = self._db.execute(
            "SELECT person, role, granted_at, until, reason, requested_by, approved_by,"
            "       coalesce(approval, ''), in_kubernetes, in_database, at_aws"
            "  FROM access_grant WHERE ended_at IS NULL ORDER BY until, person"
        ).fetchall()
        fields = (*Grant.__struct_fields__, "in_kubernetes", "in_database", "at_aws")
        return [Record(**dict(zip(fields, row, strict=True))) for row in rows]

    def record(self, grant: Grant, *, in_database: bool) -> None:
        """Put it on the list, or in the place of the one that stands. Raises `Refused` for an approval that
        was used before."""
        try:
            with self._db.transaction():
                self._insert(grant, in_database)
        except psycopg.errors.UniqueViolation:
            raise Refused(
                f"this approval of {grant.approved_by} was used already: it counts once",
                "Ask for another one.",
            ) from None

    def told(self, person: str, *, kubernetes: bool, aws: bool) -> None:
        """Note where else it was given."""
        self._db.execute(
            "UPDATE access_grant SET in_kubernetes = %s, at_aws = %s WHERE person = %s AND ended_at IS NULL",
            (kubernetes, aws, person),
        )

    def ended(self, person: str, *, now: datetime, by: str) -> None:
        """Note that everything was taken back."""
        self._db.execute(
            "UPDATE access_grant SET ended_at = %s, ended_by = %s WHERE person = %s AND ended_at IS NULL",
            (now, by, person),
        )

    def due(self, person: str, *, now: datetime) -> None:
        """Have the reaper take it back, and the alert fire until it did: its end is now."""
        self._db.execute(
            "UPDATE access_grant SET until = least(until, %s) WHERE person = %s AND ended_at IS NULL",
            (now, person),
        )

    def give(self, grant: Grant, role: Role) -> Login:
        """Their role with a new password, until the grant's end. Raises `Refused` where a role of that name
        is there that is not ours, `NotPrepared` where groups are missing."""
        self._refuse_foreign(grant.person)
        missing = {EVERYBODY, *role.groups} - self._roles({EVERYBODY, *role.groups})
        if missing:
            raise NotPrepared(f"the database has no role {', '.join(sorted(missing))}", *_PREPARE)
        password = secrets.token_urlsafe(24)
        # Its verifier goes to the server, so the password is in no log of statements.
        verifier = self._db.pgconn.encrypt_password(
            password.encode(), grant.person.encode(), b"scram-sha-256"
        ).decode()
        name = sql.Identifier(grant.person)
        if not self._roles({grant.person}):
            self._run(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        for group in (EVERYBODY, *role.groups):
            self._run(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))
        self._run(
            sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {} VALID UNTIL {}").format(
                name, _MOST_CONNECTIONS, verifier, grant.until.isoformat()
            )
        )
        for setting, value in _settings(role).items():
            self._run(sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), value))
        info = self._db.info
        return Login(info.host, str(info.port), info.dbname, grant.person, password)

    def shut(self, person: str) -> bool:
        """From here on they cannot log in; whether they could, or have a session. Their open sessions go on
        until `end`. Raises `Refused`."""
        with self._refusing(person):
            if not self._roles({person}):
                return False
            self._refuse_foreign(person)
            could = self._db.execute(
                "SELECT FROM pg_roles r WHERE r.rolname = %s AND (r.rolcanlogin"
                "    OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.usename = r.rolname))",
                (person,),
            ).fetchall()
            self._run(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(person)))
            return bool(could)

    def end(self, person: str) -> int:
        """End their sessions and drop the role; how many sessions there were. `shut` has to be committed
        before: a session that begins in between would be missed. Raises `Refused`."""
        with self._refusing(person):
            rows = self._db.execute(
                "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE usename = %s",
                (_END_MILLISECONDS, person),
            ).fetchall()
            if not all(ended for (ended,) in rows):
                raise Refused(f"a session of {person} did not end within {_END_MILLISECONDS // 1000} s")
            for (group,) in self._db.execute(
                "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
                "  JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s AND g.rolname <> %s",
                (person, EVERYBODY),
            ).fetchall():
                self._run(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(group), sql.Identifier(person)))
            # What is theirs keeps the role: without a login, in no group, ours to give again.
            with suppress(psycopg.errors.DependentObjectsStillExist), self._db.transaction():
                self._run(sql.SQL("DROP ROLE {}").format(sql.Identifier(person)))
            return len(rows)

    def logins(self) -> dict[str, int]:
        """Who may log in by a role of ours, or still has a session: how many sessions."""
        rows = self._db.execute(
            "SELECT r.rolname, (SELECT count(*) FROM pg_stat_activity a WHERE a.usename = r.rolname)"
            "  FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid"
            "  JOIN pg_roles g ON g.oid = m.roleid AND g.rolname = %s WHERE r.rolname <> %s",
            (EVERYBODY, KEEPER),
        ).fetchall()
        able = self._db.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin").fetchall()
        return {name: sessions for name, sessions in rows if sessions or (name,) in able}

    def expired(self, now: datetime) -> list[str]:
        """Roles of ours whose end has come, on the list or not, and those that are shut and not ended."""
        rows = self._db.execute(
            "SELECT r.rolname FROM pg_roles r"
            "  JOIN pg_auth_members m ON m.member = r.oid"
            "  JOIN pg_roles g ON g.oid = m.roleid AND g.rolname = %s"
            " WHERE r.rolname <> %s AND (r.rolvaliduntil <= %s AND r.rolcanlogin OR NOT r.rolcanlogin"
            "       AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.usename = r.rolname))"
            " ORDER BY 1",
            (EVERYBODY, KEEPER, now),
        ).fetchall()
        return [row[0] for row in rows]

    def reaped(self, now: datetime) -> None:
        """Note that everything was looked at."""
        self._db.execute(
            "INSERT INTO access_reaped (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = excluded.at",
            (now,),
        )

    def commit(self) -> None:
        """Keep what was done so far."""
        self._db.commit()

    def _insert(self, grant: Grant, in_database: bool) -> None:
        self._db.execute(
            "INSERT INTO access_grant (person, role, granted_at, until, reason, requested_by, approved_by,"
            "                          approval, in_kubernetes, in_database)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, true, %s)"
            " ON CONFLICT (person) WHERE ended_at IS NULL DO UPDATE"
            "    SET role = excluded.role, until = excluded.until, reason = excluded.reason,"
            "        requested_by = excluded.requested_by, approved_by = excluded.approved_by,"
            "        approval = excluded.approval, in_kubernetes = true, in_database = excluded.in_database",
            (grant.person, grant.role, grant.granted_at, grant.until, grant.reason, grant.requested_by,
             grant.approved_by, grant.approval or None, in_database),
        )  # fmt: skip

    @contextmanager
    def _refusing(self, person: str) -> Iterator[None]:
        """What the database does not do for one person leaves the transaction as it was."""
        try:
            with self._db.transaction():
                yield
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise Refused(f"the database does not take back what {person} has: {_line(error)}") from None

    def _refuse_foreign(self, person: str) -> None:
        if (
            self._roles({person})
            and not self._db.execute(
                "SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
                "  JOIN pg_roles r ON r.oid = m.member"
                " WHERE g.rolname = %s AND r.rolname = %s",
                (EVERYBODY, person),
            ).fetchall()
        ):
            raise Refused(f"the database has a role {person} that was not made here: it is left alone")

    def _roles(self, names: set[str]) -> set[str]:
        rows = self._db.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", (list(names),))
        return {row[0] for row in rows.fetchall()}

    def _run(self, statement: sql.Composed) -> None:
        self._db.execute(statement)


@contextmanager
def keeper(url: str, *, who: str) -> Iterator[Keeper]:
    """Connected, as the keeper; what is done is kept at the end, and the audit log has it as `who`'s. Raises
    `DatabaseAway`, `NotPrepared` or `WrongUse`."""
    with connected(url) as connection:
        try:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(KEEPER)))
            connection.execute(
                "SELECT set_config('hotel.origin', %s, false)", (json.dumps({"kind": "ops", "name": who}),)
            )
        except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege):
            raise NotPrepared(f"there is no role {KEEPER} there that you may act as", *_PREPARE) from None
        connection.commit()
        try:
            yield Keeper(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotPrepared(f"the database refuses it: {_line(error)}", *_PREPARE) from None
        except psycopg.errors.UndefinedTable:
            raise NotPrepared("this database has no list of access yet", "  hotel-booking migrate") from None
        except psycopg.OperationalError as error:
            raise DatabaseAway(f"the database went away: {_line(error)}") from None
        connection.commit()


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """A connection. Raises `DatabaseAway`, or `WrongUse` for what is no address."""
    database_address("HOTEL_ACCESS_DATABASE_URL", url)
    try:
        connection = psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, application_name="hotel-access")
    except psycopg.ProgrammingError as error:
        raise WrongUse(f"HOTEL_ACCESS_DATABASE_URL is no address of a database: {_line(error)}") from None
    except psycopg.OperationalError as error:
        raise DatabaseAway(
            f"the database does not let us in: {_line(error)}",
            "Is it up, and is HOTEL_ACCESS_DATABASE_URL its own?",
        ) from None
    with connection:
        yield connection


def _settings(role: Role) -> dict[str, str]:
    """What their sessions begin with."""
    common = {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "5min"}
    if role.name == "dba":  # what they make is the group's, and not a reason why their role cannot be dropped
        return {"role": "hotel_dba", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "5min"}
    return {**common, "default_transaction_read_only": "on", "search_path": "readable"}


def _line(error: Exception) -> str:
    return plainly(error)[:300]
