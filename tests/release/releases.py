"""Releases of the application on the cluster: brought through Git by Argo CD, and tried by Flagger.

A tag such as `r2` is the same application whose answers say `x-release: r2`; `r3-errors` misbehaves besides
(image/sitecustomize.py). What the manifests name is the release `first`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import yaml

from hotel_booking.ops.colours.objects import release_of
from tests.cluster import delivery, stores
from tests.cluster.cluster import PROMETHEUS, Cluster
from tests.cluster.platform import NAMESPACE

_DEPLOYMENT = Path(__file__).parents[2] / "deployment"
_IMAGE = Path(__file__).with_name("image")
CANARY = "hotel-booking-canary"
_KIND = "canaries.flagger.app"
# Minutes on AWS. Looks of a tenth of that need values of a shorter time too.
_SHORTER = {"1m": "20s"}
_INTERVAL, _DEADLINE = "10s", 180  # Flagger takes no less than ten seconds
# Milliseconds. By the second that it is good releases of a busy machine are called back; `slow` takes three.
_SLOWEST = 2500


class Releases:
    """What is done to the platform on a cluster, by the ways that people have."""

    def __init__(self, cluster: Cluster, repository: delivery.Repository) -> None:
        self.cluster, self.repository = cluster, repository
        self._file = repository.path("deployment/kubernetes/overlays/production/release/kustomization.yaml")
        self.first = str(yaml.safe_load(self._file.read_text())["images"][0]["newTag"])

    def known(self, tag: str) -> str:
        """Have the image of a tag, as a pipeline that pushed it; its whole name. One that is there stays as
        it is: a test may have put more into it."""
        file = self.cluster.folder / "images.json"
        images = json.loads(file.read_text())
        image = dict(images["hotel-booking"])
        if tag not in ("first", self.first) and f"hotel-booking:{tag}" not in images:
            image["folders"] = [*image["folders"], (str(_IMAGE), "/opt/release")]
            image["env"] = image["env"] | {"RELEASE_TAG": tag, "PYTHONPATH": "/opt/release"}
            images[f"hotel-booking:{tag}"] = image
            fresh = file.with_suffix(".new")
            fresh.write_text(json.dumps(images))
            fresh.rename(file)
        name = yaml.safe_load(self._file.read_text())["images"][0]["newName"]
        return f"{name}:{self.first if tag == 'first' else tag}"

    def deploy(self, tag: str) -> None:
        """A release as the pipeline brings it: its tag in Git, and Argo CD syncs. Returns when the Deployment
        hotel-booking has it; its pods may be on their way."""
        image = self.known(tag)
        self._file.write_text(
            re.sub(r"newTag: .*", f"newTag: {image.rpartition(':')[2]}", self._file.read_text())
        )
        self.repository.commit(f"Release {tag}")
        delivery.refresh(self.cluster)
        self.cluster.until(f"Deployment hotel-booking has {tag}", lambda: self.image() == image, 120)

    def image(self, deployment: str = "hotel-booking") -> str:
        """Of a Deployment's pod template; nothing where there is no such Deployment."""
        found = self.cluster.get("deployments", NAMESPACE, deployment)
        return str(found[0]["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""

    def serving(self) -> str:
        """The tag that guests get, but for a canary's share: that of hotel-booking-active's pods."""
        selector = self.cluster.get("services", NAMESPACE, "hotel-booking-active")[0]["spec"]["selector"]
        pods = self.cluster.get("pods", NAMESPACE, **selector)
        tags = {release_of(pod["spec"]["containers"][0]["image"]) for pod in pods}
        assert len(tags) == 1, tags
        tag = tags.pop()
        return "first" if tag == self.first else tag

    def until_serving(self, tag: str, seconds: float = 240) -> None:
        """Wait until guests get this release alone: in a rollout they get two for a while."""

        def alone() -> bool:
            try:
                return self.serving() == tag
            except AssertionError:
                return False

        self.cluster.until(f"{tag} serves", alone, seconds)

    def active(self) -> str:
        """The workload that hotel-booking-active leads guests to."""
        service = self.cluster.get("services", NAMESPACE, "hotel-booking-active")[0]
        return str(service["spec"]["selector"]["workload"])

    # A canary --------------------------------------------------------------------------------------

    def canary_manifest(self) -> str:
        """deployment/kubernetes/canary-deployment.yaml with shorter times and a slow machine's limit of an
        answer's, and nothing else changed."""
        objects = list(
            yaml.safe_load_all((_DEPLOYMENT / "kubernetes" / "canary-deployment.yaml").read_text())
        )
        analysis = objects[0]["spec"]["analysis"]
        analysis["interval"] = _INTERVAL
        objects[0]["spec"]["progressDeadlineSeconds"] = _DEADLINE
        for metric in analysis["metrics"]:
            metric["interval"] = _SHORTER[metric["interval"]]
            if metric["name"] == "duration-p95":
                metric["thresholdRange"] = {"max": _SLOWEST}
        return yaml.safe_dump_all(objects)

    def take_over(self) -> None:
        """The runbook's `kubectl apply -f`, until Flagger's copy serves and hotel-booking has no pods."""
        self.cluster.kubectl("apply", "-f", "-", text=self.canary_manifest())
        self.cluster.until(
            "Flagger has taken over", lambda: self.phase() in ("Initialized", "Succeeded"), 120
        )

    def give_back(self) -> None:
        """As the runbook has it: hotel-booking has pods that are ready, then the Canary goes, for Flagger
        waits for none. What Git has must be what serves."""
        assert self.image() == self.image("hotel-booking-primary"), "a release that failed would come back"
        deployment = ("deployment/hotel-booking", "-n", NAMESPACE)
        self.cluster.kubectl("scale", *deployment, "--replicas=3")
        self.cluster.kubectl("rollout", "status", *deployment, "--timeout=450s", seconds=460)
        self.cluster.kubectl("delete", _KIND, CANARY, "-n", NAMESPACE, "--timeout=360s", seconds=370)
        gone = {"workload": "hotel-booking-primary"}
        self.cluster.until("its copy has gone", lambda: not self.cluster.get("pods", NAMESPACE, **gone), 120)

    def canary(self) -> dict[str, Any]:
        """The Canary's status; nothing where there is none."""
        found = self.cluster.get(_KIND, NAMESPACE, CANARY)
        status: dict[str, Any] = (found[0].get("status") or {}) if found else {}
        return status

    def phase(self) -> str:
        """Of the Canary."""
        return str(self.canary().get("phase", ""))

    def decide(self, weight: int) -> None:
        """The runbook's patch: 100 promotes, 0 calls back."""
        patch = json.dumps({"spec": {"analysis": {"maxWeight": weight}}})
        self.cluster.kubectl("patch", "canary", CANARY, "-n", NAMESPACE, "--type", "merge", "-p", patch)

    def until_phase(self, *phases: str, seconds: float = 240) -> str:
        """Wait for one of them; which it was."""
        self.cluster.until(f"the canary is {' or '.join(phases)}", lambda: self.phase() in phases, seconds)
        return self.phase()

    def until_weight(self, weight: int, seconds: float = 240) -> None:
        """Wait until so many in a hundred go to the release that is tried."""
        self.cluster.until(
            f"weight {weight}", lambda: self.canary().get("canaryWeight", 0) >= weight, seconds
        )

    def monitor(self, seconds: int) -> subprocess.Popen[bytes]:
        """deployment/scripts/monitor-canary.sh, beside what is done; its end is its exit code."""
        kubectl = Path(self.cluster.program(f"kubernetes-{self.cluster.version}", "kubectl"))
        environ = {
            "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.cluster.folder / "kubeconfig-inside"),
            "HOTEL_PROMETHEUS_URL": f"http://{PROMETHEUS}:9090",
        }
        script = _DEPLOYMENT / "scripts" / "monitor-canary.sh"
        given = [f"{name}={value}" for name, value in environ.items()]
        asked = ["env", *given, str(script), "--duration", str(seconds), "--every", "2"]
        return self.cluster.world.spawn(asked, stdout=subprocess.DEVNULL)

    def audited(self) -> list[tuple[str, str | None]]:
        """What the audit log has of the Canary: phase and weight, the oldest first."""
        with psycopg.connect(stores.administrator(self.cluster.world)) as connection:
            return connection.execute(
                "SELECT after->>'outcome', after->>'weight' FROM audit_entry"
                " WHERE action = 'ops.canary' AND object_id = %s ORDER BY id",
                (CANARY,),
            ).fetchall()

    def said(self) -> str:
        """What Flagger says of the Canary, all of it."""
        log = (self.cluster.folder / "flagger.log").read_text(errors="replace")
        return "\n".join(json.loads(line)["msg"] for line in log.splitlines() if '"canary":' in line)


def start_flagger(cluster: Cluster) -> None:
    """As its chart starts it with our values."""
    values = yaml.safe_load((_DEPLOYMENT / "argocd" / "addons" / "values" / "flagger.yaml").read_text())
    cluster.world.start(
        "flagger",
        [
            cluster.program("flagger", "flagger"),
            *("-kubeconfig", str(cluster.folder / "kubeconfig-inside")),
            f"-mesh-provider={values['meshProvider']}",
            f"-metrics-server={values['metricsServer']}",
            f"-selector-labels={values['selectorLabels']}",
            f"-enable-config-tracking={str(values['configTracking']['enabled']).lower()}",
            f"-no-cross-namespace-refs={str(values['noCrossNamespaceRefs']).lower()}",
        ],
    )
    log = cluster.folder / "flagger.log"
    until = time.monotonic() + 60
    while "Started operator workers" not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.2)
