"""What guests reach now, and what could be gone back to: read from the Service, its Deployment and that one's
ReplicaSets. A release is gone back to in one of three ways, by what has brought it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from hotel_booking.ops.kubernetes import Api
from hotel_booking.ops.refusals import Refused
from hotel_booking.ops.releases import Range, read_annotation

SERVICE, WEB, PRIMARY, WORKER = (
    "hotel-booking-active",
    "hotel-booking",
    "hotel-booking-primary",
    "hotel-booking-worker",
)
CANARY = "hotel-booking-canary"
WORKLOAD = "workload"  # the label by which the Service names its Deployment
COLOURS = "hotelbooking.com/blue-green"
RECORD = "hotel-booking.com/rolled-back"
_REVISION = "deployment.kubernetes.io/revision"
_SETTLED = ("", "Initialized", "Succeeded", "Failed", "Terminated")


class Rollback(msgspec.Struct, frozen=True):
    """One going back, as the Service's annotation keeps it. `done`: until then it is taken up again."""

    release: str
    to: str
    alert: str
    at: datetime
    done: bool = False


class Template(msgspec.Struct, frozen=True):
    """Pods as a Deployment makes or made them."""

    release: str
    range: Range | None
    body: dict[str, Any]
    since: datetime


class LiveRelease(msgspec.Struct, frozen=True):
    """What serves: the Deployment's name and pods, those of before it (None: there are none), the colour that
    is kept ("" where there are no colours), and what was gone back from. `taken_back` is when another release
    was, that guests or some of them had: by its canary, by a blue-green deployment, or by a person."""

    name: str
    now: Template
    before: Template | None
    kept: str
    service: dict[str, Any]
    backs: tuple[Rollback, ...]
    taken_back: datetime | None = None


class Place:
    """Paths of a namespace's objects."""

    def __init__(self, namespace: str) -> None:
        self.services = f"/api/v1/namespaces/{namespace}/services/"
        self.deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments/"
        self.sets = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
        self.canary = f"/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries/{CANARY}"


def look(api: Api, place: Place, now: datetime) -> LiveRelease:
    """What serves now. Raises `Refused` where it cannot be known, or somebody is at it: a canary or a
    blue-green deployment that is under way decides by itself."""
    service = api.get(place.services + SERVICE)
    name = service["spec"]["selector"].get(WORKLOAD, WEB)
    annotations = service["metadata"].get("annotations") or {}
    colours = _decoded(annotations.get(COLOURS, "{}"), dict[str, Any])
    canary = (api.find(place.canary) or {}).get("status") or {}
    _refuse_under_way(canary, colours, now)
    templates = _templates(api, place, name)
    kept = str(colours.get("kept", "")) if colours else ""
    if kept and kept != name:
        others = _templates(api, place, kept)
        before: Template | None = others[0]
    else:
        kept = ""
        before = next(
            (template for template in templates[1:] if template.release != templates[0].release), None
        )
    return LiveRelease(
        name, templates[0], before, kept, service, read_backs(annotations), _taken_back(canary, colours)
    )


def read_backs(annotations: Mapping[str, str]) -> tuple[Rollback, ...]:
    """What was gone back from, the latest last. Raises `Refused` where that cannot be read."""
    return tuple(_decoded(annotations.get(RECORD, "[]"), list[Rollback]))


def before_of(api: Api, place: Place, name: str, release: str) -> Template | None:
    """The pods that a Deployment made of a release; None where it did not, or makes them now."""
    templates = _templates(api, place, name)
    return next((template for template in templates[1:] if template.release == release), None)


def _templates(api: Api, place: Place, name: str) -> list[Template]:
    """A Deployment's, from its ReplicaSets: those of now, then the others, the latest first."""
    deployment = api.get(place.deployments + name)
    uid, current = deployment["metadata"]["uid"], _revision(deployment)
    labels = deployment["spec"]["selector"]["matchLabels"]
    selector = "%2C".join(f"{key}%3D{value}" for key, value in sorted(labels.items()))
    replica_sets = [
        item
        for item in api.get(f"{place.sets}?labelSelector={selector}")["items"]
        if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", ()))
        and _revision(item) <= current
    ]
    replica_sets.sort(key=_revision, reverse=True)
    if not replica_sets or _revision(replica_sets[0]) != current:
        raise Refused(f"deployment/{name} has no pods of its own yet")
    return [_template(replica_set) for replica_set in replica_sets]


def _template(one: Mapping[str, Any]) -> Template:
    body = msgspec.json.decode(msgspec.json.encode(one["spec"]["template"]))  # a copy
    body["metadata"].get("labels", {}).pop("pod-template-hash", None)
    since = msgspec.convert(one["metadata"]["creationTimestamp"], datetime)
    return Template(release_of(body), read_annotation(body["metadata"].get("annotations")), body, since)


def release_of(template: Mapping[str, Any]) -> str:
    """The tag of the application's image, or what stands for one."""
    image: str = next(
        (
            container["image"]
            for container in template["spec"]["containers"]
            if "hotel-booking" in container["image"]
        ),
        template["spec"]["containers"][0]["image"],
    )
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2] or image


def _revision(one: Mapping[str, Any]) -> int:
    return int((one["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _taken_back(canary: Mapping[str, Any], colours: Mapping[str, Any]) -> datetime | None:
    """When the release was that was tried last, if it was."""
    times = [
        canary.get("lastTransitionTime") if canary.get("phase") == "Failed" else None,
        colours.get("at") if colours.get("step") in ("back", "failed") else None,
    ]
    return max((msgspec.convert(time, datetime) for time in times if time), default=None)


def _refuse_under_way(canary: Mapping[str, Any], colours: Mapping[str, Any], now: datetime) -> None:
    phase = canary.get("phase", "")
    if phase not in _SETTLED:
        raise Refused(f"a canary is under way ({phase}): it is judged and taken back by Flagger")
    held = colours.get("holder") and colours.get("until")
    if held and msgspec.convert(colours["until"], datetime) > now:
        raise Refused(f"a blue-green deployment is under way ({colours.get('step')}), which looks itself")


def _decoded(text: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        raise Refused(f"an annotation of {SERVICE} cannot be read: {text[:80]}") from None
