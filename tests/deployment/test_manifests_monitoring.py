"""What Prometheus' operator is given is what Prometheus is given elsewhere: one home for rules, routes and
dashboards."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import yaml

from tests.deployment.documents import (
    ARGOCD,
    KUBERNETES,
    MONITORING,
    OVERLAYS,
    ROOT,
    called,
    documents,
    variables,
    written,
)

RULES = MONITORING / "prometheus" / "rules"


def _groups() -> dict[str, Any]:
    return {path.stem: yaml.safe_load(path.read_text())["groups"] for path in sorted(RULES.glob("*.yml"))}


def test_the_operators_rules_are_prometheus_own() -> None:
    made = called(documents(MONITORING / "kubernetes" / "rules.yaml"), "PrometheusRule")
    assert {name: rule["spec"]["groups"] for name, rule in made.items()} == {
        f"hotel-booking-{name}": groups for name, groups in _groups().items()
    }
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts" / "kubernetes_rules"], capture_output=True, check=True
    )
    assert (MONITORING / "kubernetes" / "rules.yaml").read_bytes() == ran.stdout, "run `make rules`"


def test_every_job_that_the_rules_ask_for_is_scraped() -> None:
    """By the names of prometheus.yml, whoever scrapes."""
    asked = {
        job["job_name"]
        for job in documents(MONITORING / "prometheus" / "prometheus.yml")[0]["scrape_configs"]
    }
    objects = [*written(KUBERNETES / "base"), *written(MONITORING)]
    told = {probe["spec"]["jobName"] for probe in called(objects, "Probe").values()}
    for monitor in called(objects, "ServiceMonitor").values():
        told |= {rule["replacement"] for end in monitor["spec"]["endpoints"] for rule in end["relabelings"]}
    values = documents(ARGOCD / "addons" / "values" / "kube-prometheus-stack.yaml")[0]
    for exporter in ("prometheus-node-exporter", "kube-state-metrics"):
        told |= {rule["replacement"] for rule in values[exporter]["prometheus"]["monitor"]["relabelings"]}
    assert told == asked


def test_grafana_gets_every_dashboard_and_lets_nobody_in_unknown() -> None:
    generated = documents(MONITORING / "kustomization.yaml")[0]["configMapGenerator"]
    files = {file for one in generated if one["name"] == "hotel-booking-dashboards" for file in one["files"]}
    assert files == {
        f"grafana/dashboards/{path.name}" for path in (MONITORING / "grafana" / "dashboards").iterdir()
    }
    grafana = documents(ARGOCD / "addons" / "values" / "kube-prometheus-stack.yaml")[0]["grafana"]
    assert grafana["grafana.ini"]["auth.anonymous"] == {"enabled": False}
    assert grafana["sidecar"]["datasources"]["uid"] == "prometheus"  # the dashboards name it


def test_alertmanager_finds_its_files() -> None:
    """The secrets that its configuration names are those that the operator mounts."""
    text = (MONITORING / "alertmanager" / "alertmanager.yml").read_text()
    receivers = called(documents(MONITORING / "kubernetes" / "secrets.yaml"), "ExternalSecret")[
        "alertmanager-receivers"
    ]
    keys = {one["secretKey"] for one in receivers["spec"]["data"]}
    assert keys == {
        word.split("/")[-1].rstrip("}")
        for word in text.split()
        if word.startswith("/etc/alertmanager/secrets/")
    }
    assert "/etc/alertmanager/config/messages.tmpl" in text
    generated = documents(MONITORING / "kustomization.yaml")[0]["secretGenerator"][0]
    assert generated["files"] == [
        "alertmanager.yaml=alertmanager/alertmanager.yml",
        "alertmanager/messages.tmpl",
    ]


def test_an_environments_hosts_are_watched() -> None:
    for overlay in OVERLAYS:
        public = variables(KUBERNETES / "overlays" / overlay / "settings.env")["HOTEL_PUBLIC_URL"]
        if overlay == "staging":
            text = (KUBERNETES / "overlays" / overlay / "monitoring" / "kustomization.yaml").read_text()
        else:
            text = (MONITORING / "kubernetes" / "probes.yaml").read_text()
        assert f"{public}/health/ready" in text
        assert f"{public.removeprefix('https://')}:443" in text
