"""Pods of a colour, and the migration's: made, waited for, and put to rest."""

from __future__ import annotations

import time
from contextlib import suppress

from hotel_booking.ops.colours import manifests
from hotel_booking.ops.colours.context import RunContext
from hotel_booking.ops.colours.hold import Hold
from hotel_booking.ops.colours.objects import (
    MIGRATE,
    RECIPE,
    WORKLOAD,
    Autoscaler,
    Deployment,
    Job,
    deployment,
    last_words,
)
from hotel_booking.ops.kubectl import Kubectl, Unreachable
from hotel_booking.ops.refusals import Refused

_LOOK = 2.0  # seconds
_MIGRATION_SECONDS = 1800


def make(kubectl: Kubectl, name: str, image: str, size: int, schema: str) -> None:
    """Have a colour with this image: its Deployment, its Service, its autoscaler."""
    recipe = deployment(kubectl, RECIPE)
    kubectl.apply(manifests.service(name), manager=manifests.MANAGER)
    made = manifests.deployment(name, recipe, image=image, replicas=size, schema=schema)
    kubectl.apply(made, manager=manifests.MANAGER)
    scaler = kubectl.find("horizontalpodautoscaler", RECIPE, Autoscaler)
    if scaler is not None:
        kubectl.apply(manifests.autoscaler(name, scaler, least=size), manager=manifests.MANAGER)


def most(kubectl: Kubectl) -> int:
    """The most pods that there may be; 0 where nobody says."""
    scaler = kubectl.find("horizontalpodautoscaler", RECIPE, Autoscaler)
    return 0 if scaler is None else int(scaler.spec["maxReplicas"])


def rest(kubectl: Kubectl, name: str) -> bool:
    """Have a colour without pods; whether there was one with some."""
    workload = kubectl.find("deployment", name, Deployment)
    if workload is None or not workload.spec.get("replicas", 1):
        return False
    kubectl.delete("horizontalpodautoscaler", name)
    kubectl.run("scale", f"deployment/{name}", "--replicas=0")
    return True


def until_ready(context: RunContext, hold: Hold, name: str) -> Deployment:
    """Every pod of it is ready. Raises `Refused` with their last words, where that does not come in time."""
    until = time.monotonic() + context.timeout
    while True:
        why = ""
        with suppress(Unreachable):  # it is asked again; `keep` says when it has been too long
            there = deployment(context.kubectl, name)
            if there.rolled_out():
                return there
            why = there.given_up()
        if time.monotonic() > until:
            why = why or f"not all pods were ready after {context.timeout:.0f} s"
        if why:
            raise Refused(
                f"{name} does not become ready: {why}",
                *last_words(context.kubectl, f"{WORKLOAD}={name}"),
                f"  kubectl describe deployment {name} -n {context.kubectl.namespace}",
            )
        hold.keep()
        time.sleep(_LOOK)


def until_gone(context: RunContext, hold: Hold, name: str) -> None:
    """No pod of it is left, or it takes too long to wait for."""
    until = time.monotonic() + context.timeout
    while deployment(context.kubectl, name).status.replicas and time.monotonic() < until:
        hold.keep()
        time.sleep(_LOOK)


def migrated(context: RunContext, hold: Hold, name: str, image: str) -> bool:
    """Whether the database was brought to the release. A Job that runs is waited for, one that ended is run
    again: what is done already is not done twice."""
    kubectl = context.kubectl
    job = kubectl.find("job", name, Job)
    if job is None or job.ended() is not None:
        recipe = kubectl.find("job", MIGRATE, Job)
        if recipe is None:
            raise Refused(
                f"there is no job/{MIGRATE} in {kubectl.namespace} to run the migration like",
                "Argo CD makes it with each sync:",
                "  kubectl annotate application hotel-booking -n argocd argocd.argoproj.io/refresh=hard",
            )
        if job is not None:
            kubectl.delete("job", name, wait=True)
        kubectl.apply(manifests.migration(name, recipe, image=image), manager=manifests.MANAGER)
    until = time.monotonic() + _MIGRATION_SECONDS
    while time.monotonic() < until:
        with suppress(Unreachable):
            found = kubectl.find("job", name, Job)
            if found is None:
                raise Refused(f"somebody has deleted job/{name}", "Run this again.")
            if (ended := found.ended()) is not None:
                return ended
        hold.keep()
        time.sleep(_LOOK)
    raise Refused(f"job/{name} has not ended after {_MIGRATION_SECONDS // 60} minutes", "Look at its log.")
