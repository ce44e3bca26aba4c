"""hotel-booking ops evidence collect | verify | state: what an incident of security left, preserved."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.ops_access import PLACES, Namespace, Without
from hotel_booking.cli.ops_inputs import (
    DryRun,
    Signers,
    check_values,
    report_to_audit_log,
    signers_of,
    value_of,
)
from hotel_booking.cli.ops_isolate import INCIDENT, Incident, of_incident
from hotel_booking.cli.screen import progress
from hotel_booking.core.counting import count
from hotel_booking.ops.asking import Want

_PRODUCTION = "hotel-booking-production"
_MOST = 10_000
KEY = Want("HOTEL_EVIDENCE_KEY", "the private key to sign with", '"$(cat KEY-FILE)"')


def collect(
    incident: Incident = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="The folder to make it in; else HOTEL_OPS_DIR's.")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="How far back logs of pods are taken: 24h.")] = "24h",
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", help="A file or folder of logs on this machine; more than once."),
    ] = None,
    most_megabytes: Annotated[
        int, typer.Option("--most-megabytes", help="Of logs together.", min=1, max=1_000_000)
    ] = 2_000,
    snapshot: Annotated[
        bool, typer.Option("--snapshot/--no-snapshot", help="Whether the database is taken too.")
    ] = True,
    namespace: Namespace = _PRODUCTION,
    without: Without = None,
    signers: Signers = None,
    dry_run: DryRun = False,
) -> None:
    """Preserve evidence of an incident: the logs of all pods and the namespace's objects, the audit log with
    its hashes, who may enter, a snapshot of the database; with a signed list of all of it. It holds
    personal data: only you can read it. Exit code 3 where something could not be had; the rest is there."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops import incident_evidence
    from hotel_booking.ops.command_runner import CommandRunner
    from hotel_booking.ops.evidence_collector import Collector, since_of
    from hotel_booking.ops.kubectl import Kubectl
    from hotel_booking.ops.operation import acts, home, operation, operator
    from hotel_booking.ops.refusals import WrongUse

    since, left_out = since_of(since), {*(without or ())}
    if unknown := left_out - {*PLACES}:
        raise WrongUse(f"--without {min(unknown)}: there are {' and '.join(PLACES)}")
    kubectl = None if "kubernetes" in left_out else Kubectl(namespace, environ=os.environ)
    commands = CommandRunner(kubectl, os.environ)
    check_values([KEY] if incident is not None else [INCIDENT, KEY])
    number = of_incident(incident, commands)
    private = value_of(KEY, secret=True)
    signer = incident_evidence.key_for(private, signers_of(signers))
    who, now = operator(os.environ) or signer, utc_now()
    place = into or home(os.environ) / "incidents"
    name = f"incident-{number}-{now:%Y%m%dT%H%M%SZ}"
    folder = place / f"{name}{incident_evidence.PART}"
    with operation(
        "evidence.collect", target=str(number), dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        if dry_run:
            print(f"Evidence would be preserved in {place / name}, signed by {signer}.")
            return
        _make_folder(folder, f"incident-{number}-")
        collector = Collector(
            folder, kubectl=kubectl, commands=commands, say=progress, most=most_megabytes * 1_000_000
        )
        with _refused_unless_written(folder):
            collector.acts(acts(os.environ))
            collector.files(log or ())
            collector.cluster(since)
            collector.database(snapshot=snapshot, left_out="database" in left_out)
            manifest = _manifest(folder, collector, number, who, now)
            whole, hashed = incident_evidence.close(folder, manifest, private_key=private, signer=signer)
        act.tell(
            outcome="preserved", folder=whole.name, sha256=hashed, signed_by=signer,
            missing=sorted(collector.missing), findings=collector.findings,
        )  # fmt: skip
    _print_summary(whole, manifest, hashed)
    _note_in_timeline(number, whole.name, manifest, hashed, commands, who)
    report_to_audit_log()
    if manifest.missing:
        raise typer.Exit(3)


def verify(
    folder: Annotated[Path, typer.Argument(help="The folder that `collect` made.")],
    hashed: Annotated[
        str, typer.Option("--hash", help="SHA-256 of its list, as timeline and audit log have it.")
    ] = "",
    signers: Signers = None,
) -> None:
    """Whether evidence is as it was preserved, to the byte: exit code 1 where it is not. Exit code 3: it is,
    and the audit log in it was broken when it was taken."""
    from hotel_booking.ops import incident_evidence

    manifest, signer = incident_evidence.verify(folder, signers_of(signers), hashed=hashed)
    size = sum(file.size for file in manifest.files.values())
    print(f"✓ {count(len(manifest.files), 'file')}, {size / 1e6:,.1f} MB: as {signer} signed them")
    print(f"  {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, incident {manifest.incident}, by {manifest.made_by}")
    if not hashed:
        print("  its list is compared with what timeline and audit log say of it by --hash")
    log = folder / incident_evidence.AUDIT_LOG
    broken = incident_evidence.broken_link(log) if log.is_file() else None
    for finding in (*manifest.findings, *([f"the exported audit log: {broken}"] if broken else [])):
        print(f"✗ {finding}")
    if broken or manifest.findings:
        raise typer.Exit(3)


def state(data_dir: DataDir = None) -> None:
    """Print who may enter, as JSON: staff and where they are signed in, API keys, access for hours, the
    database's roles and connections, backups. It opens nothing, and says from which addresses people came."""
    with database_url(data_dir) as url:
        print(asyncio.run(_state(url)))


async def _state(url: str) -> str:
    import msgspec

    from hotel_booking.core import backups
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.db import Database
    from hotel_booking.domains.authentication import queries as authentication
    from hotel_booking.domains.authentication.kinds import STAFF
    from hotel_booking.domains.identity import accounts, queries
    from hotel_booking.ops.access.standing import latest
    from hotel_booking.ops.security.roles import granted

    now = utc_now()
    async with Database.open(url, size=1) as db, db.transaction() as tx:
        staff = await accounts.list_staff(tx, limit=_MOST)
        access: dict[str, Any] = {
            "at": now,
            "staff": staff,
            "sessions": {
                member.id: sessions
                for member in staff
                if (sessions := await authentication.open_sessions(tx, STAFF, member.id, now=now))
            },
            "api_keys": await queries.list_keys(tx, limit=_MOST),
            "access": await latest(tx, _MOST),
            "backups": await backups.state(tx),
        }
        access["connections"] = [
            dict(row)
            for row in await tx.fetch(
                "SELECT pid, usename, application_name, host(client_addr) AS address, backend_start, state"
                "  FROM pg_stat_activity WHERE datname = current_database() AND usename IS NOT NULL"
                " ORDER BY pid LIMIT 1000"
            )
        ]
    access["roles"] = granted(url)
    return msgspec.json.format(msgspec.json.encode(access)).decode()


def _make_folder(folder: Path, prefix: str) -> None:
    """The folder, for us alone. Raises `Refused`."""
    from hotel_booking.ops.incident_evidence import PART
    from hotel_booking.ops.refusals import Refused

    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for half in sorted(folder.parent.glob(f"{prefix}*{PART}")):
            print(f"{half} is of a run that did not end: it is left as it is", file=sys.stderr)
        if (whole := folder.with_name(folder.name.removesuffix(PART))).exists():
            raise Refused(
                f"{whole} was collected in this very second",
                "Run it once more, or name another folder: --into FOLDER",
            )
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise Refused(
            f"{error.filename or folder}: {error.strerror or error}",
            "Name a folder that you can write to, with room: --into FOLDER",
        ) from None


@contextmanager
def _refused_unless_written(folder: Path) -> Iterator[None]:
    """What cannot be written ends it with where the rest lies."""
    from hotel_booking.ops.refusals import Refused

    try:
        yield
    except OSError as error:
        raise Refused(
            f"the evidence is not whole: {error.filename or folder}: {error.strerror or error}",
            f"What there is lies in {folder}; with room, run this again.",
        ) from None


def _manifest(folder: Path, collector: Any, number: int, who: str, now: Any) -> Any:
    """The list of what is there, with where it was taken and of what."""
    import json
    import platform
    import socket

    from hotel_booking import __version__
    from hotel_booking.ops import incident_evidence

    about = {"machine": socket.gethostname(), "system": platform.platform(), "release": __version__}
    incident_evidence.written(folder / "about.json", json.dumps(about, indent=2).encode())
    return incident_evidence.Manifest(
        incident=number,
        made_at=now,
        made_by=who,
        release=__version__,
        files=incident_evidence.listed(folder),
        missing=collector.missing,
        cut=collector.cut,
        findings=collector.findings,
    )


def _print_summary(whole: Path, manifest: Any, hashed: str) -> None:
    size = sum(file.size for file in manifest.files.values())
    print(f"Preserved: {whole} ({count(len(manifest.files), 'file')}, {size / 1e6:,.1f} MB)")
    for name, why in manifest.missing.items():
        print(f"  not there: {name}: {why}")
    for name in manifest.cut:
        print(f"  only the oldest part of it: {name}")
    for finding in manifest.findings:
        print(f"  ✗ {finding}")
    print("Only you can read it; it holds personal data. Whether it is as it was:")
    print(f"  hotel-booking ops evidence verify {whole} --hash {hashed}")


def _note_in_timeline(number: int, name: str, manifest: Any, hashed: str, commands: Any, who: str) -> None:
    """In the incident's timeline."""
    import shlex

    from hotel_booking.ops.refusals import Refused

    files = count(len(manifest.files), "file")
    text = f"Evidence is preserved: {name}, {files}, the list's SHA-256 is {hashed}."
    if manifest.missing:
        text += f" Not there: {', '.join(manifest.missing)[:1000]}."
    words = ("incident", "note", str(number), " ".join([text, *manifest.findings])[:5000], "--by", who)
    try:
        if number:
            commands.run(*words)
    except Refused as refusal:
        print(f"the timeline was not told: {refusal.detail}\nLater:", file=sys.stderr)
        print(f"  hotel-booking {shlex.join(words)}", file=sys.stderr)
