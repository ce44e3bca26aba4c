"""What the manifests have to keep beyond being valid: they do, and each rule is seen to refuse what it is
for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.documents import KUBERNETES, MONITORING, Object, called, containers, pod_of, written
from tests.deployment.policy import problems

BASE = KUBERNETES / "base"


@pytest.mark.parametrize("folder", [BASE, KUBERNETES / "cluster", MONITORING], ids=lambda folder: folder.name)
def test_the_manifests_keep_the_policy(folder: Path) -> None:
    assert problems(written(folder), tags=False) == []


def _web(objects: list[Object]) -> Any:
    return called(objects, "Deployment")["hotel-booking"]["spec"]


def _container(objects: list[Object]) -> Any:
    return _web(objects)["template"]["spec"]["containers"][0]


def _named(objects: list[Object], kind: str, name: str = "hotel-booking") -> Any:
    return called(objects, kind)[name]["spec"]


def _without(kind: str, name: str) -> Callable[[list[Object]], object]:
    def broken(objects: list[Object]) -> None:
        objects.remove(called(objects, kind)[name])

    return broken


BROKEN: dict[str, tuple[Callable[[list[Object]], object], str]] = {
    "root": (
        lambda o: _web(o)["template"]["spec"]["securityContext"].update(runAsUser=0),
        "does not run as 10001",
    ),
    "seccomp": (
        lambda o: _web(o)["template"]["spec"]["securityContext"].pop("seccompProfile"),
        "no seccomp profile",
    ),
    "host": (lambda o: _web(o)["template"]["spec"].update(hostNetwork=True), "shares the machine's network"),
    "hostPath": (
        lambda o: _web(o)["template"]["spec"]["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        "volume x is the machine's",
    ),
    "disk": (
        lambda o: _web(o)["template"]["spec"]["volumes"][0].update(emptyDir={}),
        "volume tmp may fill the machine's disk",
    ),
    "links": (
        lambda o: _web(o)["template"]["spec"].pop("enableServiceLinks"),
        "enableServiceLinks is not false",
    ),
    "token": (lambda o: _web(o)["template"]["spec"].pop("automountServiceAccountToken"), "gets a token"),
    "account": (_without("ServiceAccount", "hotel-booking-worker"), "has no ServiceAccount of its own"),
    "labels": (
        lambda o: _web(o)["template"]["metadata"]["labels"].pop("app.kubernetes.io/component"),
        "its pods lack labels",
    ),
    "privileges": (
        lambda o: _container(o)["securityContext"].update(allowPrivilegeEscalation=True),
        "web: may gain privileges",
    ),
    "root filesystem": (
        lambda o: _container(o)["securityContext"].pop("readOnlyRootFilesystem"),
        "web: may write to its image",
    ),
    "capabilities": (
        lambda o: _container(o)["securityContext"].update(
            capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}
        ),
        "web: keeps capabilities",
    ),
    "latest": (lambda o: _container(o).update(image="hotel-booking:latest"), "has no tag that stays"),
    "limits": (
        lambda o: _container(o)["resources"]["limits"].pop("cpu"),
        "web: has no limits of cpu and memory",
    ),
    "memory": (
        lambda o: _container(o)["resources"]["requests"].update(memory="1Mi"),
        "web: may be promised memory",
    ),
    "tmp": (lambda o: _container(o)["volumeMounts"].pop(0), "web: has no /tmp to write to"),
    "settings": (
        lambda o: _container(o)["envFrom"][0]["configMapRef"].update(name="x"),
        "ConfigMap x is not there",
    ),
    "secret": (lambda o: _container(o)["envFrom"][1]["secretRef"].update(name="x"), "Secret x is not there"),
    "selector": (
        lambda o: _web(o)["selector"]["matchLabels"].update(app="x"),
        "does not select its own pods",
    ),
    "replicas": (
        lambda o: _web(o).update(replicas=3),
        "replicas are either the autoscaler's or written here",
    ),
    "spread": (
        lambda o: _web(o)["template"]["spec"]["topologySpreadConstraints"].pop(0),
        "is not spread over zones and machines",
    ),
    "no budget": (_without("PodDisruptionBudget", "hotel-booking-worker"), "has no PodDisruptionBudget"),
    "readiness": (lambda o: _container(o).pop("readinessProbe"), "web: has no readinessProbe"),
    "liveness": (
        lambda o: _container(o)["livenessProbe"]["httpGet"].update(path="/health/ready"),
        "web: would be restarted because its database is away",
    ),
    "preStop": (lambda o: _container(o).pop("lifecycle"), "web: stops before the gateway has heard of it"),
    "grace": (
        lambda o: _web(o)["template"]["spec"].update(terminationGracePeriodSeconds=20),
        "web: is killed before it has answered",
    ),
    "drain": (
        lambda o: _named(o, "PodDisruptionBudget").update(maxUnavailable=0),
        "PodDisruptionBudget hotel-booking: a drain may wait for ever",
    ),
    "unready": (
        lambda o: _named(o, "PodDisruptionBudget").pop("unhealthyPodEvictionPolicy"),
        "a pod that is not ready holds up a drain",
    ),
    "guards": (
        lambda o: _named(o, "PodDisruptionBudget")["selector"]["matchLabels"].update(app="x"),
        "guards no pod",
    ),
    "job": (
        lambda o: _named(o, "Job", "hotel-booking-migrate").pop("activeDeadlineSeconds"),
        "may run, or be tried, for ever",
    ),
    "beside": (
        lambda o: _named(o, "CronJob", "hotel-booking-backup").update(concurrencyPolicy="Allow"),
        "may run beside itself",
    ),
    "zone": (lambda o: _named(o, "CronJob", "hotel-booking-backup").pop("timeZone"), "has no time zone"),
    "service": (
        lambda o: _named(o, "Service")["selector"].update(app="x"),
        "Service hotel-booking: leads to no pod",
    ),
    "port": (
        lambda o: _named(o, "Service")["ports"][0].update(targetPort="x"),
        "port x is not named by a pod",
    ),
    "namespace": (
        lambda o: called(o, "Namespace")["hotel-booking"]["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
        "Pod Security: enforce is not restricted",
    ),
    "everything": (
        lambda o: called(o, "Role")["hotel-booking-deployer"]["rules"][0].update(verbs=["*"]),
        "Role hotel-booking-deployer: allows everything",
    ),
    "secrets": (
        lambda o: called(o, "Role")["hotel-booking-read-only"]["rules"][0]["resources"].append("secrets"),
        "Role hotel-booking-read-only: reads secrets",
    ),
    "exec": (
        lambda o: called(o, "Role")["hotel-booking-read-only"]["rules"].append(
            {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}
        ),
        "does more than look",
    ),
    "metadata": (
        lambda o: _named(o, "NetworkPolicy", "third-parties")["egress"][0]["to"][0]["ipBlock"].pop("except"),
        "lets pods ask for the machine's own keys",
    ),
    "deny": (_without("NetworkPolicy", "default-deny"), "no NetworkPolicy denies everything by default"),
    "retries": (
        lambda o: _named(o, "VirtualService")["http"][0].update(retries={"attempts": 2}),
        "site: a booking may be sent twice",
    ),
    "timeout": (lambda o: _named(o, "VirtualService")["http"][0].pop("timeout"), "site: may wait for ever"),
    "forwarded": (
        lambda o: _named(o, "VirtualService")["http"][0]["headers"]["request"]["set"].pop("x-forwarded-for"),
        "believes what clients say of their address",
    ),
    "destination": (
        lambda o: _named(o, "VirtualService", "hotel-booking-active")["http"][0]["route"][0][
            "destination"
        ].update(host="x"),
        "Service x is not there",
    ),
    "delegate": (
        lambda o: _named(o, "VirtualService")["http"][0]["delegate"].update(name="x"),
        "site: nothing takes what it delegates",
    ),
    "past a canary": (
        lambda o: _named(o, "VirtualService", "hotel-booking-monitoring")["http"][0]["route"][0][
            "destination"
        ].update(host="hotel-booking"),
        "grafana: leads to pods by itself, past a canary",
    ),
    "another host": (
        lambda o: _named(o, "VirtualService").update(hosts=["x.example"]),
        "does not listen for ['x.example']",
    ),
    "clear": (lambda o: _named(o, "Gateway")["servers"][1].pop("tls"), "answers in clear"),
    "any host": (lambda o: _named(o, "Gateway")["servers"][0].update(hosts=["*"]), "answers for any host"),
    "mtls": (
        lambda o: _named(o, "PeerAuthentication")["mtls"].update(mode="PERMISSIVE"),
        "lets in who shows no certificate",
    ),
    "told never": (
        lambda o: _named(o, "ServiceMonitor")["endpoints"][0].update(port="x"),
        "ServiceMonitor hotel-booking: finds 0 Services",
    ),
    "migration": (
        lambda o: called(o, "Job")["hotel-booking-migrate"]["metadata"]["annotations"].update(
            {"argocd.argoproj.io/sync-wave": "0"}
        ),
        "Deployment hotel-booking: starts before the schema is there",
    ),
    "unconfined": (
        lambda o: called(o, "NetworkPolicy")["stores"]["metadata"].pop("annotations"),
        "NetworkPolicy stores: comes after the migration that needs it",
    ),
    "too late": (
        lambda o: called(o, "ExternalSecret")["hotel-booking-secrets"]["metadata"].pop("annotations"),
        "ExternalSecret hotel-booking-secrets: comes after the migration that needs it",
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_refuses_what_it_is_for(rule: str) -> None:
    breaks, says = BROKEN[rule]
    objects = copy.deepcopy(written(BASE))
    breaks(objects)
    assert any(says in problem for problem in problems(objects, tags=False)), problems(objects, tags=False)


def test_every_process_of_the_platform_has_pods() -> None:
    objects = written(BASE)
    arguments = {
        " ".join(map(str, container.get("args") or container["command"]))
        for one in objects
        if (pod := pod_of(one)) is not None
        for container in containers(pod)
    }
    assert {"serve", "worker", "migrate", "status probe"} <= arguments
