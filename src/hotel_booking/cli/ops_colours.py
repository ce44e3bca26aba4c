"""hotel-booking ops blue-green: a release beside the one that serves, guests led to it, and back."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hotel_booking.cli.ops_inputs import DryRun, EvidenceFolder, Signers, inputs, report_to_audit_log
from hotel_booking.core.counting import count

Verb = Literal["deploy", "rollback", "finish", "show"]
Namespace = Annotated[
    str,
    typer.Option("--namespace", envvar="HOTEL_KUBERNETES_NAMESPACE", help="The environment's namespace."),
]
Gateway = Annotated[
    str,
    typer.Option(
        "--gateway",
        envvar="HOTEL_INGRESS",
        help="Where the gateway is reached (https://ADDRESS:PORT), if not where the site's name leads.",
    ),
]


def blue_green(
    namespace: Namespace = "hotel-booking-production",
    image_tag: Annotated[str, typer.Option("--image-tag", help="The release's image tag.")] = "",
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Lead guests back to the release that was kept.")
    ] = False,
    finish: Annotated[
        bool,
        typer.Option(
            "--finish",
            help="Lead guests to deployment/hotel-booking again, and take the colours away.",
        ),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Only say who serves and who is kept.")] = False,
    watch: Annotated[
        int, typer.Option(help="For how many seconds the new release is watched.", min=0, max=86400)
    ] = 300,
    timeout: Annotated[
        int, typer.Option(help="How many seconds its pods may take to be ready.", min=1, max=86400)
    ] = 600,
    gateway: Gateway = "",
    prometheus: Annotated[
        str, typer.Option(envvar="HOTEL_PROMETHEUS_URL", help="Prometheus, to watch by what guests meet too.")
    ] = "",
    git: Annotated[
        bool, typer.Option("--git/--no-git", help="Have Git say what serves, so that Argo CD keeps to it.")
    ] = True,
    evidence: EvidenceFolder = None,
    signers: Signers = None,
    dry_run: DryRun = False,
) -> None:
    """Deploy a release beside the one that serves, try it, lead guests to it in one step, and watch it. The
    release before is kept, for --rollback. Whatever fails leaves the one before serving; the same command
    takes up where it stopped. A release needs a pass of the pre-deployment checklist."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.colours import run
    from hotel_booking.ops.kubectl import Kubectl
    from hotel_booking.ops.operation import operation

    verb = _verb(image_tag, rollback=rollback, finish=finish, show=show)
    kubectl = Kubectl(namespace, environ=os.environ)
    if verb == "show":
        _show(kubectl)
        return
    image = _image(kubectl, image_tag, evidence, signers) if verb == "deploy" else ""
    context = run_context(kubectl, gateway=gateway, prometheus=prometheus, watch=watch, timeout=timeout)
    with operation("blue-green", target=namespace, dry_run=dry_run, environ=os.environ, clock=utc_now) as act:
        act.tell(verb=verb, image=image)
        if dry_run:
            _show(kubectl)
            run.refuse_canary(kubectl)
            print(f"Nothing was changed. Without --dry-run: {verb} {image}".rstrip())
            return
        began = time.monotonic()
        turned = _turned(context, verb, image)
        act.tell(active=turned.active, serves=turned.image, kept=turned.kept)
        act.happened(
            f"{turned.active} serves {turned.image}",
            "Git may say another release; have it say the same:",
            f"  scripts/deploy_release {run.environment(namespace)} {turned.image}",
        )
        say(f"{turned.active} serves {turned.image}, after {time.monotonic() - began:.0f} s")
        if git and verb != "finish":
            _into_git(run.environment(namespace), turned.image)
    if turned.kept and verb != "rollback":
        print(f"{turned.kept} is kept. Back to it:")
        print(f"  hotel-booking ops blue-green --namespace {namespace} --rollback")
    print(f"See it: kubectl get service hotel-booking-active -n {namespace} -o wide")
    report_to_audit_log()


def run_context(kubectl: Any, *, gateway: str, watch: int, timeout: int, prometheus: str = "") -> Any:
    """What a run works with, as this machine has it."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops import delivery
    from hotel_booking.ops.colours import hold
    from hotel_booking.ops.colours.context import RunContext

    return RunContext(
        kubectl=kubectl,
        me=hold.myself(os.environ),
        clock=utc_now,
        say=say,
        repository=delivery.checkout(os.environ),
        gateway=gateway,
        prometheus=prometheus,
        watch=watch,
        timeout=timeout,
    )


def _verb(image_tag: str, *, rollback: bool, finish: bool, show: bool) -> Verb:
    """What the flags ask for. Raises `WrongUse` where that is more than one thing."""
    from hotel_booking.ops.refusals import WrongUse

    if sum((bool(image_tag), rollback, finish, show)) > 1:
        raise WrongUse("one of --image-tag, --rollback, --finish and --show at a time")
    return "rollback" if rollback else "finish" if finish else "show" if show else "deploy"


def _turned(context: Any, verb: Verb, image: str) -> Any:
    """Have guests led as the verb says; who serves then."""
    from hotel_booking.ops.colours import run

    if verb == "deploy":
        return run.deploy(context, image)
    return run.back(context) if verb == "rollback" else run.finish(context)


def _image(kubectl: Any, tag: str, evidence: Path | None, signers: Path | None) -> str:
    """The image to deploy, `REPOSITORY:TAG@DIGEST`: the repository is that of what runs, the digest the one
    that passed the checklist. Raises `Refused`."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.colours.objects import RECIPE, deployment, repository_of
    from hotel_booking.ops.operation import home
    from hotel_booking.ops.preflight import require_fresh_pass

    release = inputs(tag, evidence, signers)
    held = require_fresh_pass(
        release.release,
        home=home(os.environ),
        folder=release.folder,
        signers=release.signers,
        now=utc_now(),
    )
    repository = repository_of(deployment(kubectl, RECIPE).image)
    return f"{repository}:{release.release}@{held.image}"


def _into_git(environment: str, image: str) -> None:
    """What serves is what Git says. Raises `Refused`: guests are served, but Argo CD does not know."""
    from hotel_booking.ops import delivery
    from hotel_booking.ops.refusals import Refused

    if "@sha256:" not in image:
        say(f"Git is not told of {image}: it names no digest, so Git never had it")
        return
    say(delivery.commit(environment, image, os.environ))
    try:
        delivery.refresh(os.environ)
    except Refused as refusal:
        say(f"Argo CD was not asked to look now ({refusal.detail}); it looks by itself within minutes")


def _show(kubectl: Any) -> None:
    """Who serves, who is kept, what happened last."""
    from hotel_booking.ops.colours import hold
    from hotel_booking.ops.colours.objects import Deployment

    now = hold.read(kubectl)
    for name, what in ((now.active, "serves"), (now.record.kept, "is kept")):
        if name:
            workload = kubectl.find("deployment", name, Deployment)
            image = "is not there"
            if workload is not None:
                image = f"{workload.image}, {count(workload.ready, 'pod')} ready"
            print(f"{name} {what}: {image}")
    if now.record.step != "none":
        last = f" ({now.record.said})" if now.record.said else ""
        print(f"Last step: {now.record.step}{last}")
    if now.record.holder:
        print(f"{now.record.holder} is at it, or was until {now.record.until:%H:%M:%S} UTC")


def say(line: str) -> None:
    """What happens, with the time."""
    from hotel_booking.core.clock import utc_now

    print(f"{utc_now():%H:%M:%S} {line}", flush=True)
