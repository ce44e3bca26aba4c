"""hotel-booking ops security-audit: one report of what can be checked."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.ops_inputs import report_to_audit_log

if TYPE_CHECKING:
    from hotel_booking.ops.security.checks import Check, Result, Surroundings

_STALE = timedelta(days=90)
_PAGE = 500
_OURSELVES = (sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()")


def security_audit(
    site: Annotated[
        str,
        typer.Option("--site", envvar="HOTEL_PUBLIC_URL", help="The running site: https://hotelbooking.com."),
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A check by its name; may be repeated.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="A file to write the report to, as a page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long one check may take.")] = 300,
    data_dir: DataDir = None,
) -> None:
    """Check what can be checked: dependencies, code, history, image, infrastructure, pipelines, manifests,
    access to the cluster and for hours, the database's roles, the audit log, keys and staff, and the site.
    Exit code 0 where everything was looked at and nothing was found, 1 where something was, else 3 where a
    check could not look, which is never a pass; 2 where the command was typed wrongly."""
    from hotel_booking import __version__
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.whole_files import replace_file
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.refusals import Refused, WrongUse
    from hotel_booking.ops.security import page
    from hotel_booking.ops.security.checks import Surroundings, run

    checks = _checks(data_dir)
    if unknown := {*(only or ())} - {check.name for check in checks}:
        names = ", ".join(check.name for check in checks)
        raise WrongUse(f"there is no check {min(unknown)!r}; there are: {names}")
    wanted = [check for check in checks if not only or check.name in only]
    if html is not None and not html.parent.is_dir():
        raise WrongUse(f"{html} cannot be written: there is no folder {html.parent}")
    # Our own commands say how to be called by their own names, and not by our script's.
    environ = {name: value for name, value in os.environ.items() if name != "HOTEL_INVOKED_AS"}
    here = Surroundings(_checkout(), environ, site.rstrip("/"), seconds)
    results: list[Result] = []
    with operation(
        "security-audit", target="platform", dry_run=False, environ=os.environ, clock=utc_now, changes=False
    ) as act:
        for number, check in enumerate(wanted, 1):
            print(f"{number}/{len(wanted)} {check.title} ...", file=sys.stderr, flush=True)
            results.append(run(check, here))
        wrong = any(result.outcome == "findings" for result in results)
        unseen = [result.name for result in results if result.why]
        act.tell(
            outcome="findings" if wrong else "not checked" if unseen else "passed",
            findings={
                result.name: len(result.findings) + result.more for result in results if result.findings
            },
            not_checked=unseen,
        )
        if html is not None:
            try:
                replace_file(html, page.page(results, at=utc_now(), release=__version__).encode())
            except OSError as error:
                raise Refused(f"{html} cannot be written: {error.strerror or error}") from None
    if as_json:
        import msgspec

        print(json.dumps({"checks": msgspec.to_builtins(results)}, indent=2))
    else:
        _as_text(results)
    report_to_audit_log(data_dir)
    if wrong or unseen:
        raise typer.Exit(1 if wrong else 3)


def _as_text(results: list[Result]) -> None:
    from rich.console import Console
    from rich.markup import escape

    from hotel_booking.ops.security.page import summary

    console = Console(highlight=False, soft_wrap=True)
    marks = {"passed": "[green]✓[/]", "findings": "[red]✗[/]", "not checked": "[yellow]?[/]"}
    for result in results:
        state = "" if result.outcome == "passed" else f": {result.outcome}"
        console.print(f"{marks[result.outcome]} [bold]{escape(result.title)}[/]{state}")
        for line in result.findings:
            console.print(f"    {escape(line)}")
        if result.more:
            console.print(f"    and {result.more} more")
        if result.why:
            console.print(f"    {escape(result.why)}")
        if result.fix:
            console.print(f"    [dim]{escape(result.fix)}[/]")
    console.print(f"\n{summary(results)}")


def _checkout() -> Path | None:
    root = Path(__file__).parents[3]
    return root if (root / "deployment" / "scripts").is_dir() else None


def _checks(data_dir: Path | None) -> list[Check]:
    """All of them: those of files, of the cluster and of the site, and what needs the database."""
    from hotel_booking.ops.security import cluster, code, site
    from hotel_booking.ops.security.checks import Check

    def access_for_hours(here: Surroundings) -> Iterator[str]:
        """Access whose end has come and that stands still."""
        found = _command(here, "ops", "access", "list", "--json", good=(0, 3))
        if found.returncode == 3:
            yield "access stands whose end has come: hotel-booking ops access list"

    def audit_log(here: Surroundings) -> Iterator[str]:
        """The first broken link of the log of every change."""
        folder = ("--data-dir", str(data_dir)) if data_dir else ()
        found = _command(here, "audit-log", "verify", "--json", *folder, good=(0, 1))
        if problem := json.loads(found.stdout)["problem"]:
            yield problem

    def roles(here: Surroundings) -> Iterator[str]:
        del here
        from hotel_booking.ops.security.roles import wrong

        yield from _on_database(data_dir, lambda url: list(wrong(url)))

    def keys(here: Surroundings) -> Iterator[str]:
        del here
        yield from _on_database(data_dir, lambda url: asyncio.run(_stale_keys(url)))

    def staff(here: Surroundings) -> Iterator[str]:
        del here
        yield from _on_database(data_dir, lambda url: asyncio.run(_weak_staff(url)))

    return [
        *code.CHECKS,
        *cluster.CHECKS,
        Check("access for hours", "access for hours whose end has come", access_for_hours),
        Check("audit log", "the audit log's chain", audit_log),
        Check("database roles", "roles and grants of the database", roles),
        Check("keys", "API keys that nobody has used for 90 days", keys),
        Check("staff", "staff without a second factor", staff),
        *site.CHECKS,
    ]


def _command(here: Surroundings, *words: str, good: tuple[int, ...]) -> Any:
    """One of our own commands, in a process of its own."""
    from hotel_booking.ops.security.checks import NotChecked, program

    try:
        return program(here, *_OURSELVES, *words, good=good, cwd=Path.cwd())
    except NotChecked as error:
        raise NotChecked(error.why.replace("python", f"hotel-booking {words[0]}", 1), error.fix) from None


def _on_database(data_dir: Path | None, look: Any) -> list[str]:
    """What `look` finds on the database. Raises `NotChecked` where it cannot be asked."""
    import psycopg

    from hotel_booking.core.db import DatabaseUnavailable
    from hotel_booking.core.setting import ConfigError
    from hotel_booking.ops.embedded import EmbeddedError
    from hotel_booking.ops.security.checks import NotChecked

    try:
        with database_url(data_dir) as url:
            found: list[str] = look(url)
            return found
    except ConfigError as error:
        raise NotChecked("; ".join(error.problems)) from None
    except (EmbeddedError, DatabaseUnavailable, psycopg.Error, OSError) as error:
        raise NotChecked(f"the database cannot be asked: {error}") from None


async def _stale_keys(url: str) -> list[str]:
    """Keys that open something and were not used for long; by their numbers, names are a partner's."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.db import Database
    from hotel_booking.domains.identity import queries

    now, after, found = utc_now(), None, []
    async with Database.open(url, size=1) as db, db.transaction() as tx:
        while keys := await queries.list_keys(tx, after=after, limit=_PAGE):
            after = keys[-1].id
            found += [
                f"key {key.id} opens something and was"
                f" {f'last used on {key.last_used_at:%Y-%m-%d}' if key.last_used_at else 'never used'};"
                f" it was made on {key.created_at:%Y-%m-%d}: hotel-booking api-key revoke {key.id}"
                for key in keys
                if key.active(now) and now - (key.last_used_at or key.created_at) > _STALE
            ]
    return found


async def _weak_staff(url: str) -> list[str]:
    """Members who may sign in with a password alone; by their numbers."""
    from hotel_booking.core.db import Database
    from hotel_booking.domains.identity import accounts

    async with Database.open(url, size=1) as db, db.transaction() as tx:
        return [
            f"member {member.id} "
            f"({', '.join(sorted({grant.role.value for grant in member.grants})) or 'no role'})"
            " signs in with a password alone"
            for member in await accounts.list_staff(tx, limit=100_000)
            if member.active and member.has_password and not member.second_factor
        ]
