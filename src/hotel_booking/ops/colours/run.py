"""A blue-green deployment, the way back, and its end. Whatever fails, and whenever: the workload that served
before goes on serving, and what is there is where the next run begins."""

from __future__ import annotations

import time

import msgspec

from hotel_booking.ops.colours import manifests, pods
from hotel_booking.ops.colours.context import RunContext
from hotel_booking.ops.colours.hold import Hold, Step, read
from hotel_booking.ops.colours.objects import (
    ACTIVE,
    BLUE,
    COLOURS,
    GREEN,
    RECIPE,
    Deployment,
    VirtualService,
    deployment,
    governing_canary,
    last_words,
    release_of,
)
from hotel_booking.ops.colours.smoke import Watch, try_colour
from hotel_booking.ops.kubectl import Kubectl, Unreachable
from hotel_booking.ops.refusals import Refused
from hotel_booking.ops.releases import range_of, refuse_unfit

# For as long as the API server may be away while the Service is turned, until nobody can say any more.
_LOST_SECONDS = 120


class RunResult(msgspec.Struct):
    """How it ended: who serves now, and who is kept to go back to."""

    active: str
    image: str
    kept: str
    requests: int = 0


def refuse_canary(kubectl: Kubectl) -> None:
    """Never two that release one Deployment. Raises `Refused`."""
    if canary := governing_canary(kubectl):
        raise Refused(
            f"Flagger's canary {canary} releases deployment/{RECIPE}: a blue-green deployment would fight it",
            f"Release by it (docs/RUNBOOK.md), or take it away, which leads guests to deployment/{RECIPE}:",
            "  kubectl delete -f deployment/kubernetes/canary-deployment.yaml",
        )


def deploy(context: RunContext, image: str) -> RunResult:
    """Have `image` serve: beside what serves now, tried, turned to, watched. Raises `Refused`, and the old
    one serves."""
    kubectl, say = context.kubectl, context.say
    refuse_canary(kubectl)
    hold = Hold(kubectl, context.me, context.clock)
    hold.take()
    began = hold.now.active
    try:
        if hold.now.record.step == "watching" and hold.now.record.image == image and began in COLOURS:
            say(f"a run before turned guests to {began} already: it is watched from here")
            return _watched(context, hold, began, hold.now.record.kept, requests=0)
        if began in COLOURS and deployment(kubectl, began).image == image:
            say(f"{began} serves {release_of(image)} already")
            _settle(context, hold)
            hold.let_go(step="done", said="")
            return RunResult(began, image, hold.now.record.kept)
        schema = _fits(context, image, under=deployment(kubectl, began).image)
        _migrate(context, hold, image)
        old = _adopted(context, hold)
        new = GREEN if old == BLUE else BLUE
        size = _enough(context, old)
        hold.note(step="deploying", to=new, image=image, kept="")
        say(f"{new}: {size} pods of {release_of(image)} beside {old}")
        _made(context, hold, new, image, size, schema)
        hold.note(step="smoke")
        asked = try_colour(kubectl, new, context.gateway, still_ours=hold.keep, today=context.clock())
        say(f"{new}: {asked} requests through the gateway were answered as they should be")
        if deployment(kubectl, old).ready < 1:
            raise Refused(f"{old} has no ready pod any more: look at that first")
        _turn(context, hold, new, kept=old)
        return _watched(context, hold, new, old, requests=asked)
    except BaseException as error:
        _told(context, hold, error)
        raise


def back(context: RunContext) -> RunResult:
    """Lead guests back to the workload that was kept. Raises `Refused`."""
    kubectl, say = context.kubectl, context.say
    hold = Hold(kubectl, context.me, context.clock)
    hold.take(over=True)
    kept, active = hold.now.record.kept, hold.now.active
    try:
        if not kept or kept == active:
            raise Refused(
                f"{active} serves, and none is kept to go back to",
                f"Of deployment/{RECIPE} the release before comes back by:",
                f"  kubectl rollout undo deployment/{RECIPE} -n {kubectl.namespace}",
            )
        workload = deployment(kubectl, kept)
        if workload.ready < 1:
            say(f"{kept} has no ready pod: waiting for one")
            kubectl.run(
                "scale", f"deployment/{kept}", f"--replicas={max(1, deployment(kubectl, active).ready)}"
            )
            workload = pods.until_ready(context, hold, kept)
        _turn(context, hold, kept, kept=active, step="back")
        hold.let_go(step="back", said=f"went back from {active}")
        return RunResult(kept, workload.image, active)
    except BaseException as error:
        _told(context, hold, error)
        raise


def finish(context: RunContext) -> RunResult:
    """Lead guests to deployment/hotel-booking again, and take the colours away. Raises `Refused` where it is
    not the release that serves."""
    kubectl, say = context.kubectl, context.say
    hold = Hold(kubectl, context.me, context.clock)
    hold.take()
    active = hold.now.active
    try:
        if active in COLOURS:
            serving, recipe = deployment(kubectl, active), deployment(kubectl, RECIPE)
            if recipe.image != serving.image:
                raise Refused(
                    f"deployment/{RECIPE} is {release_of(recipe.image)} and {active} serves "
                    f"{release_of(serving.image)}",
                    "Have Git say what serves, and Argo CD bring it; then run this again:",
                    f"  scripts/deploy_release {environment(kubectl.namespace)} {serving.image}",
                )
            say(f"{RECIPE}: {serving.ready} pods")
            kubectl.run("scale", f"deployment/{RECIPE}", f"--replicas={max(1, serving.ready)}")
            pods.until_ready(context, hold, RECIPE)
            _turn(context, hold, RECIPE, kept="", step="done")
        for colour in COLOURS:
            for kind in ("horizontalpodautoscaler", "deployment", "service"):
                kubectl.delete(kind, colour)
        hold.let_go(step="none", to="", image="", kept="", said="")
        return RunResult(RECIPE, deployment(kubectl, RECIPE).image, "")
    except BaseException as error:
        _told(context, hold, error)
        raise


def environment(namespace: str) -> str:
    """The environment that a namespace is of."""
    return namespace.removeprefix("hotel-booking-")


def _adopted(context: RunContext, hold: Hold) -> str:
    """The colour that serves. At the first run that is none: one is made of what serves, guests are led to
    it, and deployment/hotel-booking rests, as it does under a canary."""
    active = hold.now.active
    if active in COLOURS:
        _settle(context, hold)
        return active
    recipe = deployment(context.kubectl, RECIPE)
    hold.note(step="adopting", to=BLUE, image=recipe.image, kept="")
    context.say(
        f"{BLUE}: a copy of deployment/{RECIPE}, so that the release before stays when Git has the new one"
    )
    _made(context, hold, BLUE, recipe.image, max(1, recipe.ready))
    _turn(context, hold, BLUE, kept="", step="adopting")
    _settle(context, hold)
    return BLUE


def _settle(context: RunContext, hold: Hold) -> None:
    """A colour serves: deployment/hotel-booking has no pods meanwhile. Its autoscaler stands still then."""
    if hold.now.active in COLOURS and deployment(context.kubectl, RECIPE).spec.get("replicas", 1):
        context.kubectl.run("scale", f"deployment/{RECIPE}", "--replicas=0")
        pods.until_gone(context, hold, RECIPE)


def _enough(context: RunContext, old: str) -> int:
    """As many pods as serve. Raises `Refused` where twice as many take too many connections."""
    size = max(1, deployment(context.kubectl, old).ready)
    most = pods.most(context.kubectl)
    if most and 2 * size > most:
        raise Refused(
            f"{size} pods serve, and twice as many would be more than the {most} that the database's "
            "connections are counted for",
            "Do it when it is quieter, or raise max_connections and maxReplicas first (docs/SCALING.md).",
        )
    return size


def _fits(context: RunContext, image: str, *, under: str) -> str:
    """Which schemas the release runs on. Raises `Refused` where it cannot run beside what serves. Without a
    clone that has both commits that is left to the migration, which refuses by itself."""
    new, running = release_of(image), release_of(under)
    try:
        if context.repository is None:
            raise Refused("there is no clone of the repository here")
        schemas = range_of(new, repository=context.repository)
        before = range_of(running, repository=context.repository)
    except Refused as unknown:
        context.say(
            f"the schemas of {running} and {new} are compared by the migration alone: {unknown.detail}"
        )
        return ""
    refuse_unfit(schemas, under=before, names=(new, running))
    return schemas.annotation()


def _migrate(context: RunContext, hold: Hold, image: str) -> None:
    """The database comes to the release; what serves runs on it too."""
    hold.note(step="migrating", image=image)
    name = manifests.migration_name(release_of(image))
    if not pods.migrated(context, hold, name, image):
        raise Refused(
            f"the migration to {release_of(image)} failed; the release before runs on what it has done",
            *last_words(context.kubectl, f"job-name={name}"),
            "What it says is to be mended; it goes on where it stopped when this is run again.",
            f"  kubectl logs job/{name} -n {context.kubectl.namespace}",
        )
    context.say(f"migrated: job/{name}")


def _made(context: RunContext, hold: Hold, name: str, image: str, size: int, schema: str = "") -> Deployment:
    """A colour with this image, every pod of it ready. Raises `Refused`."""
    pods.make(context.kubectl, name, image, size, schema)
    return pods.until_ready(context, hold, name)


def _turn(context: RunContext, hold: Hold, to: str, *, kept: str, step: Step = "watching") -> None:
    """Lead guests there. While the API server is away it is asked again, because nobody knows then."""
    until = time.monotonic() + _LOST_SECONDS
    while True:
        try:
            hold.note(turn=to, step=step, kept=kept, to=to)
            break
        except Unreachable as lost:
            if time.monotonic() > until:
                raise Unreachable(
                    f"the API server went away while {ACTIVE} was turned to {to}: nobody knows if it was",
                    "Either way a release serves that is ready. When it is back, look, and run this again:",
                    f"  kubectl get service {ACTIVE} -n {context.kubectl.namespace} -o wide",
                ) from lost
            context.say(f"{lost.detail}; asking again")
            time.sleep(2)
    context.say(f"{ACTIVE} leads to {to}")


def _watched(context: RunContext, hold: Hold, new: str, old: str, *, requests: int) -> RunResult:
    """Guests are there: for a while anything bad leads them back."""
    kubectl, say = context.kubectl, context.say
    site = kubectl.get("virtualservice", RECIPE, VirtualService)
    watch = Watch(site.spec.hosts[0], context.gateway, context.prometheus, say)
    say(f"watching {new} for {context.watch:.0f} s")
    until, why = time.monotonic() + context.watch, ""
    try:
        while time.monotonic() < until and not why:
            why = watch.look(kubectl.namespace, new)
            if not why and watch.asked % 5 == 0:
                try:
                    hold.keep()
                    why = "" if deployment(kubectl, new).ready else f"{new} has no ready pod"
                except Unreachable as lost:
                    say(f"{lost.detail}; {new} serves, and goes on being watched by requests")
            time.sleep(1)
    except KeyboardInterrupt:
        why = "interrupted while it was watched"
    if why and old:
        say(f"{why}: going back to {old}")
        _turn(context, hold, old, kept="", step="failed")
        raise Refused(f"{new} was taken back: {why}. {old} serves.", *last_words(kubectl, f"workload={new}"))
    hold.let_go(step="done", said="")
    serving = deployment(kubectl, new)
    return RunResult(new, serving.image, old, requests + watch.asked)


def _told(context: RunContext, hold: Hold, error: BaseException) -> None:
    """The end of a run that failed, by what the Service says now: guests go back to the release before, what
    is there is noted, pods that nobody needs go, and the operator reads who serves."""
    kubectl, why = context.kubectl, getattr(error, "detail", "") or f"{type(error).__name__} {error}".strip()
    try:
        now = read(kubectl)
        if now.record.holder == context.me:
            hold.now = now
            if now.record.step == "watching" and now.record.kept and now.active == now.record.to:
                hold.note(turn=now.record.kept, step="failed", kept="")
            step: Step = "failed" if now.record.step not in ("back", "done", "none") else now.record.step
            hold.let_go(step=step, said=why)
            unneeded = now.record.to not in (hold.now.active, hold.now.record.kept)
            if now.record.to in COLOURS and unneeded and pods.rest(kubectl, now.record.to):
                context.say(f"{now.record.to}: scaled to 0, until the next run")
        context.say(f"{hold.now.active if now.record.holder == context.me else now.active} serves")
    except Refused as refusal:
        context.say(f"who serves can be seen when the API server answers ({refusal.detail}):")
        context.say(f"  kubectl get service {ACTIVE} -n {kubectl.namespace} -o wide")
