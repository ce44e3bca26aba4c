"""What the person works with, in a file that only the operator reads: passwords and keys are on no screen,
in no log and in no record."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

from hotel_booking.ops.access.aws import Session
from hotel_booking.ops.access.database import Login
from hotel_booking.ops.access.terms import Grant, moment
from hotel_booking.ops.spool import write_whole


def keep(home: Path, grant: Grant, login: Login | None, session: Session | None) -> Path | None:
    """Write it, in the form that a shell reads; None where there is nothing to write. Raises `OSError`."""
    said: dict[str, str] = {}
    if login:
        said |= {
            "PGHOST": login.host,
            "PGPORT": login.port,
            "PGDATABASE": login.database,
            "PGUSER": login.user,
            "PGPASSWORD": login.password,
        }
    if session:
        said |= {
            "AWS_ACCESS_KEY_ID": session.key,
            "AWS_SECRET_ACCESS_KEY": session.secret,
            "AWS_SESSION_TOKEN": session.token,
        }
    if not said:
        return None
    path = _path(home, grant.person)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    lines = [f"# {grant.person}: {grant.role} until {moment(grant.until)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in said.items()]
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
    return path


def forget(home: Path, person: str) -> None:
    """What was written for them on this machine is gone."""
    with suppress(OSError):
        _path(home, person).unlink()


def _path(home: Path, person: str) -> Path:
    return home / "access" / f"{person}.env"
