"""hotel-booking ops access grant | revoke | list | approve | prepare: access to production for some hours."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from hotel_booking.cli.ops_access_output import as_json, as_table, tell
from hotel_booking.cli.ops_inputs import DryRun, check_values, report_to_audit_log, value_of
from hotel_booking.ops.asking import Want
from hotel_booking.ops.refusals import plainly

app = typer.Typer(no_args_is_help=True, help="Access to production, for some hours.")

_DATABASE = "HOTEL_ACCESS_DATABASE_URL"
KEEPERS = Want(
    _DATABASE,
    "the database's address, as hotel_access_keeper",
    "postgresql://hotel_access_keeper:PASSWORD@HOST/hotel_booking",
)
_APPROVAL = "HOTEL_ACCESS_APPROVAL"
_KEY = Want("HOTEL_ACCESS_KEY", "your key to approve with", '"$(cat KEY-FILE)"')
_YOU = Want("HOTEL_OPERATOR", "your own e-mail address", "you@company.com")
_WHY = Want("HOTEL_ACCESS_REASON", "why they need it", '"a slow query"')
PLACES = ("kubernetes", "database")
_PRODUCTION = "hotel-booking-production"

User = Annotated[str, typer.Option("--user", help="Whose access it is: their e-mail address.")]
RoleName = Annotated[str, typer.Option("--role", help="read-only, operator, dba or deployer.")]
Duration = Annotated[str, typer.Option("--duration", help="For how long: 4h, 90m or 1h30m.")]
Namespace = Annotated[
    str,
    typer.Option("--namespace", envvar="HOTEL_KUBERNETES_NAMESPACE", help="The environment's namespace."),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="A place that this environment does not have: kubernetes or database."),
]


@app.command()
def grant(
    user: User,
    role: RoleName,
    duration: Duration,
    reason: Annotated[str, typer.Option("--reason", help="Why; needed for a role that writes.")] = "",
    namespace: Namespace = _PRODUCTION,
    without: Without = None,
    dry_run: DryRun = False,
) -> None:
    """Give somebody a role in Kubernetes, in the database and at AWS until a time at which all three end. Who
    has the role already has it until the new end. A role that writes needs the approval of somebody else."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access import granting
    from hotel_booking.ops.access.terms import Grant, duration_of, person_of, reason_of, role_of
    from hotel_booking.ops.operation import operation

    person, wanted = person_of(user), role_of(role)
    length = duration_of(duration, wanted)
    _check_all(person, wanted, length, reason=reason, without=_without(without))
    requester = _requester(asked=wanted.writes)
    if wanted.writes and not reason:
        reason = value_of(_WHY)
    elif not reason:
        reason = os.environ.get("HOTEL_ACCESS_REASON", "").strip()
    now = utc_now()
    approver, approval = _approved(person, wanted.name, length, requester) if wanted.writes else ("", "")
    there = places(namespace, without, requester)
    given = Grant(
        person=person,
        role=wanted.name,
        granted_at=now,
        until=now + length,
        reason=reason_of(reason),
        requested_by=requester,
        approved_by=approver,
        approval=approval,
    )
    with operation(
        "access.grant", target=person, alone="access", dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        act.tell(role=wanted.name, until=given.until.isoformat(), reason=given.reason, approved_by=approver)
        if dry_run:
            print(f"{person} would have {wanted.name} until {given.until:%Y-%m-%d %H:%M} UTC.")
            return
        came = granting.grant(given, there)
        act.tell(
            outcome="extended" if came.extended else "granted",
            kubernetes=came.kubernetes,
            database=came.login is not None,
            aws=came.session is not None,
        )
        act.happened(f"{person} has {wanted.name} now", *_again(person))
        file = _kept(given, came)
    tell(given, came, file, namespace)
    report_to_audit_log()


def _kept(given: Any, came: Any) -> Path | None:
    """The file with the password. Raises `Refused`: they have the role then, and nobody the password."""
    from hotel_booking.ops.access.credentials import keep
    from hotel_booking.ops.operation import home
    from hotel_booking.ops.refusals import Refused

    try:
        return keep(home(os.environ), given, came.login, came.session)
    except OSError as error:
        raise Refused(
            f"{given.person} has {given.role} now, but the file with the password cannot be written"
            f" ({error.filename or home(os.environ)}: {plainly(error)})",
            *_again(given.person),
        ) from None


def _again(person: str) -> tuple[str, str]:
    return (
        "Run this again for a new password (HOTEL_OPS_DIR names another folder), or take it back:",
        f"  hotel-booking ops access revoke --user {person}",
    )


@app.command()
def revoke(
    user: User, namespace: Namespace = _PRODUCTION, without: Without = None, dry_run: DryRun = False
) -> None:
    """Take back everything that somebody has, at once: the role in Kubernetes, the login of the database with
    its open sessions, the sessions of AWS. Exit code 1 where they have nothing, or something still stands."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access import revoking
    from hotel_booking.ops.access.credentials import forget
    from hotel_booking.ops.access.terms import person_of
    from hotel_booking.ops.operation import home, operation

    person = person_of(user)
    there = places(namespace, without)
    with operation(
        "access.revoke", target=person, alone="access", dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        if dry_run:
            print(f"Everything that {person} has would be taken back.")
            return
        taken = revoking.revoke(person, there, now=utc_now())
        act.tell(outcome="revoked", taken=taken)
    forget(home(os.environ), person)
    print(f"{person} has no access any more. Taken back:")
    for one in taken:
        print(f"  {one}")
    report_to_audit_log()


@app.command("list")
def list_(
    namespace: Namespace = _PRODUCTION,
    without: Without = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Who has what until when, as it is in Kubernetes and in the database. Exit code 1 where something
    could not be asked, 3 where something stands whose end has come."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access.listing import listed

    now = utc_now()
    found = listed(places(namespace, without), now=now)
    as_json(found) if json else as_table(found, now)
    for problem in found.problems:
        print(f"hotel-booking: not everything was seen: {problem}", file=sys.stderr)
    if found.problems:
        raise typer.Exit(1)
    if any(line.expired for line in found.lines):
        raise typer.Exit(3)


@app.command()
def reap(namespace: Namespace = _PRODUCTION, without: Without = None) -> None:
    """Take back all access whose end has come; the CronJob hotel-booking-access-reaper does it each minute.
    What it does is in the audit log."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access.reaping import reap as reap_now

    database, bindings = _reaps(namespace, _without(without))
    done = reap_now(database=database, bindings=bindings, now=utc_now())
    for person in done.ended:
        print(f"{person}: taken back")
    for problem in done.problems:
        print(f"hotel-booking: {problem}", file=sys.stderr)
    if done.problems:
        raise typer.Exit(1)


@app.command()
def approve(
    user: User,
    role: RoleName,
    duration: Duration,
    requester: Annotated[str, typer.Option("--requester", help="Who asks for it: their e-mail address.")],
) -> None:
    """Agree to what somebody else asks for, by one signed line: it counts for an hour, once, for exactly
    this. The key is HOTEL_ACCESS_KEY; its public half stands in deployment/access-approvers."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access import approval
    from hotel_booking.ops.access.terms import duration_of, person_of, role_of
    from hotel_booking.ops.operation import operation

    person, wanted, asker = person_of(user), role_of(role), person_of(requester)
    length = duration_of(duration, wanted)
    key = value_of(_KEY, secret=True)
    with operation(
        "access.approve", target=person, dry_run=False, environ=os.environ, clock=utc_now, changes=False
    ) as act:
        line, approver = approval.approve(
            person=person,
            role=wanted.name,
            length=length,
            requester=asker,
            private_key=key,
            approvers=_approvers(),
            now=utc_now(),
        )
        act.tell(outcome="approved", role=wanted.name, duration=duration, requester=asker, approver=approver)
    print(f"For {asker}, who asks for it:\n", file=sys.stderr)
    print(line)
    report_to_audit_log()


@app.command()
def key() -> None:
    """Make a key to approve with. The private half is printed once and kept nowhere."""
    from hotel_booking.ops.evidence import make_key

    private, public = make_key()
    print(f"HOTEL_ACCESS_KEY={private}\n")
    print("Keep that as a secret. It counts once a line stands in deployment/access-approvers (your e-mail")
    print("address, the roles that you may approve, the public key):\n")
    print(f"NAME@COMPANY operator,dba,deployer {public}")


@app.command()
def prepare() -> None:
    """Make in the database what access needs: once, as somebody who administers it; again after a restore."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access import preparing
    from hotel_booking.ops.access.database import KEEPER
    from hotel_booking.ops.operation import operation

    url = _database()
    with operation("access.prepare", target="database", dry_run=False, environ=os.environ, clock=utc_now):
        password, remarks = preparing.prepare(url, os.environ.get("HOTEL_ACCESS_PASSWORD", "").strip())
    for remark in remarks:
        print(f"hotel-booking: {remark}", file=sys.stderr)
    if password:
        print(f"Made {KEEPER}. {_DATABASE} has this from now on, for people and for the reaper:\n")
        print(f"  postgresql://{KEEPER}:{password}@HOST:5432/DATABASE?sslmode=require")
    else:
        print(f"All is there; {KEEPER} has the password that it was given.")
    report_to_audit_log()


def _check_all(person: str, role: Any, length: timedelta, *, reason: str, without: set[str]) -> None:
    """Raise `WrongUse` naming all that a grant lacks, where that is more than one value."""
    from hotel_booking.ops.access.terms import told as written
    from hotel_booking.ops.operation import operator

    who = operator(os.environ)
    approve = f"hotel-booking ops access approve --user {person} --role {role.name}"
    approve += f" --duration {written(length)} --requester {who or _YOU.example}"
    wants = [] if "database" in without else [KEEPERS]
    if role.writes:
        wants += [] if who else [_YOU]
        wants += [] if reason else [_WHY]
        wants.append(Want(_APPROVAL, f"the line that somebody else gets from: {approve}", "LINE"))
    check_values(wants)


def _requester(*, asked: bool) -> str:
    """Who acts: by HOTEL_OPERATOR, else asked for, else the machine's user."""
    from hotel_booking.ops.access.terms import person_of
    from hotel_booking.ops.operation import operator
    from hotel_booking.ops.spool import machine_user

    if asked and not operator(os.environ):
        return person_of(value_of(_YOU))
    who = operator(os.environ)
    return person_of(who) if asked else who or machine_user()


def _approved(person: str, role: str, length: timedelta, requester: str) -> tuple[str, str]:
    """Who approved it, and the approval's id."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.access import approval
    from hotel_booking.ops.access.terms import told as written
    from hotel_booking.ops.asking import typed
    from hotel_booking.ops.refusals import WrongUse

    line = os.environ.get(_APPROVAL, "").strip()
    if not line:
        asks = f"  hotel-booking ops access approve --user {person} --role {role}"
        asks += f" --duration {written(length)} --requester {requester}"
        explained = (
            f"{role} needs the approval of somebody else, who runs this and gives you its line:",
            asks,
        )
        if not sys.stdin.isatty():
            raise WrongUse(
                *explained, "Then this works:", f"  {_APPROVAL}=LINE {typed(os.environ, sys.argv)}"
            )
        print("\n".join(explained), file=sys.stderr)
        line = value_of(Want(_APPROVAL, "the line", "LINE"))
    return approval.check(
        line,
        person=person,
        role=role,
        length=length,
        requester=requester,
        approvers=_approvers(),
        now=utc_now(),
    )


def _approvers() -> Any:
    from hotel_booking.ops.access.approval import read_approvers
    from hotel_booking.ops.monitoring import files
    from hotel_booking.ops.refusals import WrongUse

    path = Path(os.environ.get("HOTEL_ACCESS_APPROVERS") or files().parent / "access-approvers")
    try:
        return read_approvers(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"who may approve is not known: {path} cannot be read: {plainly(error)}") from None


def places(namespace: str, without: list[str] | None, who: str = "") -> Any:
    """Where access is given and taken back, as `who` (else whoever runs this). Raises `WrongUse`."""
    from hotel_booking.ops.access.bindings import ByKubectl
    from hotel_booking.ops.access.granting import Places
    from hotel_booking.ops.kubectl import Kubectl

    missing = _without(without)
    return Places(
        database=None if "database" in missing else _database(),
        bindings=None if "kubernetes" in missing else ByKubectl(Kubectl(namespace, environ=os.environ)),
        environ=os.environ,
        who=who or _requester(asked=False),
    )


def _reaps(namespace: str, missing: set[str]) -> tuple[str | None, Any]:
    """The database and the bindings as the reaper has them: in a pod by its ServiceAccount."""
    from hotel_booking.ops.access.bindings import ByKubectl
    from hotel_booking.ops.access.in_pod import InPod
    from hotel_booking.ops.kubectl import Kubectl
    from hotel_booking.ops.kubernetes import Api

    database = None if "database" in missing else _database()
    if "kubernetes" in missing:
        return database, None
    if Api.is_pod(os.environ):
        return database, InPod(Api.in_pod(os.environ))
    return database, ByKubectl(Kubectl(namespace, environ=os.environ))


def _without(names: list[str] | None) -> set[str]:
    from hotel_booking.ops.refusals import WrongUse

    if unknown := [name for name in names or () if name not in PLACES]:
        raise WrongUse(f"--without {unknown[0]}: there are {' and '.join(PLACES)}")
    if len(set(names or ())) == len(PLACES):
        raise WrongUse("without both there is no place to give access to")
    return set(names or ())


def _database() -> str:
    return value_of(KEEPERS, secret=True)
