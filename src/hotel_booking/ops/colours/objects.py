"""What the cluster's objects say, as far as a blue-green deployment asks."""

from __future__ import annotations

from typing import Any

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.ops.kubectl import Kubectl, Metadata
from hotel_booking.ops.refusals import Refused

RECIPE = "hotel-booking"
BLUE, GREEN = "hotel-booking-blue", "hotel-booking-green"
COLOURS = (BLUE, GREEN)
ACTIVE = "hotel-booking-active"
MIGRATE = "hotel-booking-migrate"
# The label of a pod that says which Deployment it is of; the Service's selector names it.
WORKLOAD = "workload"


class _Condition(msgspec.Struct):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _ServiceSpec(msgspec.Struct):
    selector: dict[str, str] = {}


class Service(msgspec.Struct):
    """A Service: whom it selects."""

    metadata: Metadata
    spec: _ServiceSpec


class _DeploymentStatus(msgspec.Struct, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: list[_Condition] = []


class Deployment(msgspec.Struct):
    """A Deployment. Its `spec` is kept as it came, to be copied."""

    metadata: Metadata
    spec: dict[str, Any]
    status: _DeploymentStatus = msgspec.field(default_factory=_DeploymentStatus)

    @property
    def image(self) -> str:
        """The image of its web container."""
        return image_of(self.spec["template"]["spec"])

    @property
    def ready(self) -> int:
        """Pods that serve."""
        return self.status.ready_replicas

    def rolled_out(self) -> bool:
        """Whether every pod that is wanted is there, new and ready, and no old one is left."""
        wanted, status = self.spec.get("replicas", 1), self.status
        counts = (status.replicas, status.updated_replicas, status.available_replicas)
        return status.observed_generation >= self.metadata.generation and counts == (wanted,) * 3

    def given_up(self) -> str:
        """Why the cluster says that it does not become ready; empty while it may."""
        for condition in self.status.conditions:
            if condition.type == "Progressing" and condition.status == "False":
                return condition.message or condition.reason
        return ""


class _JobStatus(msgspec.Struct):
    active: int = 0
    failed: int = 0
    conditions: list[_Condition] = []


class Job(msgspec.Struct):
    """A Job. Its `spec` is kept as it came, to be copied."""

    metadata: Metadata
    spec: dict[str, Any]
    status: _JobStatus = msgspec.field(default_factory=_JobStatus)

    def ended(self) -> bool | None:
        """True where it ended well, False where it is given up, None while it runs."""
        for condition in self.status.conditions:
            if condition.status == "True" and condition.type in ("Complete", "Failed"):
                return condition.type == "Complete"
        return None


class Autoscaler(msgspec.Struct):
    """A HorizontalPodAutoscaler, its `spec` as it came."""

    metadata: Metadata
    spec: dict[str, Any]


class _VirtualServiceSpec(msgspec.Struct):
    hosts: list[str] = []
    gateways: list[str] = []


class VirtualService(msgspec.Struct):
    """Which hosts a route is for."""

    metadata: Metadata
    spec: _VirtualServiceSpec


class _Target(msgspec.Struct):
    name: str
    kind: str = "Deployment"


class _CanarySpec(msgspec.Struct, rename="camel"):
    target_ref: _Target


class _Canary(msgspec.Struct):
    metadata: Metadata
    spec: _CanarySpec


class _Waiting(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _ContainerState(msgspec.Struct):
    waiting: _Waiting | None = None


class _ContainerStatus(msgspec.Struct, rename="camel"):
    ready: bool = False
    restart_count: int = 0
    state: _ContainerState = msgspec.field(default_factory=_ContainerState)


class _PodStatus(msgspec.Struct, rename="camel"):
    phase: str = ""
    container_statuses: list[_ContainerStatus] = []


class Pod(msgspec.Struct):
    """A pod: whether it is ready, and what its container waits for."""

    metadata: Metadata
    status: _PodStatus = msgspec.field(default_factory=_PodStatus)

    def trouble(self) -> str:
        """What keeps it from running, in Kubernetes' words; empty where nothing is known to."""
        for status in self.status.container_statuses:
            if status.state.waiting is not None and status.state.waiting.reason not in (
                "",
                "ContainerCreating",
            ):
                return f"{status.state.waiting.reason} {status.state.waiting.message}".strip()
            if status.restart_count and not status.ready:
                return f"it has ended and was started again {count(status.restart_count, 'time')}"
        return ""


def image_of(pod: dict[str, Any]) -> str:
    """The image of the container `web` (or of the only one) of a pod's spec."""
    containers = pod["containers"]
    return str(
        next((container for container in containers if container["name"] == "web"), containers[0])["image"]
    )


def repository_of(image: str) -> str:
    """`REGISTRY/hotel-booking` of an image's name."""
    named = image.partition("@")[0]
    return named.rpartition(":")[0] if ":" in named.rpartition("/")[2] else named


def release_of(image: str) -> str:
    """The tag of `REPOSITORY:TAG@DIGEST`."""
    return image.partition("@")[0].rpartition(":")[2]


def governing_canary(kubectl: Kubectl) -> str:
    """The Canary that Flagger releases deployment/hotel-booking by; empty where there is none."""
    canaries = kubectl.select("canaries.flagger.app", _Canary)
    return next((canary.metadata.name for canary in canaries if canary.spec.target_ref.name == RECIPE), "")


def deployment(kubectl: Kubectl, name: str) -> Deployment:
    """A Deployment that must be there. Raises `Refused`."""
    workload = kubectl.find("deployment", name, Deployment)
    if workload is None:
        raise Refused(
            f"there is no deployment/{name} in {kubectl.namespace}",
            "Is it the right cluster and namespace?",
            f"  kubectl get deployments -n {kubectl.namespace}",
        )
    return workload


def last_words(kubectl: Kubectl, selector: str) -> list[str]:
    """What pods say that do not become ready, to be shown: their trouble and the end of one's log."""
    lines: list[str] = []
    pods = kubectl.select("pods", Pod, selector)
    troubled = [
        pod for pod in pods if not all(status.ready for status in pod.status.container_statuses)
    ] or pods
    for pod in troubled[:1]:
        lines.append(f"pod {pod.metadata.name}: {pod.trouble() or pod.status.phase or 'not ready'}")
        for previous in ((), ("--previous",)):
            try:
                log = kubectl.run("logs", pod.metadata.name, "--tail=5", *previous)
            except Refused:
                continue
            lines += [f"  {line[:300]}" for line in log.splitlines()]
            if log.strip():
                break
    return lines
