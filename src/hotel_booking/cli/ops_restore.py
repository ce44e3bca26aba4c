"""What `hotel-booking ops backup restore` and `approve` do; imported when they are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hotel_booking.cli.ops_inputs import signers_of, value_of
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.asking import Want, database_address, needed, typed
from hotel_booking.ops.backup import approval, production
from hotel_booking.ops.backup.configured import check_engine
from hotel_booking.ops.backup.engine import Instance, Until, chosen
from hotel_booking.ops.operation import operation
from hotel_booking.ops.refusals import Refused, WrongUse

Say = Callable[[str], None]
_KEY = Want("HOTEL_EVIDENCE_KEY", "your private key", '"$(cat KEY-FILE)"')
_NEXT = (
    "Start the web servers and the worker, then:",
    "  hotel-booking recovery report",
    "  hotel-booking recovery open",
    "To go back to the instance before: hotel-booking ops backup back",
)
_STAGING = Want(
    "HOTEL_STAGING_DATABASE_URL",
    "the address of the database of staging that is replaced",
    "postgresql://hotel_booking@staging-db/hotel_booking",
)


def to_production(
    make: Callable[[], Any], backup_id: str, to_time: str, signers: Path | None, say: Say
) -> None:
    """See `restore`."""
    until = until_of(backup_id, to_time)
    check_engine(os.environ, sys.argv, *wanted("production", backup_id, to_time))
    approval_of = approvals("production", backup_id, to_time, signers)
    engine = make()
    backup = chosen(engine.backups(), backup_id)
    record, approver = approval_of()
    with operation(
        "restore", target="production", alone="production", dry_run=False, environ=os.environ, clock=utc_now
    ) as act:
        act.tell(backup=backup.id, until=to_time or None, approved_by=approver, reason=record.reason)

        def allowed() -> None:
            approval_of()
            approval.use(record, os.environ)
            act.happened(
                "which instance serves is not known: it was being switched",
                "Run it again with another approval, and it goes on; or have the one before serve:",
                "  hotel-booking ops backup back",
            )

        def switched(instance: Instance) -> None:
            act.happened(f"{instance.name} serves already, closed for sale", *_NEXT)

        done = production.to_production(
            *(engine, backup, until),
            environ=os.environ,
            say=say,
            allowed=allowed,
            switched=switched,
            now=utc_now,
        )
        act.tell(instance=done.instance.name, seconds=done.seconds)
    newest = done.looked.newest
    print(f"{done.instance.name} serves, as of {newest:%Y-%m-%d %H:%M:%S} UTC." if newest else "It serves.")
    for step, seconds in done.seconds.items():
        print(f"  {seconds:8.1f} s  {step}")
    print("It is closed for sale.", *_NEXT, sep="\n", flush=True)
    say("a fresh backup, since what comes now is in none")
    try:
        engine.backup("incr", say)
    except Refused as refusal:
        raise Refused(
            f"{done.instance.name} serves, and what comes now is in no backup: {refusal.detail}",
            *refusal.lines,
            "When that is mended, at once:",
            "  hotel-booking ops backup backup",
        ) from None


def to_staging(make: Callable[[], Any], backup_id: str, to_time: str, say: Say) -> None:
    """See `restore`."""
    from hotel_booking.ops.backup import staging

    until = until_of(backup_id, to_time)
    check_engine(os.environ, sys.argv, _STAGING)
    url = database_address(_STAGING.variable, value_of(_STAGING))
    engine = make()
    backup = chosen(engine.backups(), backup_id)
    with operation("restore", target="staging", dry_run=False, environ=os.environ, clock=utc_now) as act:
        act.tell(backup=backup.id, until=to_time or None)
        kept = staging.to_staging(engine, backup, until, url, environ=os.environ, say=say, now=utc_now)
    print("staging is restored; its guests are pseudonymised, and nothing of it goes outside.")
    if kept:
        print(f"The one before is kept as {kept}.")


def wanted(target: str, backup_id: str, to_time: str = "") -> list[Want]:
    """What who runs it must have: their key, and, where this machine has none yet, an approval."""
    here = approval.where(os.environ, backup_id, target)
    if here.exists():
        return [_KEY]
    line = approval.how(backup_id, target, to_time)[1].strip()
    return [_KEY, Want("HOTEL_APPROVAL", f"the file that another person gets from: {line}", str(here))]


def approvals(
    target: str, backup_id: str, to_time: str, signers: Path | None
) -> Callable[[], tuple[approval.Approval, str]]:
    """What says, whenever it is asked, which record allows this and who approved it. The key of who runs it,
    and the record's file where it is not on this machine, are asked for; `WrongUse` where nobody can be."""
    known, key, environ = signers_of(signers, "approval"), value_of(_KEY, secret=True), dict(os.environ)

    def ask() -> tuple[approval.Approval, str]:
        here = approval.where(environ, backup_id, target)
        if not environ.get("HOTEL_APPROVAL") and not here.exists():
            try:
                environ["HOTEL_APPROVAL"] = needed(
                    Want("HOTEL_APPROVAL", "the file of another person's approval", str(here)),
                    environ=environ,
                    argv=sys.argv,
                )
            except WrongUse as missing:
                raise WrongUse(
                    f"restoring {backup_id} to {target} has no approval ({here})",
                    *approval.how(backup_id, target, to_time),
                    "Then run this again; with a copy of theirs, where they approved it elsewhere:",
                    *missing.lines[1:],
                ) from None
        return approval.require(
            *(target, backup_id),
            until=to_time,
            private_key=key,
            signers=known,
            environ=environ,
            now=utc_now(),
        )

    return ask


def approve(backup_id: str, target: str, *, reason: str, to_time: str, signers: Path | None) -> None:
    """See `approve`."""
    if target not in ("production", "dr"):
        raise WrongUse(f"{target} needs no approval: production does, and dr")
    if target == "dr" and (backup_id != "latest" or to_time):
        raise WrongUse(
            "dr takes over as it is, and restores no backup of your choice",
            "This would work:",
            "  hotel-booking ops backup approve latest dr --reason 'WHY'",
        )
    until_of(backup_id, to_time)
    if not reason.strip():
        key = "" if os.environ.get(_KEY.variable, "").strip() else f"{_KEY.variable}={_KEY.example} "
        line = f"  {key}{typed(os.environ, sys.argv)} --reason 'WHY'"
        raise WrongUse("say why: it stands in the record", "This would work:", line)
    with operation(
        "restore", target=f"approve-{target}", dry_run=False, environ=os.environ, clock=utc_now, changes=False
    ) as act:
        path = approval.approve(
            backup_id,
            target,
            to_time,
            reason=reason.strip(),
            private_key=value_of(_KEY, secret=True),
            signers=signers_of(signers, "approval"),
            environ=os.environ,
            now=utc_now(),
        )
        act.tell(outcome="approved", backup=backup_id, until=to_time or None, reason=reason.strip())
    print(
        f"approved, for four hours and once: {path}\nOn another machine, name its copy: HOTEL_APPROVAL=FILE"
    )


def until_of(backup_id: str, to_time: str) -> Until:
    """To which state. Raises `WrongUse` for what is no moment."""
    if not to_time:
        return "end" if backup_id == "latest" else "backup"
    try:
        moment = datetime.fromisoformat(to_time)
    except ValueError:
        raise WrongUse(f"--to-time {to_time} is no moment such as 2026-03-01T09:30:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
