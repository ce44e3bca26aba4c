"""hotel-booking ops emergency-deploy: a fix to production by the shortest way that is safe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from hotel_booking.cli.ops_colours import Gateway, Namespace, run_context, say
from hotel_booking.cli.ops_inputs import (
    DryRun,
    EvidenceFolder,
    Signers,
    check_values,
    inputs,
    report_to_audit_log,
    value_of,
)
from hotel_booking.ops.asking import Want

_WHY = Want("HOTEL_REASON", "the reason why it cannot wait", "'guests cannot pay'")
_APPROVER = Want("HOTEL_APPROVER", "who has approved it", "ana@hotelbooking.com")


def emergency_deploy(
    namespace: Namespace = "hotel-booking-production",
    skip_staging: Annotated[
        bool, typer.Option("--skip-staging", help="Without it staging must run the release already.")
    ] = False,
    notify_team: Annotated[
        bool, typer.Option("--notify-team", help="Page whoever is on call and write to the channel (P2).")
    ] = False,
    image_tag: Annotated[
        str,
        typer.Option("--image-tag", help="The release's image tag, whose evidence of the build is here."),
    ] = "",
    reason: Annotated[str, typer.Option(envvar="HOTEL_REASON", help="Why it cannot wait.")] = "",
    approver: Annotated[
        str, typer.Option(envvar="HOTEL_APPROVER", help="Who has approved it: somebody else than you.")
    ] = "",
    watch: Annotated[
        int, typer.Option(help="For how many seconds it is watched at the end.", min=1, max=3600)
    ] = 60,
    timeout: Annotated[
        int, typer.Option(help="How many seconds each step may take.", min=1, max=86400)
    ] = 600,
    gateway: Gateway = "",
    evidence: EvidenceFolder = None,
    signers: Signers = None,
    dry_run: DryRun = False,
) -> None:
    """Deploy a fix to production at once: without --image-tag what is checked out here is built and pushed.
    Skipped are staging, the checklist and a canary's looks. Not skipped: an image that somebody answers for,
    its migrations, pods that are ready first, requests through the gateway, and the way back, which is taken
    by itself where any of that fails."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops import emergency
    from hotel_booking.ops.colours.objects import release_of
    from hotel_booking.ops.colours.run import environment
    from hotel_booking.ops.kubectl import Kubectl
    from hotel_booking.ops.operation import operation, operator
    from hotel_booking.ops.spool import machine_user

    who = operator(os.environ) or machine_user()
    why, by = _reason_and_approver(reason, approver, who)
    where = environment(namespace)
    kubectl = Kubectl(namespace, environ=os.environ)
    with operation(
        "emergency-deploy", target=namespace, dry_run=dry_run, environ=os.environ, clock=utc_now
    ) as act:
        act.tell(why=why, approver=by, skipped_staging=skip_staging)
        image = _image(kubectl, image_tag, evidence, signers, dry_run=dry_run)
        plan = emergency.planned(kubectl, where, image)
        if not skip_staging:
            _refuse_unless_staged(image.name)
        release = release_of(image.name)
        act.tell(image=image.name, before=plan.before, way=plan.way, answered_for=image.by)
        say(f"{where}: {release_of(plan.before)} → {release}, {plan.way}; the image is {image.by}")
        say(f"approved by {by}: {why}")
        if dry_run:
            print("Nothing was changed.")
            return
        skips = "staging and the checklist" if skip_staging else "the checklist"
        tracker = emergency.Tracker(kubectl, os.environ, say, by=who)
        act.tell(
            incident=tracker.declare(
                f"Emergency deployment of {release}",
                severity="P2" if notify_team else "P3",
                impact=f"{why} (approved by {by}, skips {skips})",
            )
        )
        tracker.note(f"Approved by {by}: {why}. It skips {skips}; the image is {image.by}.")
        context = run_context(kubectl, gateway=gateway, watch=watch, timeout=timeout)
        emergency.deliver_and_note(plan, context, tracker, os.environ)
        say(f"{where} serves {image.name}")
        for line in tracker.not_told():
            say(line)
    print(f"Back: scripts/deploy_release {where} {plan.before}")
    report_to_audit_log()


def _reason_and_approver(reason: str, approver: str, who: str) -> tuple[str, str]:
    """Why, and who approved; asked on a terminal. Raises `WrongUse`."""
    from hotel_booking.ops.refusals import WrongUse

    flags = ((_WHY, reason), (_APPROVER, approver))
    check_values([want for want, flag in flags if not flag.strip()])
    why, by = (value_of(want, flag) for want, flag in flags)
    if by.casefold() == who.casefold():
        raise WrongUse(f"{by} cannot approve their own emergency deployment", "Ask somebody else; name them.")
    return why, by


def _image(kubectl: Any, tag: str, evidence: Path | None, signers: Path | None, *, dry_run: bool) -> Any:
    """The image that the pipeline signed for this tag, or one built here. Raises `Refused`."""
    from hotel_booking.ops import delivery, emergency
    from hotel_booking.ops.colours.objects import RECIPE, deployment, repository_of
    from hotel_booking.ops.refusals import Refused

    repository = repository_of(deployment(kubectl, RECIPE).image)
    if tag:
        release = inputs(tag, evidence, signers)
        if image := emergency.signed(tag, repository, release.folder, release.signers):
            return image
        raise Refused(
            f"nobody answers for the image of {tag}: there is no evidence of its build in {release.folder}",
            "The pipeline signed it where it built it:",
            f"  gh run download --name evidence-{tag} --dir {release.folder}",
            "Or build what is checked out, by the same command without --image-tag.",
        )
    folder = delivery.checkout(os.environ)
    if folder is None:
        raise Refused(
            "there is no clone of the repository here to build from",
            "Go into the clone with the fix, or name the release:",
            "  --image-tag 20260301-0123456789ab",
        )
    if dry_run:
        return emergency.Image(f"{repository}:what-is-checked-out", "to be built here")
    return emergency.built(folder, repository, os.environ, say)


def _refuse_unless_staged(image: str) -> None:
    """Raise `Refused` where staging does not run it already, as Git says."""
    from hotel_booking.ops import delivery
    from hotel_booking.ops.colours.objects import release_of
    from hotel_booking.ops.refusals import Refused

    runs = delivery.running("staging", os.environ)
    if runs != release_of(image):
        raise Refused(
            f"staging runs {runs}, not {release_of(image)}",
            "Have it there first, or say that it cannot wait: --skip-staging",
            f"  scripts/deploy_release staging {image}",
        )
