"""hotel-booking incident declare|list|show|ack|assess|move|role|note|update|resolve|reopen|close: the
incident tracker without the panel; what comes after an incident stands in `incident_after`."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import Annotated, Any, cast

import typer

from hotel_booking.cli import incident_after
from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.database import DataDir
from hotel_booking.cli.incident_acts import By, Number, act, read
from hotel_booking.cli.screen import Json, listing, print_json, screen

app = typer.Typer(no_args_is_help=True, help="Incidents: declare them, work on them, learn from them.")

Components = Annotated[
    list[str] | None,
    typer.Option(
        "--component", help="site, api, admin, payments, notifications or search; more than once for several."
    ),
]
Severity = Annotated[
    str,
    typer.Option(
        help="P1: complete service outage, data loss risk. P2: significant functionality impaired."
        " P3: minor functionality affected. P4: cosmetic issues."
    ),
]


@app.command()
def declare(
    title: Annotated[str, typer.Argument(help="What is wrong, in a few words.")],
    severity: Severity,
    component: Components = None,
    impact: Annotated[str, typer.Option(help="Who cannot do what.")] = "",
    commander: Annotated[str, typer.Option(help="Who leads; whoever acknowledges unless given.")] = "",
    by: By = "",
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Declare an incident. P1 and P2 page whoever is on call. On a terminal it asks where one of this name
    lasts already."""
    from hotel_booking.domains.incidents import queries, service

    severity = severity.strip().upper()
    if sys.stdin.isatty():
        lasting = read(data_dir, lambda tx, _now: queries.list_incidents(tx, state="open"))
        for one in lasting:
            if one.resolved_at is None and one.title.casefold() == title.strip().casefold():
                since = f"{one.declared_at:%H:%M:%S} UTC"
                confirm(f"Incident {one.id} is called so, and lasts since {since}. Declare another?", yes=yes)
    incident = act(
        data_dir,
        lambda tx, actor, now: service.declare(
            tx,
            title=title,
            severity=cast("Any", severity),
            components=tuple(key.strip().lower() for key in component or ()),
            impact=impact,
            commander=commander,
            by=actor,
            now=now,
        ),
        by,
    )
    print(f"Incident {incident.id} is declared: {incident.severity}, #{incident.channel}")
    print(f"Next: hotel-booking incident ack {incident.id}")
    print(f"Who was told of it: hotel-booking incident show {incident.id}")


@app.command("list")
def list_all(
    every: Annotated[bool, typer.Option("--all", help="Closed ones and findings too.")] = False,
    published: Annotated[
        bool, typer.Option("--published", help="What customers read on the status page.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Incidents that are not closed, newest first."""
    from rich.markup import escape

    from hotel_booking.domains.incidents import queries

    console = screen()
    if published:
        shown = read(data_dir, lambda tx, now: queries.public_incidents(tx, since=now - timedelta(days=90)))
        if as_json:
            print_json(shown)
        elif not shown:
            print("Customers read of none.")
        for incident in () if as_json else shown:
            console.print(f"[bold]{escape(incident.title)}[/] {incident.status}", soft_wrap=True)
            for update in incident.updates:
                console.print(
                    f"  {update.at:%Y-%m-%d %H:%M} {update.status}: {escape(update.body)}", soft_wrap=True
                )
        return
    incidents = read(data_dir, lambda tx, _now: queries.list_incidents(tx, state="all" if every else "open"))
    if as_json:
        print_json(incidents)
        return
    if not incidents:
        print("There is none.")
        return
    table = listing("no.", "what", "severity", "phase", "declared (UTC)", "channel")
    for one in incidents:
        table.add_row(
            str(one.id),
            escape(one.title),
            one.severity if one.kind == "incident" else f"{one.severity} finding",
            one.phase.replace("_", "-"),
            f"{one.declared_at:%Y-%m-%d %H:%M}",
            f"#{one.channel}" if one.channel else "",
        )
    console.print(table)


@app.command()
def show(number: Number, data_dir: DataDir = None) -> None:
    """Where one is: phase, clocks, roles and the whole timeline."""
    from hotel_booking.domains.incidents import clocks, queries
    from hotel_booking.domains.incidents.types import PHASE_MEANS, PHASES

    async def look(tx: Any, now: datetime) -> list[str]:
        incident = await queries.find(tx, number)
        steps = (
            f"[{PHASE_MEANS[phase][0]}]" if phase == incident.phase else PHASE_MEANS[phase][0]
            for phase in PHASES
        )
        lines = [f"{incident.severity} {incident.title}", " → ".join(steps)]
        if incident.updated_at is not None:
            lines.append(f"on the status page: {incident.public_title or incident.title}")
        lines += [
            f"{clock.what}: {'overdue since' if clock.overdue(now) else 'due at'} {clock.due_at:%H:%M} UTC"
            for clock in clocks.running(incident)
        ]
        lines += [f"{held.role}: {held.name}" for held in await queries.roles(tx, number)]
        lines += [
            f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.actor}: {entry.text}"
            for entry in await queries.timeline(tx, number)
        ]
        lines += [
            f"not told to {delivery.target}: {delivery.last_error or 'it waits'}"
            f"{f' (again at {delivery.next_at:%H:%M:%S})' if delivery.status == 'waiting' else ''}"
            for delivery in await queries.deliveries(tx, number)
            if delivery.sent_at is None and delivery.status != "dropped"
        ]
        lines += [
            f"{f'done by {action.done_by}' if action.done_at else 'to do'}: {action.what} ({action.owner})"
            for action in await queries.actions(tx, number)
        ]
        return lines

    print("\n".join(read(data_dir, look)))


@app.command()
def ack(number: Number, by: By = "", data_dir: DataDir = None) -> None:
    """You have it: the clock stops and PagerDuty is told."""
    from hotel_booking.domains.incidents import service

    act(data_dir, lambda tx, actor, now: service.acknowledge(tx, incident_id=number, by=actor, now=now), by)
    print(f"Incident {number} is acknowledged. Assess it: hotel-booking incident assess {number} --help")


@app.command()
def assess(
    number: Number,
    severity: Severity,
    component: Annotated[
        list[str] | None,
        typer.Option(
            "--component",
            help="As of `declare`, in the place of those before; `none` for nothing that customers see."
            " Unless given, as it was.",
        ),
    ] = None,
    impact: Annotated[str | None, typer.Option(help="Who cannot do what; unless given, as it was.")] = None,
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """Say how bad it is and what it touches. A finding becomes an incident by it."""
    from hotel_booking.domains.incidents import queries, service
    from hotel_booking.domains.incidents.service import entries

    severity = severity.strip().upper()
    named = tuple(key.strip().lower() for key in component or ())
    touched = () if named == ("none",) else named or None

    async def run(tx: Any, actor: Any, now: datetime) -> None:
        entries.check_severity(severity)
        entries.check_components(touched or ())
        if (await queries.find(tx, number)).kind == "finding":
            await service.escalate_finding(
                tx, incident_id=number, severity=cast("Any", severity), by=actor, now=now
            )
        await service.assess(
            tx,
            incident_id=number,
            severity=cast("Any", severity),
            components=touched,
            impact=impact,
            by=actor,
            now=now,
        )

    act(data_dir, run, by)
    print(f"Incident {number} is {severity}.")


@app.command()
def checklist(number: Number, data_dir: DataDir = None) -> None:
    """The runbook's common issues with their commands filled in, what fits its alerts first."""
    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.setting_files import names_database
    from hotel_booking.domains.incidents import checklists, queries

    async def look(tx: Any, _now: datetime) -> list[str]:
        incident = await queries.find(tx, number)
        there = os.environ if names_database(os.environ) else {**os.environ, "DATABASE_URL": "postgresql:///"}
        settings = read_settings({"HOTEL_ENVIRONMENT": "demo", **there})
        values = checklists.values_of(settings, incident)
        lines: list[str] = []
        for checklist in checklists.for_incident(incident, await queries.alerts(tx, number)):
            lines += ["", f"{checklist.title} (docs/RUNBOOK.md#{checklist.anchor})"]
            for step in checklist.steps:
                lines.append(f"  - {step.what}{f' (CAUTION: {step.caution})' if step.caution else ''}")
                typed = checklists.command_of(step, settings, values)
                lines += [f"      {typed}"] if typed else []
        return lines

    print("\n".join(read(data_dir, look)))


@app.command()
def move(
    number: Number,
    phase: Annotated[str, typer.Argument(help="triage, response or resolution.")],
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """Say where one is."""
    from hotel_booking.domains.incidents import service

    act(
        data_dir,
        lambda tx, actor, now: service.move_to(
            tx, incident_id=number, phase=cast("Any", phase), by=actor, now=now
        ),
        by,
    )
    print(f"Incident {number} is in {phase}.")


@app.command()
def role(
    number: Number,
    what: Annotated[str, typer.Argument(help="commander, operations, communications or scribe.")],
    name: Annotated[str, typer.Argument(help="Who does it.")],
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """Somebody does this from now on."""
    from hotel_booking.domains.incidents import service
    from hotel_booking.domains.incidents.types import Actor

    act(
        data_dir,
        lambda tx, actor, now: service.give_role(
            tx, incident_id=number, role=cast("Any", what), holder=Actor(name), by=actor, now=now
        ),
        by,
    )
    print(f"{name} is {what}.")


@app.command()
def note(
    number: Number,
    text: Annotated[str, typer.Argument(help="What was seen or done.")],
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """Write something into the timeline."""
    from hotel_booking.domains.incidents import service

    act(
        data_dir,
        lambda tx, actor, now: service.note(tx, incident_id=number, text=text, by=actor, now=now),
        by,
    )
    print(f"Noted in the timeline of incident {number}.")


@app.command()
def update(
    number: Number,
    body: Annotated[str, typer.Argument(help="What customers read; empty with --template.")] = "",
    status: Annotated[
        str, typer.Option(help="investigating, identified, monitoring or resolved.")
    ] = "investigating",
    template: Annotated[str, typer.Option(help="A text that is ready: `list` prints them all.")] = "",
    title: Annotated[str, typer.Option(help="What the incident is called on the status page.")] = "",
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """Tell customers, on the status page, at once."""
    from hotel_booking.domains.incidents import service
    from hotel_booking.domains.incidents.errors import InvalidIncident
    from hotel_booking.domains.incidents.templates import TEMPLATES

    if template == "list":
        for one in TEMPLATES:
            print(f"{one.key} ({one.status}): {one.body}")
        return
    chosen = next((one for one in TEMPLATES if one.key == template), None)
    if template and chosen is None:
        raise InvalidIncident(f"there is no text {template!r}", fix="--template list prints them all")
    act(
        data_dir,
        lambda tx, actor, now: service.publish(
            tx,
            incident_id=number,
            status=chosen.status if chosen is not None else cast("Any", status),
            body=body or (chosen.body if chosen is not None else ""),
            title=title,
            template=template or None,
            by=actor,
            now=now,
        ),
        by,
    )
    print("Published.")


@app.command()
def resolve(
    number: Number,
    text: Annotated[str, typer.Argument(help="What ended it.")] = "",
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """It is over; then tell customers: `update NUMBER --template resolved`."""
    from hotel_booking.domains.incidents import queries, service

    async def run(tx: Any, actor: Any, now: datetime) -> list[Any]:
        await service.resolve(tx, incident_id=number, text=text, by=actor, now=now)
        return await queries.updates(tx, number)

    told = act(data_dir, run, by)
    print(f"Incident {number} is resolved.")
    if told and told[0].status != "resolved":
        print("Customers do not know yet, nor do those who asked to be told by mail. Next:")
        print(f"  hotel-booking incident update {number} --template resolved")


@app.command()
def reopen(
    number: Number,
    text: Annotated[str, typer.Argument(help="What has come back.")] = "",
    by: By = "",
    data_dir: DataDir = None,
) -> None:
    """It has come back."""
    from hotel_booking.domains.incidents import service

    act(
        data_dir,
        lambda tx, actor, now: service.reopen(tx, incident_id=number, text=text, by=actor, now=now),
        by,
    )
    print(f"Incident {number} goes on.")


@app.command()
def close(number: Number, by: By = "", data_dir: DataDir = None) -> None:
    """Nothing is left to do."""
    from hotel_booking.domains.incidents import service

    act(data_dir, lambda tx, actor, now: service.close(tx, incident_id=number, by=actor, now=now), by)
    print(f"Incident {number} is closed.")


app.add_typer(incident_after.app)
