"""The objects that a blue-green deployment makes: copies of what the cluster has, with another image.

Nothing of the copies is Argo CD's: they carry none of its labels, so no sync looks at them.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from hotel_booking.ops.colours.objects import RECIPE, WORKLOAD, Autoscaler, Deployment, Job, VirtualService

PREVIEW = "hotel-booking-preview"
PREVIEW_HEADER = "x-hotel-booking-preview"
MANAGER = "hotel-booking-blue-green"
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
SCHEMA = "hotel-booking.com/schema"  # which schemas the release runs on (ops/releases.py)
# Of a Job's own pods; those of its copy get their own.
_OF_A_JOB = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
_PORTS = [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"}]


def labels(name: str) -> dict[str, str]:
    """The labels of a colour and its pods: of the application (policies, budget, scraping), of itself."""
    return {
        "app": RECIPE,
        "app.kubernetes.io/name": RECIPE,
        "app.kubernetes.io/component": "web",
        "app.kubernetes.io/part-of": RECIPE,
        WORKLOAD: name,
    }


def deployment(
    name: str, recipe: Deployment, *, image: str, replicas: int, schema: str = ""
) -> dict[str, Any]:
    """A colour: the recipe's pods with this image, which runs on the schemas that `schema` says."""
    template = copy.deepcopy(recipe.spec["template"])
    template["metadata"]["labels"] = {**template["metadata"].get("labels", {}), **labels(name)}
    template["metadata"].pop("creationTimestamp", None)
    annotations = template["metadata"].setdefault("annotations", {})
    annotations.pop(_RESTARTED, None)
    if image != recipe.image:
        annotations.pop(SCHEMA, None)
    if schema:
        annotations[SCHEMA] = schema
    for container in template["spec"]["containers"]:
        if container["name"] == "web" or len(template["spec"]["containers"]) == 1:
            container["image"] = image
    kept = ("revisionHistoryLimit", "progressDeadlineSeconds", "minReadySeconds", "strategy")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels(name)},
        "spec": {
            **{key: recipe.spec[key] for key in kept if key in recipe.spec},
            "replicas": replicas,
            "selector": {"matchLabels": {"app": RECIPE, WORKLOAD: name}},
            "template": template,
        },
    }


def service(name: str) -> dict[str, Any]:
    """A colour's own Service, by which it is tried before guests are led to it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels(name)},
        "spec": {"selector": {"app": RECIPE, WORKLOAD: name}, "ports": _PORTS},
    }


def autoscaler(name: str, recipe: Autoscaler, *, least: int) -> dict[str, Any]:
    """A colour's own autoscaler: as large as what it stands beside, also while nobody asks it, so that going
    back to it needs no waiting."""
    spec = copy.deepcopy(recipe.spec)
    spec["scaleTargetRef"] = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec["minReplicas"] = least
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "labels": labels(name)},
        "spec": spec,
    }


def migration_name(release: str) -> str:
    """The Job's name: the release as far as a name may have it."""
    return f"hotel-booking-migrate-{re.sub(r'[^a-z0-9]+', '-', release.lower()).strip('-')[:40].rstrip('-')}"


def migration(name: str, recipe: Job, *, image: str) -> dict[str, Any]:
    """The Job that brings the database to a release, as the last one was run."""
    template = copy.deepcopy(recipe.spec["template"])
    template["metadata"] = {
        "labels": {
            key: value
            for key, value in template["metadata"].get("labels", {}).items()
            if key not in _OF_A_JOB
        }
    }
    for container in template["spec"]["containers"]:
        container["image"] = image
    kept = ("backoffLimit", "activeDeadlineSeconds")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": template["metadata"]["labels"]},
        "spec": {
            **{key: recipe.spec[key] for key in kept if key in recipe.spec},
            "ttlSecondsAfterFinished": 86400,  # to be read for a day
            "template": template,
        },
    }


def preview(name: str, site: VirtualService, *, word: str) -> dict[str, Any]:
    """A route for whoever sends the word: through the gateway, as guests come, to the colour's own Service.
    Istio puts routes that match something before the one that takes all. The answer names the colour, so one
    from a cache or from elsewhere is known."""
    forwarded = {"x-forwarded-for": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "x-forwarded-proto": "https"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": PREVIEW, "labels": labels(name)},
        "spec": {
            "gateways": site.spec.gateways,
            "hosts": site.spec.hosts,
            "http": [
                {
                    "name": "preview",
                    "match": [{"headers": {PREVIEW_HEADER: {"exact": word}}}],
                    "headers": {"request": {"set": forwarded}, "response": {"set": {PREVIEW_HEADER: name}}},
                    "timeout": "60s",
                    "retries": {"attempts": 0},
                    "route": [{"destination": {"host": name, "port": {"number": 80}}}],
                }
            ],
        },
    }
