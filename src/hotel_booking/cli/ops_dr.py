"""hotel-booking ops dr restore | promote | roles | dns: another server, or another region, takes over."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from hotel_booking.cli.ops_inputs import DryRun, Signers, check_values, report_to_audit_log, value_of
from hotel_booking.ops.asking import Want, database_address

app = typer.Typer(no_args_is_help=True, help="Another server, or another region, takes over.")
_STANDBY = Want("HOTEL_STANDBY", "the standby that takes over", "dr")
_REPLICA = Want(
    "HOTEL_STANDBY_URL",
    "the replica's address, as a superuser",
    "postgresql://postgres:PASSWORD@HOST:5432/hotel_booking",
)
_TARGET = Want("HOTEL_DNS_TARGET", "the region that guests shall reach", "dr")


@app.command()
def promote(
    primary_is_stopped: Annotated[
        bool,
        typer.Option("--primary-is-stopped", help="The primary is stopped for good, whatever it looks like."),
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Make a replica of your own PostgreSQL the primary (HOTEL_STANDBY_URL, as a superuser), have its
    settings read again, its WAL switched and archived; then make a backup. On RDS: `ops dr restore`."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.promotion import promote as promoted

    url = database_address(_REPLICA.variable, value_of(_REPLICA, secret=True))
    with operation("promote", target="replica", dry_run=dry_run, environ=os.environ, clock=utc_now) as act:
        if dry_run:
            print("The replica would be promoted, and settled.")
            return
        was_replica = promoted(url, primary_is_stopped=primary_is_stopped, say=print)
        act.tell(was_replica=was_replica)
    print("Next, at once: hotel-booking ops backup backup")
    report_to_audit_log()


@app.command()
def restore(
    environment: Annotated[str, typer.Option("--environment", help="The standby that takes over: dr.")] = "",
    way: Annotated[
        str,
        typer.Option(
            "--from",
            help="replica, backups or snapshot; else the first of them that there is.",
            metavar="WAY",
        ),
    ] = "",
    dry_run: DryRun = False,
    signers: Signers = None,
) -> None:
    """Have the standby of another region take bookings, with another person's approval: its replica is
    promoted (else the newest copied backup restored), what Terraform does not hold is made, and everything
    is checked. It starts closed for sale. What failed or was killed is taken up by running it again. Next:
    update-dns.sh --target dr."""
    from hotel_booking.cli.ops_restore import approvals, wanted
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup import approval
    from hotel_booking.ops.dr.restore import RTO_MINUTES, Restore
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.refusals import WrongUse

    if not environment and not dry_run:
        check_values((_STANDBY, *wanted(_STANDBY.example, "latest")))
    place = _standby(environment)
    if way not in ("", "replica", "backups", "snapshot"):
        raise WrongUse(f"--from is replica, backups or snapshot, and not {way!r}")
    if not dry_run:
        check_values(wanted(place.environment, "latest"))
    approval_of = None if dry_run else approvals(place.environment, "latest", "", signers)
    if approval_of:
        approval_of()  # before anybody is asked anything else
    run = Restore(place, environ=os.environ, now=utc_now, say=_say, ask=_ask)
    with operation(
        "dr-restore", target=place.environment, dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        chosen = run.look(way)
        act.tell(way=chosen.how, behind=None if chosen.behind is None else int(chosen.behind.total_seconds()))
        if approval_of is None:
            print("Nothing was touched.")
            return
        record, approver = approval_of()
        act.tell(approved_by=approver, reason=record.reason)
        try:
            run.run(chosen)
            approval.use(record, os.environ)  # not before: a run that failed is taken up by the next
        finally:
            seconds = sum(step.seconds for step in run.steps)
            act.tell(
                steps={step.step: round(step.seconds, 1) for step in run.steps}, seconds=round(seconds, 1)
            )
            _print_steps(run.steps)
    print(f"{seconds / 60:.1f} of the {RTO_MINUTES} minutes that the runbook promises.")
    print("Next: ./deployment/scripts/update-dns.sh --target dr")
    print("Then, when `hotel-booking recovery report` says so: hotel-booking recovery open")
    report_to_audit_log()


@app.command()
def dns(
    target: Annotated[str, typer.Option("--target", help="dr or primary.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Have guests reach the other region: the weights of the two records of origin.DOMAIN change in one step;
    returns when resolvers say so (HOTEL_DNS_RESOLVERS), the CDN has forgotten what it kept, and the site is
    healthy from outside. `--target primary` undoes `--target dr`. It can be run again."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.dr.dns import Move
    from hotel_booking.ops.dr.resolvers import named
    from hotel_booking.ops.environments import place_of, standby_of
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.refusals import WrongUse

    chosen = value_of(_TARGET, target)
    places = {"primary": place_of("production"), "dr": standby_of("production")}
    if chosen not in places:
        raise WrongUse(
            f"{chosen!r} is no target: nothing was touched",
            "A target is dr or primary:",
            *(f"  ./deployment/scripts/update-dns.sh --target {name}" for name in ("dr", "primary")),
        )
    resolvers = named(os.environ.get("HOTEL_DNS_RESOLVERS", ""))
    move = Move(chosen, places, environ=os.environ, resolvers=resolvers, say=_say, ask=_ask)
    with operation("dns", target=chosen, alone="dns", dry_run=dry_run, environ=os.environ, clock=utc_now):
        records = move.look()
        if dry_run:
            weights = {name: record["Weight"] for name, record in sorted(records.items())}
            print(f"Weights are {weights}; {chosen} would have 100. Nothing was touched.")
            return
        move.run(records)
    report_to_audit_log()


@app.command()
def roles() -> None:
    """Have the application's role in its database, with its grants: run where DB_HOST is reached, and given
    {"host", "username", "password"} of who may make roles, as Secrets Manager has it, on standard input."""
    import json
    from urllib.parse import quote

    from hotel_booking.core.environment import database_port
    from hotel_booking.ops.dr.roles import ensure
    from hotel_booking.ops.refusals import WrongUse

    try:
        given = json.loads(sys.stdin.read())
        login = f"{quote(given['username'], safe='')}:{quote(given['password'], safe='')}"
        host = given["host"]
    except (ValueError, KeyError, TypeError):
        raise WrongUse(
            "standard input has no login", 'Give it as {"host": …, "username": …, "password": …}.'
        ) from None
    environ = os.environ
    port, name = database_port(environ), environ.get("DB_NAME") or "hotel_booking"
    mode = environ.get("PGSSLMODE") or "require"
    done = ensure(
        f"postgresql://{login}@{host}:{port}/{quote(name, safe='')}?sslmode={mode}",
        role=environ.get("DB_USER") or "hotel_booking",
        password=environ.get("DB_PASSWORD", ""),
    )
    print("\n".join(done) or "the role is as it should be")


def _standby(environment: str) -> Any:
    """The environment that was meant. Raises `WrongUse` for one that stands in for nobody."""
    from hotel_booking.ops.environments import known, place_of
    from hotel_booking.ops.refusals import WrongUse

    name = value_of(_STANDBY, environment)
    place = place_of(name)
    if not place.stands_in_for:
        standbys = [name for name in known() if place_of(name).stands_in_for]
        raise WrongUse(
            f"{name} stands in for nobody: nothing was touched",
            "A standby takes over:",
            *(f"  ./deployment/scripts/dr-restore.sh --environment {name}" for name in standbys),
            "A backup of the database goes back by backup-restore.sh restore.",
        )
    return place


def _ask(variable: str, what: str, example: str) -> str:
    return value_of(Want(variable, what, example))


def _say(line: str) -> None:
    print(line, flush=True)


def _print_steps(steps: Any) -> None:
    """A table of what was done."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    table.add_column("min", justify="right")
    for step in steps:
        table.add_row(step.step, f"{step.seconds / 60:.1f}")
    Console().print(table)
