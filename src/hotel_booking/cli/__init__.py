"""The command `hotel-booking <noun> <verb>`: a file per noun, each loaded only when it is called, so that
operations start even where the application cannot be imported."""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hotel_booking.cli.help_pages import made_readable

# noun: its module's name here, and what it is for.
NOUNS = {
    "demo": ("demo", "Everything on one port with demo data: the database, the site, the worker."),
    "serve": ("serve", "The web server, on the database that the environment names."),
    "worker": ("worker", "The job worker, on the database that the environment names."),
    "migrate": ("migrate", "Bring the database to this release."),
    "backup": ("backup", "The database into one file."),
    "restore": (
        "restore",
        "The database from such a file, beside the one that is there, and then in its place.",
    ),
    "recovery": (
        "recovery",
        "After a restore: checked, closed for sale, matched with the gateways, opened again.",
    ),
    "api-key": ("api_key", "Create, list and revoke API keys."),
    "staff": ("staff", "The first owner's account, and the way back in for staff locked out."),
    "guest": ("guest", "Erase a guest who asks for it, with an account or without."),
    "exchange-rates": ("exchange_rates", "What prices of several currencies are compared by."),
    "invariants": ("invariants", "Recompute what must always be true, and name every difference."),
    "incident": ("incident", "Incidents: declare them, work on them, learn from them."),
    "cache": ("cache", "What is kept in Redis, and may be lost at any time."),
    "status": ("status", "Look at the platform from outside; the status page as files."),
    "ops": ("ops", "Operate the platform, also while it is down: the commands of deployment/scripts."),
    "replay": ("replay", "Simulate a file of real bookings and report."),
    "bench": ("bench", "How fast everything is on this machine, beside the machine's limits."),
    "audit-log": ("audit_log", "Follow the chain over the log of every change."),
    "permissions": ("permissions", "Which role may do what, as a table."),
    "openapi": ("openapi", "Print the OpenAPI document."),
}


_WRONG = 2  # the exit code of what a person can act on
_UNREAD = 128 + signal.SIGPIPE  # as shells say it of who writes on where nobody reads
_FULL = (errno.ENOSPC, errno.EDQUOT)
_AWAY = "the database does not answer, or went away"
_GAVE_UP = "the database gave it up"
# SQLSTATEs: its time was over, a lock was not to be had, a deadlock, no room, a standby.
_GIVEN_UP = ("57014", "55P03", "40P01", "40001", "53100", "53200", "25006")
# Connections that fail or are too many, a server that ends or fails, who is not let in, no such database.
_GONE = ("08", "53", "57", "58", "28", "3D")
# What works at a terminal, where the error itself speaks of the API or of the panel's page.
_FIXES = {
    "key_not_found": "`hotel-booking api-key list` shows them",
    "unknown_property": "in the panel its name stands at the end of its page's address",
    "incident_not_found": "`hotel-booking incident list --all` shows them",
    "incident_action_not_found": "`hotel-booking incident actions` shows what remains, as INCIDENT/ACTION",
}
_COMPLETION = ("install_completion", "show_completion")


class NotInstalled(Exception):
    """A package that the command needs is not there; the other commands work."""


@cache
def command_of(noun: str) -> Any:
    """The noun's command. Raises `NotInstalled`."""
    try:
        module = importlib.import_module(f"hotel_booking.cli.{NOUNS[noun][0]}")
    except ModuleNotFoundError as error:
        raise NotInstalled(f"`hotel-booking {noun}` cannot start: {error}") from error
    command = typer.main.get_command(module.app)
    command.name = noun
    # A shell completes `hotel-booking`, and no noun of it by itself.
    command.params = [option for option in command.params if option.name not in _COMPLETION]
    made_readable(command)
    return command


class Nouns(TyperGroup):
    """Commands by name, imported on call."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every noun, in the order of the help."""
        del ctx
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The noun's command, imported now."""
        del ctx
        return command_of(cmd_name) if cmd_name in NOUNS else None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The nouns with what they are for; nothing is imported for it."""
        del ctx, formatter
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, show_header=False, padding=(0, 2))
        for noun, (_, purpose) in NOUNS.items():
            table.add_row(f"[bold cyan]{noun}[/]", purpose)
        console = Console()
        console.print("[bold]Usage:[/] hotel-booking NOUN [VERB] [OPTIONS]\n")
        console.print(table)
        console.print("\n[dim]hotel-booking NOUN --help says more; start with[/] hotel-booking demo")
        console.print(
            "[dim]Exit codes: 0 done; 1 refused, failed, or something found; 2 typed wrongly, or not possible"
            " as things are; 3 what the verb's help says; 130 interrupted.[/]"
        )


app = typer.Typer(cls=Nouns, no_args_is_help=True, add_completion=False)


def _tell_version(asked: bool) -> None:
    if asked:
        from hotel_booking import __version__
        from hotel_booking.core.schema import NEWEST

        typer.echo(f"hotel-booking {__version__}, schema {NEWEST}")
        raise typer.Exit


@app.callback()
def _nouns(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Which release this is.")
    ] = False,
) -> None:
    """The Hotel Booking Platform."""
    del version


def main() -> None:
    """Entry point. Errors that a person can act on are one line and exit code 2, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding != "utf-8":
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no ✓ and no ü is told the rest
    try:
        _run()
    except SystemExit as end:
        _tell_the_rest(told=end.code == _WRONG)
        # Typer and Rich end with 1, which would say that something was found or refused.
        if end.code == 1 and isinstance(end.__context__, BrokenPipeError):
            raise SystemExit(_UNREAD) from None
        raise


def _run() -> None:
    from hotel_booking.core.errors import DomainError
    from hotel_booking.core.setting import ConfigError
    from hotel_booking.core.setting_files import without_line_ends
    from hotel_booking.ops.embedded import EmbeddedError
    from hotel_booking.ops.refusals import Refused, plainly

    if os.getpid() == 1:
        # A container's first process gets no signal that it has no handler for: without this one, who is
        # asked to stop before `serve` or `worker` have theirs would go on until it is killed.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    os.environ.update(without_line_ends(os.environ))
    try:
        _call()
    except ConfigError as error:
        _fail(*error.problems)
    except DomainError as error:
        fix = _FIXES.get(error.code, error.fix)
        _fail(error.detail + (f" ({fix})" if fix else ""))
    except (EmbeddedError, NotInstalled) as error:
        _fail(str(error))
    except Refused as refusal:
        print(f"hotel-booking: {refusal.detail}", *refusal.lines, sep="\n", file=sys.stderr)
        raise SystemExit(refusal.exit_code) from None
    except OSError as error:
        if error.errno in _FULL:
            _fail(f"not all could be written: {error.strerror}")
        refused = isinstance(error, ConnectionError) and not isinstance(error, BrokenPipeError)
        if not refused and "Connect call failed" not in str(error):  # asyncio's, of several addresses
            raise
        _fail(f"{_AWAY}: {plainly(error)[:300]}")
    except Exception as error:
        if (told := _of_the_database(error)) is None:  # a mistake of ours
            raise
        _fail(f"{told}: {plainly(error)[:300]}")


def _call() -> None:
    try:
        app()
    except Exception as error:  # whatever it is: it is told below, and goes on as it came
        for note in getattr(error, "__notes__", ()):  # what stands all the same (`ops.operation`)
            print(f"hotel-booking: {note}", file=sys.stderr)
        raise


def _of_the_database(error: Exception) -> str | None:
    """What has become of the database, where the error says that of it and nothing of us."""
    # Not by their names: to import a driver takes longer than the start of a command that needs none.
    psycopg, asyncpg = (sys.modules.get(driver) for driver in ("psycopg", "asyncpg"))
    state = str(getattr(error, "sqlstate", None) or "")
    if asyncpg is not None and isinstance(error, asyncpg.InternalClientError):  # lost between two statements
        return _AWAY
    if psycopg is not None and isinstance(error, psycopg.OperationalError):
        return _GAVE_UP if state in _GIVEN_UP else _AWAY
    if asyncpg is not None and isinstance(error, asyncpg.PostgresError):
        return _GAVE_UP if state in _GIVEN_UP else _AWAY if state.startswith(_GONE) else None
    return None


def _tell_the_rest(*, told: bool) -> None:
    """Write what the output's buffer still has, as long as it can be said that this failed, unless why was
    `told` already. Who reads no further (`| head`) has what they wanted."""
    try:
        if sys.stdout is not None:  # closed: `>&-`
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter's end writes it too
        if not told and not isinstance(error, BrokenPipeError):
            _fail(f"not all could be written: {error.strerror}")


def _fail(*lines: str) -> None:
    for line in lines:
        print(f"hotel-booking: {line}", file=sys.stderr)
    raise SystemExit(_WRONG)
