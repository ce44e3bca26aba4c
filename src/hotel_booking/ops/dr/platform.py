"""The standby's cluster: what it lacks is applied from the checkout, its processes wait while the database is
taken over, and commands run beside them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hotel_booking.ops.aws import wait_for
from hotel_booking.ops.environments import Place
from hotel_booking.ops.kubectl import Kubectl, NotFound
from hotel_booking.ops.monitoring import files
from hotel_booking.ops.refusals import Refused, WrongUse

BESIDE = "hotel-booking-recovery"
"""The pod that commands run in: the worker's image, settings and rights, and no work of its own."""
_BEFORE = "hotel-booking.com/replicas-before"
_LASTS = 4 * 3600  # seconds that the pod waits for commands
_FEWEST = {"hotel-booking": 3, "hotel-booking-worker": 2}  # the manifests'; the autoscaler goes on from there
_ROLLED_OUT_SECONDS = 15 * 60.0


class _Spec(msgspec.Struct):
    replicas: int | None = None
    template: dict[str, Any] = {}


class _Status(msgspec.Struct):
    replicas: int = 0


class _Named(msgspec.Struct):
    name: str = ""
    annotations: dict[str, str] = {}


class _Deployment(msgspec.Struct):
    metadata: _Named
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)


class Platform:
    """The cluster of an environment, by kubectl. `every`: seconds between two looks."""

    def __init__(
        self, place: Place, *, environ: Mapping[str, str], say: Callable[[str], None], every: float
    ) -> None:
        self._place, self._say, self._every = place, say, every
        self._kubectl = Kubectl(place.name, environ=environ)

    def check(self) -> None:
        """Raise `Refused` where kubectl means another cluster, or none: a standby's commands in production's
        cluster would be a second disaster."""
        try:
            context = self._kubectl.run("config", "current-context").strip()
        except Refused:
            context = ""
        if context.rpartition("/")[2] != self._place.name:
            raise WrongUse(
                f"kubectl means {context or 'no cluster'}, and not {self._place.name}",
                "Have it mean the standby's cluster, and run this again:",
                f"  aws eks update-kubeconfig --region {self._place.region} --name {self._place.name}",
            )
        self._kubectl.run("version")

    def applied(self) -> list[str]:
        """Apply what Argo CD starts from, where the cluster lacks it; what was lacking."""
        done: list[str] = []
        for path, kind, name in (
            (
                f"argocd/addons/overlays/{self._place.environment}",
                "crd",
                "externalsecrets.external-secrets.io",
            ),
            (f"argocd/overlays/{self._place.environment}", "deployment", "hotel-booking"),
        ):
            if not self._there(kind, name):
                self._kubectl.run("apply", "-k", str(_checkout() / path), seconds=120)
                done.append(path)
                self._say(f"applied deployment/{path}; Argo CD brings what it names")
                wait_for(
                    lambda kind=kind, name=name: self._there(kind, name),  # type: ignore[misc]  # bound per turn
                    what=f"{kind} {name}",
                    seconds=_ROLLED_OUT_SECONDS,
                    every=self._every,
                )
        return done

    def stopped(self) -> bool:
        """Whether `stop` was called, by this run or one before, and not `start` since."""
        return any(_BEFORE in process.metadata.annotations for process in self._processes())

    def stop(self) -> bool:
        """Have no web process and no worker running, and note how many there were; whether there is anything
        for `start` to do. They would write into a database that is looked at, or send what was sent."""
        for process in self._processes():
            name, now = process.metadata.name, process.spec.replicas or 0
            if now:
                note = {"metadata": {"annotations": {_BEFORE: str(now)}}}
                self._kubectl.patch("deployment", name, {**note, "spec": {"replicas": 0}})
            elif name in _MAIN and _BEFORE not in process.metadata.annotations:
                # A standby that sleeps may have none at all.
                note = {"metadata": {"annotations": {_BEFORE: "0"}}}
                self._kubectl.patch("deployment", name, note)
        wait_for(
            lambda: not any(process.status.replicas for process in self._processes()),
            what="the end of the standby's processes",
            seconds=5 * 60,
            every=self._every,
        )
        return True

    def start(self) -> None:
        """Have as many processes as there were before `stop`, with what the secrets say now; returns when
        they are ready."""
        started = []
        for process in self._processes():
            name, noted = process.metadata.name, process.metadata.annotations.get(_BEFORE)
            if noted is None and process.spec.replicas:
                continue  # never stopped, or started by an earlier run
            count = max(int(noted or 0), _FEWEST.get(name, 0))
            if count:
                started.append(name)
                note = {"metadata": {"annotations": {_BEFORE: None}}, "spec": {"replicas": count}}
                self._kubectl.patch("deployment", name, note)
        for name in started:
            self._kubectl.run(
                *("rollout", "status", f"deployment/{name}", f"--timeout={int(_ROLLED_OUT_SECONDS)}s"),
                seconds=_ROLLED_OUT_SECONDS + 10,
            )

    def renew_secrets(self) -> None:
        """Have External Secrets fetch what Secrets Manager holds now, before any pod starts with it."""
        asked = str(time.time_ns())
        self._kubectl.run(
            "annotate", "externalsecret", "hotel-booking-secrets", f"force-sync={asked}", "--overwrite"
        )
        self._kubectl.run(
            *("wait", "externalsecret/hotel-booking-secrets", "--for=condition=Ready", "--timeout=120s"),
            seconds=130,
        )

    def open_beside(self) -> None:
        """Have the pod that commands run in, newly made: an earlier one has old settings."""
        worker = self._kubectl.get("deployment", "hotel-booking-worker", _Deployment)
        spec = dict(worker.spec.template["spec"])
        kept = ("image", "imagePullPolicy", "env", "envFrom", "resources", "securityContext", "volumeMounts")
        first = spec["containers"][0]
        spec["containers"] = [
            {
                "name": "commands",
                "command": ["sleep", str(_LASTS)],
                **{name: first[name] for name in kept if name in first},
            }
        ]
        spec["restartPolicy"] = "Never"
        spec.pop("topologySpreadConstraints", None)
        self._kubectl.delete("pod", BESIDE, wait=True, seconds=120)
        # With the worker's labels, since network policies let those out to the stores.
        labels = worker.spec.template.get("metadata", {}).get("labels", {})
        self._kubectl.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": BESIDE, "labels": labels},
                "spec": spec,
            }
        )
        self._kubectl.run("wait", f"pod/{BESIDE}", "--for=condition=Ready", "--timeout=300s", seconds=310)

    def close_beside(self) -> None:
        """Have the pod gone."""
        self._kubectl.delete("pod", BESIDE)

    def beside(self, *words: str, text: str | None = None, seconds: float = 900) -> tuple[int, str]:
        """`hotel-booking WORDS` in the pod, given `text`; its exit code and what it said."""
        said = self._kubectl.run(
            *("exec", "-i", f"pod/{BESIDE}", "--", "sh", "-c"),
            *('hotel-booking "$@" 2>&1; echo "exit $?"', "sh", *words),
            text=text or "",
            seconds=seconds,
        )
        lines = said.rstrip().splitlines()
        code = lines.pop().removeprefix("exit ") if lines else ""
        if not code.isdecimal():
            raise Refused(
                f"`hotel-booking {' '.join(words)}` was cut off in the pod {BESIDE}", "Run this again."
            )
        return int(code), "\n".join(lines)

    def _processes(self) -> Sequence[_Deployment]:
        deployments = self._kubectl.select("deployment", _Deployment)
        return [
            process
            for process in deployments
            if process.metadata.name in _MAIN or process.metadata.name in _COPIES
        ]

    def _there(self, kind: str, name: str) -> bool:
        try:
            self._kubectl.run("get", kind, name, "--output=name")
        except NotFound:
            return False
        return True


_MAIN = ("hotel-booking", "hotel-booking-worker")
_COPIES = ("hotel-booking-primary", "hotel-booking-blue", "hotel-booking-green")


def _checkout() -> Path:
    """The folder `deployment`. Raises `Refused` where this is no checkout."""
    folder = files().parent
    if not (folder / "argocd").is_dir():
        raise Refused(
            "the cluster lacks objects whose manifests are only in a checkout of this project",
            "Clone it, and run this from there: ./deployment/scripts/dr-restore.sh --environment dr",
        )
    return folder
