"""Access on a real PostgreSQL: before, during and after, with a session that stays open, and with nobody who
takes it back."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from hotel_booking.core.db import Database
from hotel_booking.ops.access import preparing
from hotel_booking.ops.access.database import DatabaseAway, Login, NotPrepared, keeper
from hotel_booking.ops.access.granting import GrantedAccess, OtherRole, Places, grant
from hotel_booking.ops.access.listing import listed
from hotel_booking.ops.access.reaping import reap
from hotel_booking.ops.access.revoking import NoAccess, revoke
from hotel_booking.ops.access.standing import Figures, figures
from hotel_booking.ops.access.terms import ROLES, Grant
from hotel_booking.ops.refusals import Refused
from hotel_booking.ops.security.roles import wrong
from tests.clients.command_line import command
from tests.ops.access_database import Server, server

pytestmark = pytest.mark.postgresql

JOHN = "john.doe@company.com"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with server() as made:
        yield made


@pytest.fixture
def places(postgres: Server) -> Iterator[Places]:
    yield Places(database=postgres.keeper, bindings=None, environ={}, who="jo@company.com")
    for (person,) in postgres.ask("SELECT person FROM access_grant WHERE ended_at IS NULL"):
        revoke(person, Places(database=postgres.keeper, bindings=None, environ={}, who="x"), now=now())


def now() -> datetime:
    return datetime.now(UTC)


def give(
    places: Places, role: str = "read-only", *, person: str = JOHN, seconds: float = 3600, approval: str = ""
) -> GrantedAccess:
    """A grant that ends in `seconds`: one of hours that is nearly over."""
    until = now() + timedelta(seconds=seconds)
    began = min(now(), until - timedelta(minutes=15))
    wanted = Grant(
        person=person,
        role=role,
        granted_at=began,
        until=until,
        requested_by="jo@company.com",
        approval=approval,
    )
    return grant(wanted, places)


def enter(postgres: Server, given: GrantedAccess) -> psycopg.Connection:
    login = given.login
    assert isinstance(login, Login)
    return psycopg.connect(postgres.as_user(login.user, login.password), autocommit=True)


def told(postgres: Server) -> Figures:
    async def ask() -> Figures:
        async with Database.open(postgres.owner, size=1) as db, db.reading() as tx:
            return await figures(tx, now())

    return asyncio.run(ask())


def test_before_during_and_after_with_a_session_left_open(postgres: Server, places: Places) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|does not exist"):
        psycopg.connect(postgres.as_user(JOHN, "anything"))
    given = give(places, seconds=2)
    session = enter(postgres, given)
    assert session.execute("SELECT count(*) FROM booking").fetchone() == (0,)
    time.sleep(2.2)
    # Nobody has seen to it yet: who was in is in, who comes is refused, and the alert's figure says so.
    assert session.execute("SELECT count(*) FROM booking").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        enter(postgres, given)
    assert told(postgres).expired == 1
    done = reap(database=postgres.keeper, bindings=None, now=now())
    assert (done.ended, done.problems) == ([JOHN], [])
    with pytest.raises(psycopg.OperationalError, match="terminating connection"):
        session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        enter(postgres, given)
    assert not postgres.ask("SELECT FROM pg_roles WHERE rolname = %s", JOHN), "the role is gone"
    figure = told(postgres)
    assert (figure.standing, figure.expired) == (0, 0)
    assert figure.reaped_at is not None


def test_all_of_it_is_in_the_audit_log(postgres: Server, places: Places) -> None:
    last = postgres.ask("SELECT coalesce(max(id), 0) FROM audit_entry")[0][0]
    give(places, seconds=1)
    reap(database=postgres.keeper, bindings=None, now=now() + timedelta(seconds=2))
    entries = postgres.ask(
        "SELECT actor_kind, actor_name, action, coalesce(after ->> 'person', ''), after ->> 'ended_by'"
        "  FROM audit_entry WHERE id > %s AND object_kind = 'access'"
        "   AND (action = 'insert' OR after ? 'ended_by') ORDER BY id",
        last,
    )
    assert entries == [
        ("ops", "jo@company.com", "insert", JOHN, ""),
        ("ops", "access reaper", "update", "", "access reaper"),
    ]


def test_revoking_ends_open_sessions_at_once(postgres: Server, places: Places) -> None:
    given = give(places, "operator")
    session = enter(postgres, given)
    session.execute("SELECT 1")
    taken = revoke(JOHN, places, now=now())
    assert taken == ["database: the login, and 1 open session"]
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    assert listed(places, now=now()).lines == []
    with pytest.raises(NoAccess, match=f"{JOHN} has no access"):
        revoke(JOHN, places, now=now())


def test_read_only_reads_the_views_and_nothing_else(postgres: Server, places: Places) -> None:
    session = enter(postgres, give(places))
    session.execute("SELECT reference, total FROM booking")
    refused = (
        *("SELECT * FROM public.guest", "SELECT email FROM public.booking_seen", "TABLE public.api_key"),
        *("SELECT pg_read_file('/etc/passwd')", "TABLE pg_authid"),
    )
    for statement in refused:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement)
    session.execute("SET default_transaction_read_only = off")
    changes = (
        *(
            "UPDATE public.booking SET total = 0",
            "UPDATE readable.booking SET total = 0",
            "CREATE TABLE x ()",
        ),
        "SELECT public.booking_expire('{00000000-0000-0000-0000-000000000000}')",
        *("SET ROLE hotel_booking", f"ALTER ROLE \"{JOHN}\" VALID UNTIL 'infinity'"),
    )
    for statement in changes:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement)
    # What the planner knows of a column is shown to who may read the column.
    assert session.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'").fetchone() == (0,)
    session.close()


def test_an_operator_ends_a_stuck_session_and_a_dba_administers_what_the_platform_owns(
    postgres: Server, places: Places
) -> None:
    stuck = psycopg.connect(postgres.owner)
    operator = enter(postgres, give(places, "operator"))
    assert operator.execute("SELECT pg_terminate_backend(%s)", (stuck.info.backend_pid,)).fetchone() == (
        True,
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        operator.execute("TABLE public.guest")
    revoke(JOHN, places, now=now())
    dba = enter(postgres, give(places, "dba"))
    dba.execute("REINDEX TABLE public.booking")
    dba.execute("CREATE TABLE public.scratch (id int)")
    dba.execute("INSERT INTO public.scratch VALUES (1)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        dba.execute("CREATE ROLE another LOGIN")
    revoke(JOHN, places, now=now())
    assert not postgres.ask("SELECT FROM pg_roles WHERE rolname = %s", JOHN), (
        "what they made keeps no role alive"
    )
    postgres.ask("DROP TABLE public.scratch")


def test_a_deployer_has_no_business_in_the_database(postgres: Server, places: Places) -> None:
    given = give(places, "deployer")
    assert given.login is None
    assert any("no business there" in remark for remark in given.remarks)
    assert not postgres.ask("SELECT FROM pg_roles WHERE rolname = %s", JOHN)
    assert [line.role for line in listed(places, now=now()).lines] == ["deployer"]


def test_a_second_grant_of_the_role_moves_the_end_and_of_another_is_refused(
    postgres: Server, places: Places
) -> None:
    first = give(places, seconds=600)
    session = enter(postgres, first)
    second = give(places, seconds=3600)
    assert second.extended is not None
    assert session.execute("SELECT 1").fetchone() == (1,), "who is in stays in"
    enter(postgres, second).close()
    with pytest.raises(psycopg.OperationalError):
        enter(postgres, first)
    with pytest.raises(OtherRole, match=r"has read-only until .* one role at a time"):
        give(places, "operator")
    lines = listed(places, now=now()).lines
    assert [(line.person, line.role, line.sessions) for line in lines] == [(JOHN, "read-only", 1)]
    session.close()


def test_who_comes_back_after_the_end_that_nobody_saw_to_brings_nothing_along(
    postgres: Server, places: Places
) -> None:
    """The reaper is dead, an operator's session is still open, and the same person gets read-only."""
    session = enter(postgres, give(places, "operator", seconds=1))
    time.sleep(1.2)
    given = give(places, "read-only")
    assert given.extended is None
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    groups = postgres.ask(
        "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        " JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s ORDER BY 1",
        JOHN,
    )
    assert groups == [("hotel_access",), ("hotel_read_only",)]


def test_after_an_hour_without_a_reaper_one_look_ends_all_that_has_ended(
    postgres: Server, places: Places
) -> None:
    people = [f"person-{number}@company.com" for number in range(3)]
    sessions = [enter(postgres, give(places, person=person, seconds=1)) for person in people]
    give(places, person="jane.roe@company.com")
    done = reap(database=postgres.keeper, bindings=None, now=now() + timedelta(minutes=30))
    assert sorted(done.ended) == people
    for session in sessions:
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert [line.person for line in listed(places, now=now() + timedelta(seconds=2)).lines] == [
        "jane.roe@company.com"
    ]
    assert reap(database=postgres.keeper, bindings=None, now=now()).ended == [], "and again, nothing"


def test_what_fails_for_one_keeps_nobody_elses_access(postgres: Server, places: Places) -> None:
    """Somebody made the first one's role a superuser: it can only be named."""
    first, second = "ann@company.com", "bob@company.com"
    give(places, person=first, seconds=1)
    give(places, person=second, seconds=1)
    postgres.ask(f'ALTER ROLE "{first}" SUPERUSER')
    time.sleep(1.2)
    done = reap(database=postgres.keeper, bindings=None, now=now())
    assert done.ended == [second]
    assert len(done.problems) == 1
    assert first in done.problems[0]
    assert told(postgres).expired == 1, "it goes on firing"
    postgres.ask(f'ALTER ROLE "{first}" NOSUPERUSER')
    assert reap(database=postgres.keeper, bindings=None, now=now()).ended == [first]


def test_an_approval_counts_once_and_a_foreign_role_is_left_alone(postgres: Server, places: Places) -> None:
    give(places, "dba", approval="a1")
    revoke(JOHN, places, now=now())
    with pytest.raises(Refused, match="was used already"):
        give(places, "dba", approval="a1")
    assert listed(places, now=now()).lines == []
    foreign = "replication@company.com"
    postgres.ask(f'CREATE ROLE "{foreign}" LOGIN')
    with pytest.raises(Refused, match="was not made here"):
        give(places, person=foreign)
    with pytest.raises(Refused, match="was not made here"):
        revoke(foreign, places, now=now())
    assert postgres.ask("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", foreign) == [(True,)]
    assert listed(places, now=now()).lines == []
    postgres.ask(f'DROP ROLE "{foreign}"')


def test_passwords_are_in_no_log_of_statements(postgres: Server, places: Places) -> None:
    postgres.ask("ALTER ROLE hotel_access_keeper SET log_statement = 'all'")
    given = give(places)
    assert given.login is not None
    log = (postgres.home / "log").read_text()
    assert "ALTER ROLE" in log
    assert given.login.password not in log
    postgres.ask("ALTER ROLE hotel_access_keeper RESET log_statement")


def test_preparing_again_changes_nothing_and_a_later_view_is_seen(postgres: Server, places: Places) -> None:
    assert preparing.prepare(postgres.admin) == ("", [])
    postgres.ask("CREATE VIEW readable.later AS SELECT 1 AS one", url=postgres.owner)
    session = enter(postgres, give(places))
    assert session.execute("SELECT one FROM later").fetchone() == (1,)
    session.close()
    postgres.ask("DROP VIEW readable.later")
    with pytest.raises(Refused, match="you may not prepare"):
        preparing.prepare(postgres.owner)


def test_a_group_that_somebody_logs_in_by_is_nobodys_group() -> None:
    """Whoever got access would become them; on RDS the master is called so much alike."""
    with server() as other:
        other.ask("ALTER ROLE hotel_on_call LOGIN")
        with pytest.raises(Refused, match="hotel_on_call may log in"):
            preparing.prepare(other.admin)
    groups = {group for role in ROLES.values() for group in role.groups}
    written = (Path(__file__).parents[2] / "deployment/terraform/modules/database/main.tf").read_text()
    master = re.search(r'\busername\s+=.*"(\w+)"', written)
    assert master is not None
    assert master[1] not in groups


def test_who_may_what_is_what_was_written_down(postgres: Server, places: Places) -> None:
    """To the line, with somebody who has access; and whatever anybody has beyond it is found."""
    give(places, role="operator")
    assert on_list(postgres) == []
    for change, back, found in (
        ("GRANT SELECT ON guest TO hotel_read_only", "REVOKE SELECT ON guest FROM hotel_read_only",
         "may, and should not: hotel_read_only: SELECT on public.guest"),
        ("GRANT UPDATE (email) ON guest TO hotel_on_call",
         "REVOKE UPDATE (email) ON guest FROM hotel_on_call",
         "may, and should not: hotel_on_call: UPDATE on public.guest.email"),
        ("GRANT pg_read_server_files TO hotel_dba",
         "REVOKE pg_read_server_files FROM hotel_dba",
         "may, and should not: hotel_dba: is a member of pg_read_server_files"),
        (f'GRANT pg_write_all_data TO "{JOHN}"', f'REVOKE pg_write_all_data FROM "{JOHN}"',
         f"may, and should not: {JOHN}: is a member of pg_write_all_data"),
        ("ALTER ROLE hotel_access_keeper REPLICATION", "ALTER ROLE hotel_access_keeper NOREPLICATION",
         "may, and should not: hotel_access_keeper: may log in, makes roles, replicates"),
        ("ALTER FUNCTION folded(text) SECURITY DEFINER", "ALTER FUNCTION folded(text) SECURITY INVOKER",
         "may, and should not: everybody who may call it: folded runs as its owner"),
        ("REVOKE SELECT ON readable.booking FROM hotel_read_only",
         "GRANT SELECT ON readable.booking TO hotel_read_only",
         "may not, and should: hotel_read_only: SELECT on all of readable"),
        ("CREATE ROLE intern LOGIN; GRANT SELECT ON booking TO intern",
         "DROP OWNED BY intern; DROP ROLE intern",
         "may, and should not: intern: SELECT on public.booking"),
    ):  # fmt: skip
        for statement in change.split("; "):
            postgres.ask(statement)
        assert found in on_list(postgres), change
        for statement in back.split("; "):
            postgres.ask(statement)
    assert on_list(postgres) == []


def on_list(postgres: Server) -> list[str]:
    """What the security audit finds; a throwaway server's superuser is no finding here."""
    return [line for line in wrong(postgres.owner) if not line.startswith("role hotel is a superuser")]


def test_what_cannot_be_kept_is_said(postgres: Server) -> None:
    with pytest.raises(NotPrepared), keeper(postgres.owner, who="x"):
        pass
    with pytest.raises(DatabaseAway), keeper(postgres.as_user("nobody", "x"), who="x"):
        pass
    assert all(role.longest <= timedelta(hours=12) for role in ROLES.values()), "AWS's longest session"


def test_who_has_a_role_whose_password_could_not_be_kept_is_said(
    postgres: Server, places: Places, tmp_path: Path
) -> None:
    del places  # revokes in the end
    (tmp_path / "access").write_text("a file where the folder should be")
    words = ("access", "grant", "--user", JOHN, "--role", "read-only", "--duration", "1h")
    ended = command(
        *("ops", *words, "--without", "kubernetes"),
        HOTEL_ACCESS_DATABASE_URL=postgres.keeper,
        HOTEL_OPS_DIR=str(tmp_path),
        HOTEL_SPOOL_DIR=str(tmp_path / "spool"),
    )
    assert ended.returncode == 1, ended.stdout
    assert f"{JOHN} has read-only now, but the file with the password cannot be written" in ended.stderr
    assert f"  hotel-booking ops access revoke --user {JOHN}" in ended.stderr
    assert postgres.ask("SELECT person FROM access_grant WHERE ended_at IS NULL") == [(JOHN,)]
