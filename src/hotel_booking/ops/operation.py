"""The frame of every `hotel-booking ops` command: one at a time, recorded, and safe to interrupt.

    with operation("preflight", target=release, dry_run=dry_run, environ=os.environ, clock=utc_now) as act:
        ...
        act.tell(outcome="passed")

Who did what, when and to which end is noted on disk before and after (`ops.spool`), because the database may
be what is broken; the command line then tells the audit log what waits there.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any

from hotel_booking.core.setting_files import names_database
from hotel_booking.ops import spool
from hotel_booking.ops.refusals import Busy, Interrupted, Refused
from hotel_booking.ops.signals import interrupt

_DEFAULT = Path("/var/lib/hotel-booking/ops")
_TELL_SECONDS = 30


def home(environ: Mapping[str, str]) -> Path:
    """Where operations keep what outlives a command (locks, evidence, passes): HOTEL_OPS_DIR; else the
    machine's folder, where this user may write there; else one of the user's own."""
    if chosen := environ.get("HOTEL_OPS_DIR"):
        return Path(chosen)
    if _may_be_made(_DEFAULT):
        return _DEFAULT
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "hotel-booking" / "ops"


def acts(environ: Mapping[str, str]) -> Path:
    """Where acts wait for the audit log: HOTEL_SPOOL_DIR or its default, which the worker on this machine
    drains; where that is not set and cannot be written, a folder beside what `home` names."""
    if environ.get("HOTEL_SPOOL_DIR") or _may_be_made(Path(spool.DEFAULT_FOLDER)):
        return spool.folder(environ)
    return home(environ) / "spool"


def _may_be_made(folder: Path) -> bool:
    """Whether this user may write to the folder, or make it."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(nearest, os.W_OK | os.X_OK)


class Operation:
    """A running operation. What `tell` is given stands in its record."""

    def __init__(self, dry_run: bool, changes: bool) -> None:
        self.dry_run = dry_run
        self.detail: dict[str, Any] = {}
        some = "Some of it may be done already. " if changes and not dry_run else ""
        self.stands = ""
        self.next: tuple[str, ...] = (f"{some}It can be run again.",)

    def tell(self, **detail: Any) -> None:
        """Have this in the record: its `outcome`, where it is not simply `done`, and what was decided."""
        self.detail |= detail

    def happened(self, stands: str, *lines: str) -> None:
        """From now on who interrupts it, or meets an error, is told what stands all the same (`guests are
        closed out`), and what to do about it. A refusal says that itself."""
        self.stands, self.next = stands, lines


@contextmanager
def operation(
    name: str,
    *,
    target: str,
    dry_run: bool,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
    changes: bool = True,
    alone: str | None = None,
) -> Iterator[Operation]:
    """Run the operation alone (of its name and `alone`, else its target, on this machine) and record it: its
    end, and where it `changes` something its beginning too, so that one that was killed is known. A dry run
    records nothing.

    Raises `Busy` where it runs already, `Interrupted` on Ctrl-C or SIGTERM, and `Refused` where nothing can
    be recorded: an act that cannot be noted is not done.
    """
    act = Operation(dry_run, changes)
    with _lock(home(environ) / "locks", f"{name}-{alone or target}", clock), _signals_raise():
        if changes and not dry_run:
            _record(name, target, {"outcome": "begun"}, environ, clock)
        outcome = "done"
        try:
            yield act
        except (KeyboardInterrupt, Interrupted):
            outcome = "interrupted"
            if act.stands:
                act.tell(stands=act.stands)
            stands = f", and {act.stands}" if act.stands else ""
            raise Interrupted(f"{name} was interrupted{stands}", *act.next) from None
        except Refused as refusal:
            outcome = "refused"
            act.tell(reason=refusal.detail)
            raise
        except BaseException as error:
            outcome = "failed"
            act.tell(reason=f"{type(error).__name__}: {error}"[:500])
            if act.stands:  # the error knows nothing of it
                act.tell(stands=act.stands)
                error.add_note("\n".join((act.stands, *act.next)))
            raise
        finally:
            if not dry_run:
                _record(name, target, {"outcome": outcome, **act.detail}, environ, clock)


def tell_audit_log(environ: Mapping[str, str], data_dir: Path | None = None) -> str | None:
    """Have what waits on disk told to the audit log, where the environment names a database, or `data_dir` a
    demo, and it answers; else where it waits. It is another process that does so: what the application needs
    may be broken."""
    folder = acts(environ)
    drain = ("audit-log", "drain", *(("--data-dir", str(data_dir)) if data_dir else ()))
    if data_dir or names_database(environ):
        with suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603  # our own command
                [sys.executable, "-c", "from hotel_booking.cli import main; main()", *drain],
                env={**environ, "HOTEL_SPOOL_DIR": str(folder)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_TELL_SECONDS,
            )
            if done.returncode == 0:
                return None
    if data_dir:
        who = f"`hotel-booking {shlex.join(drain)}` (or its worker)"
    elif folder == spool.folder(environ):
        who = "`hotel-booking audit-log drain` (or a worker here)"
    else:  # a folder of this user's own, which no worker knows
        who = f"`HOTEL_SPOOL_DIR={folder} hotel-booking audit-log drain`"
    return f"recorded in {folder}, until {who} tells the audit log"


def operator(environ: Mapping[str, str]) -> str:
    """Who acts: HOTEL_OPERATOR, whom a pipeline acts for, or nothing, where the machine's user is all that is
    known. It is what they say of themselves; the record has the machine's user beside it."""
    if actor := environ.get("GITHUB_ACTOR"):
        return environ.get("HOTEL_OPERATOR") or f"{actor}@github"
    return environ.get("HOTEL_OPERATOR", "")


def _record(
    name: str,
    target: str,
    detail: Mapping[str, Any],
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
) -> None:
    said: dict[str, Any] = dict(detail)
    if who := operator(environ):
        said["operator"] = who
    if (run := environ.get("GITHUB_RUN_ID")) and (repository := environ.get("GITHUB_REPOSITORY")):
        said["run"] = f"{environ.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{run}"
    folder = acts(environ)
    try:
        spool.note(
            folder, action=f"ops.{name}", object_kind="ops", object_id=target, now=clock(), detail=said
        )
    except OSError as error:
        raise Refused(
            f"nothing can be recorded in {error.filename or folder}: {error.strerror or error}",
            "Name a folder that you can write to:",
            f"  export HOTEL_SPOOL_DIR={home(environ) / 'spool'}",
        ) from None


@contextmanager
def _lock(folder: Path, name: str, clock: Callable[[], datetime]) -> Iterator[None]:
    """The kernel's own lock: it ends with the process, however that ends."""
    path = folder / "".join(letter if letter.isalnum() or letter in "-._" else "_" for letter in name)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a+")
    except OSError as error:
        raise Refused(
            f"{error.filename or folder} cannot be written: {error.strerror or error}",
            "Name a folder that you can write to: export HOTEL_OPS_DIR=FOLDER",
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(
                f"it runs already{_holder(file)}", "Wait for it, or end it, and run this again."
            ) from None
        file.seek(0)
        file.truncate()
        json.dump({"user": spool.machine_user(), "process": os.getpid(), "since": clock().isoformat()}, file)
        file.flush()
        yield


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        held = json.load(file)
        return f": by {held['user']}, process {held['process']}, since {held['since']}"
    except (ValueError, KeyError, TypeError):
        return ""


@contextmanager
def _signals_raise() -> Iterator[None]:
    """SIGTERM ends an operation as Ctrl-C does, and by the same exception: nobody takes it for a refusal that
    can be passed over, and psycopg ends the statement on the server."""

    def stop(_number: int, frame: FrameType | None) -> None:
        interrupt(frame)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
