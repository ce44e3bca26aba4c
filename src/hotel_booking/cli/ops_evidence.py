"""hotel-booking ops evidence key | sign: what the pipeline and release managers sign for a release (of
incidents: `ops_incident_evidence`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from hotel_booking.cli import ops_incident_evidence
from hotel_booking.cli.ops_incident_evidence import KEY
from hotel_booking.cli.ops_inputs import (
    RELEASE_TAG,
    DryRun,
    EvidenceFolder,
    ReleaseTag,
    Signers,
    check_values,
    inputs,
    report_to_audit_log,
    value_of,
)

app = typer.Typer(no_args_is_help=True)
app.command()(ops_incident_evidence.collect)
app.command()(ops_incident_evidence.verify)
app.command()(ops_incident_evidence.state)


@app.callback()
def _verbs() -> None:
    """Signed evidence: of what was done for a release, and of an incident of security."""


@app.command()
def key() -> None:
    """Make a key to sign evidence with. The private half is printed once and kept nowhere."""
    from hotel_booking.ops.evidence import INCIDENT, ITEMS, make_key

    private, public = make_key()
    print(f"HOTEL_EVIDENCE_KEY={private}")
    print(
        "\nKeep that as a secret of whoever signs. Then let its signatures count, by a line in"
        " deployment/evidence-signers\n(a name, the items it may sign, the public key):\n"
        f"\nNAME {','.join((*ITEMS, INCIDENT))} {public}"
    )


@app.command()
def sign(
    item: Annotated[
        str,
        typer.Argument(help="build, tests, security, compliance, migrations, rollback or communication."),
    ],
    release: ReleaseTag = "",
    commit: Annotated[
        str, typer.Option(help="The release's commit; else as the build's evidence says.")
    ] = "",
    image: Annotated[str, typer.Option(help="The image's digest; else as the build's evidence says.")] = "",
    report: Annotated[
        list[Path] | None, typer.Option("--report", help="*.xml of tests, trivy.json, … ; more than once.")
    ] = None,
    expect: Annotated[
        list[str] | None, typer.Option("--expect", help="A scanner whose report must be there too: snyk.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="rollback: the plan's file.")] = None,
    told_whom: Annotated[str, typer.Option("--told", help="communication: who was told.")] = "",
    message: Annotated[str, typer.Option(help="communication: what they were told, or its address.")] = "",
    signer: Annotated[str, typer.Option(help="The signer's name, for people to read.")] = "",
    evidence: EvidenceFolder = None,
    signers: Signers = None,
    dry_run: DryRun = False,
) -> None:
    """Judge what was done for a release from its reports, and sign what was found. Exit code 1 where it did
    not pass; that is signed too. The key is HOTEL_EVIDENCE_KEY, or asked for."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops import evidence as signed
    from hotel_booking.ops import signing
    from hotel_booking.ops.operation import operation, operator
    from hotel_booking.ops.refusals import WrongUse

    if item not in get_args(signed.Item):
        raise WrongUse(f"{item!r} is no item: {', '.join(get_args(signed.Item))}")
    if not (release or dry_run):
        check_values((RELEASE_TAG, KEY))
    given = inputs(release, evidence, signers)
    if not (commit and image):
        commit, image = _of_build(given, commit, image)
    who = signer or operator(os.environ) or "release-manager"
    payload = signing.make(
        cast("Any", item),
        signing.named(given.release, commit, image),
        reports=report or (),
        said=signing.Declaration(plan, told_whom, message),
        expected=expect or (),
        by=who,
        now=utc_now(),
    )
    mark = "✓" if payload.passed else "✗"
    if dry_run:
        print(f"{mark} {item}: {payload.summary}\n(not signed)")
    else:
        private = value_of(KEY, secret=True)
        with operation(
            "evidence", target=given.release, dry_run=False, environ=os.environ, clock=utc_now, changes=False
        ) as act:
            content = signed.sign(payload, private_key=private, signer=who)
            path = signed.write(given.folder, payload.item, content)
            act.tell(outcome="signed", item=item, passed=payload.passed, summary=payload.summary)
        print(f"{mark} {item}: {payload.summary}\nsigned: {path}")
        report_to_audit_log()
    if not payload.passed:
        raise typer.Exit(1)


def _of_build(given: Any, commit: str, image: str) -> tuple[str, str]:
    """Commit and image as the build's evidence says, where the flags do not."""
    from hotel_booking.ops.evidence import Untrusted, read
    from hotel_booking.ops.refusals import WrongUse

    path = given.folder / "build.json"
    try:
        build = read(path.read_bytes(), given.signers)
    except (OSError, Untrusted) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WrongUse(
            f"which commit and image {given.release} is, is not known: {path}: {reason}",
            "Name them with --commit and --image, or get the pipeline's evidence:",
            f"  gh run download --name evidence-{given.release} --dir {given.folder}",
        ) from None
    return commit or build.commit, image or build.image
