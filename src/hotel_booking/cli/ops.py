"""hotel-booking ops: what deployment/scripts runs, and what watches in the cluster. Starts where the
application and the database cannot: a verb that needs a domain imports it itself."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from hotel_booking.cli import (
    ops_access,
    ops_backup,
    ops_canary,
    ops_colours,
    ops_database,
    ops_dr,
    ops_emergency,
    ops_evidence,
    ops_guard,
    ops_isolate,
    ops_maintenance,
    ops_schema,
    ops_security,
)
from hotel_booking.cli.ops_inputs import (
    DryRun,
    EvidenceFolder,
    ReleaseTag,
    Signers,
    inputs,
    report_to_audit_log,
)

app = typer.Typer(no_args_is_help=True)
app.add_typer(ops_access.app, name="access")
app.add_typer(ops_backup.app, name="backup")
app.add_typer(ops_canary.app, name="canary")
app.add_typer(ops_database.app, name="database")
app.add_typer(ops_dr.app, name="dr")
app.add_typer(ops_evidence.app, name="evidence")
app.add_typer(ops_isolate.app, name="isolate")
app.add_typer(ops_maintenance.app, name="maintenance")
app.command()(ops_schema.schema)
app.command()(ops_guard.guard)
app.command("monitor-canary")(ops_canary.monitor)
app.command("security-audit")(ops_security.security_audit)
app.command("blue-green")(ops_colours.blue_green)
app.command("emergency-deploy")(ops_emergency.emergency_deploy)


@app.callback()
def _verbs() -> None:
    """Operate the platform, also while it is down: the commands of deployment/scripts."""


@app.command()
def preflight(
    release: ReleaseTag = "",
    commit: Annotated[str, typer.Option(help="The commit that it must be of; else the evidence's own.")] = "",
    image: Annotated[str, typer.Option(help="The image's digest that it must be of (sha256:…).")] = "",
    previous: Annotated[str, typer.Option(help="What runs now: the rollback plan must go back to it.")] = "",
    evidence: EvidenceFolder = None,
    signers: Signers = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    require_pass: Annotated[
        bool, typer.Option("--require-pass", help="Only say whether a pass is recorded that still counts.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Evaluate the runbook's Pre-Deployment Checklist for a release, from signed evidence. A pass is
    recorded, and is what deploying asks for; exit code 1 where anything is missing, with the commands that
    would provide it. With --dry-run nothing is recorded, neither the pass nor that you looked."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops import preflight as checklist
    from hotel_booking.ops.operation import home, operation

    given = inputs(release, evidence, signers)
    wanted = checklist.ExpectedRelease(commit, image, previous)
    if require_pass:
        held = checklist.require_fresh_pass(
            given.release,
            home=home(os.environ),
            folder=given.folder,
            signers=given.signers,
            now=utc_now(),
            wanted=wanted,
        )
        _as_json(held) if as_json else print(f"{given.release} has passed, and may be deployed.")
        return
    with operation(
        "preflight", target=given.release, dry_run=dry_run, environ=os.environ, clock=utc_now, changes=False
    ) as act:
        result = checklist.evaluate(given.release, given.folder, given.signers, now=utc_now(), wanted=wanted)
        missing = [finding.item for finding in result.findings if not finding.passed]
        act.tell(outcome="failed" if missing else "passed", missing=missing, commit=result.commit)
        if not dry_run and missing:
            checklist.withdraw_pass(given.release, home(os.environ))
        elif not dry_run:
            checklist.record_pass(result, home(os.environ))
    if as_json:
        _as_json(result)
    else:
        _as_table(result, recorded=not dry_run)
    if not dry_run:
        report_to_audit_log()
    if not result.passed:
        raise typer.Exit(1)


def _as_json(result: Any) -> None:
    import msgspec

    body = {"passed": result.passed, **msgspec.to_builtins(result)}
    print(msgspec.json.format(msgspec.json.encode(body)).decode())


def _as_table(result: Any, *, recorded: bool) -> None:
    from rich.markup import escape

    from hotel_booking.cli.screen import listing, screen

    console = screen()
    table = listing("", "Pre-Deployment Checklist", "what was found")
    for finding in result.findings:
        mark = "[green]✓[/]" if finding.passed else "[red]✗[/]"
        table.add_row(mark, finding.text, escape(finding.said))
    where = f" (commit {result.commit[:12]}, image {result.image[:19]})" if result.commit else ""
    console.print(f"[bold]{escape(result.release)}[/]{where}\n")
    console.print(table)
    missing = [finding for finding in result.findings if not finding.passed]
    if missing:
        console.print(f"\n[red]{len(missing)} missing: {escape(result.release)} may not be deployed.[/]")
        console.print("What would provide it:")
        for commands in dict.fromkeys(finding.commands for finding in missing):
            items = ", ".join(finding.item for finding in missing if finding.commands == commands)
            console.print(f"[dim]# {items}[/]")
            for line in commands:
                console.print(escape(line), soft_wrap=True)
        return
    console.print(
        f"\n[green]{escape(result.release)} may be deployed[/], for 4 hours." if recorded else "\nIt passes."
    )
