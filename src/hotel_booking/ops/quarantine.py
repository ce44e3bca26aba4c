"""A pod that may be an attacker's is taken out of service and kept as it is.

Its labels are taken from it, in one patch, and it gets one of its own. So no Service sends it anything, its
ReplicaSet makes another in its place, and no NetworkPolicy that lets anything in or out chooses it; that of
the namespace that closes everything does. Its memory and files stay, for whoever looks at them. The labels
are kept beside it, and can be put back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from hotel_booking.ops.kubectl import Conflict, Kubectl, Metadata
from hotel_booking.ops.refusals import Refused, WrongUse

LABEL = "hotelbooking.com/quarantine"
_NOTES = "quarantine.hotelbooking.com/"
_BEFORE = f"{_NOTES}labels"
# Whoever tidies up machines leaves this one be.
_KEPT = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ATTEMPTS = 5  # a pod's status changes while it is looked at


class Pod(msgspec.Struct, frozen=True):
    """A pod, as far as it is looked at."""

    class Status(msgspec.Struct, frozen=True):
        """Where it is reached."""

        pod_ip: str = msgspec.field(name="podIP", default="")

    metadata: Metadata
    status: Status = Status()

    @property
    def isolated(self) -> bool:
        """Whether it is in quarantine."""
        return LABEL in self.metadata.labels


def named(text: str) -> str:
    """A pod's name, also as kubectl prints it (`pod/NAME`). Raises `WrongUse`."""
    name = text.strip().removeprefix("pod/")
    if not _NAME.fullmatch(name):
        raise WrongUse(f"{text!r} is no pod's name", "See which there are:", "  kubectl get pods")
    return name


def isolate(kubectl: Kubectl, name: str, *, notes: Mapping[str, str], incident: int, now: datetime) -> Pod:
    """Take it out; a pod that is out already stays so. What it was before. Raises a `Refused`."""

    def change(pod: Pod) -> dict[str, Any] | None:
        if pod.isolated:
            return None
        annotation = {**notes, "since": now.isoformat(), "labels": json.dumps(pod.metadata.labels)}
        return {
            "labels": {**dict.fromkeys(pod.metadata.labels), LABEL: f"incident-{incident}"},
            "annotations": {**_KEPT, **{f"{_NOTES}{key}": text for key, text in annotation.items()}},
        }

    return _patched(kubectl, name, change)


def give_back(kubectl: Kubectl, name: str) -> Pod:
    """Put its labels back: it serves again, and is one too many, so that its ReplicaSet ends one. What it
    was before. Raises a `Refused`."""

    def change(pod: Pod) -> dict[str, Any] | None:
        if not pod.isolated:
            return None
        try:
            before = msgspec.json.decode(pod.metadata.annotations.get(_BEFORE, ""), type=dict[str, str])
        except msgspec.DecodeError:
            raise Refused(
                f"the labels that {name} had are not known any more: it cannot be put back",
                "It can be ended once it was looked at:",
                f"  kubectl delete pod {name} -n {kubectl.namespace}",
            ) from None
        ours = [key for key in pod.metadata.annotations if key.startswith(_NOTES)]
        return {"labels": {LABEL: None, **before}, "annotations": dict.fromkeys([*ours, *_KEPT])}

    return _patched(kubectl, name, change)


def _patched(kubectl: Kubectl, name: str, change: Any) -> Pod:
    """Change it as it is at that moment, and not as somebody else has made it meanwhile."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        pod = kubectl.get("pod", name, Pod)
        meta = change(pod)
        if meta is None:
            return pod
        try:
            kubectl.patch("pod", name, {"metadata": meta}, version=pod.metadata.resource_version)
        except Conflict:
            if not attempts_left:
                raise
            continue
        return pod
    raise AssertionError("the last attempt returns or raises")


# -- what the network lets through ---------------------------------------------------------------------------


class _Expression(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class _Selector(msgspec.Struct, rename="camel", frozen=True):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[_Expression, ...] = ()

    def chooses(self, labels: Mapping[str, str]) -> bool:
        return self.match_labels.items() <= labels.items() and all(
            _holds(expression, labels) for expression in self.match_expressions
        )


class _Policy(msgspec.Struct, frozen=True):
    class Spec(msgspec.Struct, rename="camel", frozen=True):
        pod_selector: _Selector = _Selector()
        policy_types: tuple[str, ...] = ("Ingress",)
        ingress: tuple[Any, ...] = ()
        egress: tuple[Any, ...] = ()

    metadata: Metadata
    spec: Spec


def ways(kubectl: Kubectl, incident: int) -> list[str]:
    """What still leads into or out of a pod in quarantine, by the namespace's NetworkPolicies. Those that
    choose it are united: one that lets something through is enough. Raises a `Refused`."""
    labels = {LABEL: f"incident-{incident}"}
    policies = [
        policy
        for policy in kubectl.select("networkpolicies", _Policy)
        if policy.spec.pod_selector.chooses(labels)
    ]
    return [*_ways(policies)]


def _ways(policies: list[_Policy]) -> Iterator[str]:
    for kind, way, rules in (
        ("Ingress", "in", [(policy.metadata.name, policy.spec.ingress) for policy in policies]),
        ("Egress", "out", [(policy.metadata.name, policy.spec.egress) for policy in policies]),
    ):
        if not any(kind in policy.spec.policy_types for policy in policies):
            yield f"no NetworkPolicy closes the way {way}"
        yield from (f"NetworkPolicy {name} lets something {way}" for name, allowed in rules if allowed)


def _holds(one: _Expression, labels: Mapping[str, str]) -> bool:
    present, value = one.key in labels, labels.get(one.key)
    if one.operator == "In":
        return present and value in one.values
    if one.operator == "NotIn":
        return not present or value not in one.values
    return present if one.operator == "Exists" else not present
