"""The shortest way of a fix to production that is still safe: through Git, with the way back ready.

What it leaves out is waiting (staging, the checklist, the canary's looks). What it does not: an image whose
digest somebody answers for, migrations that the running release bears, pods that are ready before old ones
go, requests through the gateway, and the release before one commit away.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from hotel_booking.ops import delivery
from hotel_booking.ops.colours import run
from hotel_booking.ops.colours.context import RunContext
from hotel_booking.ops.colours.hold import read
from hotel_booking.ops.colours.objects import (
    COLOURS,
    RECIPE,
    Deployment,
    VirtualService,
    deployment,
    governing_canary,
    release_of,
)
from hotel_booking.ops.colours.smoke import Watch
from hotel_booking.ops.command_runner import CommandRunner
from hotel_booking.ops.evidence import Signer, Untrusted
from hotel_booking.ops.evidence import read as read_evidence
from hotel_booking.ops.kubectl import Forbidden, Kubectl, NotFound
from hotel_booking.ops.refusals import Refused

_BUILD_SECONDS = 1800
_FOLLOW_UP_WITHIN = timedelta(days=2)
_PRIMARY = "hotel-booking-primary"


class Image(msgspec.Struct):
    """An image with its digest, and who answers for it."""

    name: str
    by: str


class Plan(msgspec.Struct):
    """What is to be done: the image, what Git says now, and by which way guests come to it (`rolling`,
    `canary NAME` or `colours`)."""

    environment: str
    image: Image
    before: str
    way: str


def signed(tag: str, repository: str, folder: Path, signers: Sequence[Signer]) -> Image | None:
    """The image that the pipeline has signed for this release; None where its evidence is not here. Raises
    `Refused` where it is somebody else's or changed."""
    file = folder / "build.json"
    if not file.is_file():
        return None
    try:
        build = read_evidence(file.read_bytes(), signers)
    except Untrusted as why:
        raise Refused(f"{file} is no evidence: {why}") from None
    if build.release != tag or not build.passed:
        raise Refused(f"{file} is of the release {build.release}, not of {tag}")
    return Image(f"{repository}:{tag}@{build.image}", f"signed by the pipeline ({build.made_by})")


def built(folder: Path, repository: str, environ: Mapping[str, str], say: Callable[[str], None]) -> Image:
    """Build what is checked out, push it, and its digest. Raises `Refused`, also where something is not
    committed: what runs must be found again."""

    def ended(*command: str, seconds: float = 60) -> str:
        try:
            done = subprocess.run(  # noqa: S603  # named here
                command,
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise Refused(f"the image could not be built: {error}") from None
        if done.returncode:
            raise Refused(f"`{' '.join(command[:3])}` failed: {(done.stderr or done.stdout).strip()[-800:]}")
        return done.stdout.strip()

    if changed := ended("git", "status", "--porcelain"):
        raise Refused(
            f"not committed: {changed.splitlines()[0].strip()}",
            "What runs in production must be in Git:",
            "  git commit --all",
        )
    day = ended("git", "show", "--no-patch", "--format=%cd", "--date=format:%Y%m%d")
    revision = ended("git", "rev-parse", "HEAD")
    name = f"{repository}:{day}-{revision[:12]}"
    container = environ.get("CONTAINER", "docker").split()
    say(f"building {name}")
    ended("deployment/docker/build", "--tag", name, seconds=_BUILD_SECONDS)
    ended(*container, "push", "--quiet", name, seconds=_BUILD_SECONDS)
    digests = ended(
        *container, "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", name
    )
    for line in digests.splitlines():
        if line.startswith(f"{repository}@sha256:"):
            return Image(
                f"{name}@{line.partition('@')[2]}", f"built here from {revision[:12]}, signed by nobody"
            )
    raise Refused(f"{name} was pushed, and its digest is not known", f"  docker image inspect {name}")


def planned(kubectl: Kubectl, environment: str, image: Image) -> Plan:
    """What would be done. Raises `Refused` where there is no way back or nothing to do."""
    recipe = deployment(kubectl, RECIPE)
    canary, active = governing_canary(kubectl), read(kubectl).active
    way = f"canary {canary}" if canary else "colours" if active in COLOURS else "rolling"
    serves = {"rolling": RECIPE, "colours": active}.get(way, _PRIMARY)
    serving = deployment(kubectl, serves)
    if serving.ready < 1:
        raise Refused(
            f"{serves} has no ready pod: a release cannot be tried beside it, nor gone back to",
            f"  kubectl describe deployment {serves} -n {kubectl.namespace}",
        )
    before = serving.image
    if before == image.name and recipe.image == image.name:
        raise Refused(f"{release_of(before)} serves already, from the same image")
    return Plan(environment, image, before, way)


def deliver(plan: Plan, context: RunContext, environ: Mapping[str, str]) -> None:
    """Through Git to the guests, tried there; whatever fails on the way goes back to what was before. Raises
    `Refused`."""
    kubectl, say, image = context.kubectl, context.say, plan.image.name
    canary = plan.way.removeprefix("canary ") if plan.way.startswith("canary ") else ""
    if plan.way == "colours":
        run.deploy(context, image)  # tried and watched there; refuses by itself, and the old colour serves
    try:
        if canary:
            _analysis(kubectl, canary, skipped=True)
            say(f"Flagger's {canary} promotes without its looks, this once")
        say(delivery.commit(plan.environment, image, environ))
        _arrived(image, context, environ)
        _until_serving(context, plan, canary)
        if plan.way != "colours":
            _tried(context)
    except BaseException as error:
        _back(plan, context, environ, error)
        raise
    finally:
        if canary:
            _analysis(kubectl, canary, skipped=False)


def _arrived(image: str, context: RunContext, environ: Mapping[str, str]) -> None:
    """Argo CD has brought it. Who may not ask Argo CD waits for it by what runs."""
    try:
        delivery.refresh(environ)
        delivery.until_delivered(image, environ, seconds=context.timeout, say=context.say)
    except (Forbidden, NotFound) as refusal:
        context.say(f"Argo CD could not be asked ({refusal.detail}): it looks by itself within minutes")


def _until_serving(context: RunContext, plan: Plan, canary: str) -> None:
    """Guests get it: every pod of what serves is the new one."""
    if plan.way == "colours":
        return
    name, until = (_PRIMARY if canary else RECIPE), time.monotonic() + context.timeout
    while True:
        workload = context.kubectl.find("deployment", name, Deployment)
        if workload is not None and workload.image == plan.image.name and workload.rolled_out():
            context.say(f"{name}: {workload.ready} pods of {release_of(workload.image)}")
            return
        why = workload.given_up() if workload is not None else ""
        if why or time.monotonic() > until:
            raise Refused(f"{name} is not the new release after {context.timeout:.0f} s: {why}".rstrip(": "))
        time.sleep(2)


def _tried(context: RunContext) -> None:
    """Requests through the gateway, for as long as it is watched. Raises `Refused` at what is wrong."""
    site = context.kubectl.get("virtualservice", RECIPE, VirtualService)
    watch = Watch(site.spec.hosts[0], context.gateway, context.prometheus, context.say)
    until = time.monotonic() + context.watch
    while time.monotonic() < until:
        if why := watch.look(context.kubectl.namespace, RECIPE):
            raise Refused(f"the release answers badly: {why}")
        time.sleep(1)
    context.say(f"{watch.asked} requests through the gateway were answered as they should be")


def _back(plan: Plan, context: RunContext, environ: Mapping[str, str], error: BaseException) -> None:
    """Git says again what was before; whatever keeps that from being so is said."""
    why = getattr(error, "detail", "") or f"{type(error).__name__} {error}".strip()
    context.say(f"{why}: going back to {release_of(plan.before)}")
    if "@sha256:" not in plan.before:
        context.say(f"{plan.before} has no digest, so Git is not told: revert the commit by hand")
        return
    try:
        context.say(delivery.commit(plan.environment, plan.before, environ))
        if plan.way == "colours":
            run.back(context)
        delivery.refresh(environ)
    except Refused as refusal:
        context.say(f"not gone back: {refusal.detail}")
        for line in refusal.lines:
            context.say(line)


def _analysis(kubectl: Kubectl, canary: str, *, skipped: bool) -> None:
    kubectl.patch("canary", canary, {"spec": {"skipAnalysis": skipped}})


class Tracker:
    """The incident tracker, told in the name of `by`: here where the environment names the database, else in
    a pod that serves. What it cannot be told is said, and holds nothing up."""

    def __init__(
        self, kubectl: Kubectl, environ: Mapping[str, str], say: Callable[[str], None], *, by: str
    ) -> None:
        self._commands, self._say, self._by = CommandRunner(kubectl, environ), say, by
        self._number = ""

    def declare(self, title: str, *, severity: str, impact: str) -> str:
        """The incident's number; empty where it could not be declared."""
        answer = self._run("declare", title, "--severity", severity, "--impact", impact, "--by", self._by)
        self._number = answer.removeprefix("Incident ").partition(" ")[0]
        if answer:
            self._say(answer.splitlines()[0])
        return self._number

    def note(self, text: str) -> None:
        """In its timeline, and in its channel."""
        if self._number:
            self._run("note", self._number, text, "--by", self._by)

    def follow_up(self, what: str, *, due: str) -> None:
        """Something that remains to be done, by who acts."""
        if self._number:
            owned = ("--owner", self._by, "--due", due, "--by", self._by)
            if self._run("action", self._number, what, *owned):
                self._say(f"follow-up: {what} ({self._by}, by {due})")

    def not_told(self) -> list[str]:
        """Whom the tracker could not tell (PagerDuty, Slack), in its words."""
        if not self._number:
            return []
        lines = [line.strip() for line in self._run("show", self._number).splitlines()]
        return [line for line in lines if line.startswith("not told to")]

    def _run(self, *words: str) -> str:
        """What the tracker answers; empty where it cannot be reached."""
        try:
            return self._commands.run("incident", *words)
        except Refused as refusal:
            self._say(f"the incident tracker was not told ({words[0]}): {refusal.detail}")
            return ""


def deliver_and_note(plan: Plan, context: RunContext, tracker: Tracker, environ: Mapping[str, str]) -> None:
    """`deliver`, whose end stands in the incident's timeline; that the release goes through what it skipped
    remains to be done, however it ended. Raises `Refused`."""
    release = release_of(plan.image.name)
    try:
        deliver(plan, context, environ)
    except BaseException as error:
        why = getattr(error, "detail", "") or type(error).__name__
        tracker.note(f"The emergency deployment of {release} failed and was taken back: {why}")
        raise
    finally:
        tracker.follow_up(
            f"Let {release} go through staging and the checklist, and merge the hotfix",
            due=f"{context.clock() + _FOLLOW_UP_WITHIN:%Y-%m-%d}",
        )
    tracker.note(f"{release} serves since {context.clock():%H:%M} UTC.")
