"""A real Prometheus with the cluster's own ServiceMonitors and PrometheusRules, translated as the operator
does."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.cluster.cluster import PROMETHEUS, Cluster
from tests.cluster.world import ClusterError

_LISTENS = f"{PROMETHEUS}:9090"


def start_prometheus(cluster: Cluster, namespace: str) -> None:
    """Scraping what the namespace's monitors name, judging by all rules. Raises `ClusterError`."""
    folder = cluster.folder / "prometheus"
    folder.mkdir()
    monitors = cluster.get("servicemonitors.monitoring.coreos.com", namespace)
    rules = cluster.get("prometheusrules.monitoring.coreos.com")
    files = []
    for rule in rules:
        file = folder / f"{rule['metadata']['name']}.rules.json"
        groups = rule["spec"]["groups"]
        for one in (one for group in groups for one in group["rules"] if "for" in one):
            one["for"] = "5s"  # minutes on AWS; the expressions are as they are
        file.write_text(json.dumps({"groups": groups}))
        files.append(str(file))
    config = {
        "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
        "rule_files": files,
        "scrape_configs": [job for one in monitors for job in _jobs(cluster, one)],
    }
    (folder / "prometheus.json").write_text(json.dumps(config, indent=1))
    run_prometheus(cluster)


def _stop_prometheus(cluster: Cluster) -> None:
    """Until it answers nobody."""
    cluster.world.run(["pkill", "-KILL", "-f", "--", f"--web.listen-address={_LISTENS}"])
    cluster.until("Prometheus is gone", lambda: not _answers(cluster), 30)


def run_prometheus(cluster: Cluster) -> None:
    """With what was configured, until it is ready. Raises `ClusterError`."""
    folder = cluster.folder / "prometheus"
    cluster.world.start(
        "prometheus",
        [
            cluster.program("prometheus", "prometheus"),
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={_LISTENS}",
            "--web.enable-lifecycle",
        ],
    )
    cluster.until("Prometheus", lambda: _answers(cluster), 30)


def configure(cluster: Cluster, **parts: Any) -> None:
    """Other parts of Prometheus' configuration, taken while it runs. Raises `ClusterError` where it is
    refused."""
    file = cluster.folder / "prometheus" / "prometheus.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | parts, indent=1))
    cluster.world.run(["curl", "-sf", "-X", "POST", f"http://{_LISTENS}/-/reload"])


@contextmanager
def unscraped(cluster: Cluster) -> Iterator[None]:
    """Prometheus answers, and has no values of anybody."""
    file = cluster.folder / "prometheus" / "prometheus.json"
    jobs = json.loads(file.read_text())["scrape_configs"]
    configure(cluster, scrape_configs=[])
    try:
        yield
    finally:
        configure(cluster, scrape_configs=jobs)


@contextmanager
def down(cluster: Cluster) -> Iterator[None]:
    """Prometheus answers nobody."""
    _stop_prometheus(cluster)
    try:
        yield
    finally:
        run_prometheus(cluster)


def _answers(cluster: Cluster) -> bool:
    ready = ["curl", "-sf", "-m", "3", f"http://{_LISTENS}/-/ready"]
    return cluster.world.run(ready, check=False).returncode == 0


def ask(cluster: Cluster, expression: str) -> list[dict[str, Any]]:
    """What an expression gives now. Raises `ClusterError`."""
    query = urllib.parse.urlencode({"query": expression})
    found: list[dict[str, Any]] = read(cluster, f"query?{query}")["result"]
    return found


def read(cluster: Cluster, path: str) -> Any:
    """An answer of its API: `rules`, `targets`, `alerts`. Raises `ClusterError`."""
    done = cluster.world.run(["curl", "-s", f"http://{_LISTENS}/api/v1/{path}"])
    answer = json.loads(done.stdout)
    if answer["status"] != "success":
        raise ClusterError(f"Prometheus: {answer.get('error')}")
    return answer["data"]


def _jobs(cluster: Cluster, monitor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One for each endpoint of a ServiceMonitor."""
    meta, spec = monitor["metadata"], monitor["spec"]
    jobs = []
    for number, endpoint in enumerate(spec["endpoints"]):
        relabelings: list[dict[str, Any]] = [
            _keep(f"__meta_kubernetes_service_label_{_label(key)}", value)
            for key, value in spec["selector"].get("matchLabels", {}).items()
        ]
        relabelings.append(_keep("__meta_kubernetes_endpointslice_port_name", endpoint["port"]))
        relabelings += [
            {"source_labels": [source], "target_label": target}
            for source, target in (
                ("__meta_kubernetes_namespace", "namespace"),
                ("__meta_kubernetes_service_name", "service"),
                ("__meta_kubernetes_service_name", "job"),
                ("__meta_kubernetes_pod_name", "pod"),
                ("__meta_kubernetes_pod_container_name", "container"),
                ("__meta_kubernetes_endpointslice_port_name", "endpoint"),
            )
        ]
        relabelings += [_snake(one) for one in endpoint.get("relabelings", [])]
        jobs.append(
            {
                "job_name": f"serviceMonitor/{meta['namespace']}/{meta['name']}/{number}",
                "metrics_path": endpoint.get("path", "/metrics"),
                "scheme": endpoint.get("scheme", "http"),
                "scrape_interval": "5s",  # the monitors' own would make the test three times as long
                "scrape_timeout": "4s",
                "kubernetes_sd_configs": [
                    {
                        "role": "endpointslice",
                        "kubeconfig_file": str(cluster.folder / "kubeconfig-inside"),
                        "namespaces": {"names": [meta["namespace"]]},
                    }
                ],
                "relabel_configs": relabelings,
                "metric_relabel_configs": [_snake(one) for one in endpoint.get("metricRelabelings", [])],
            }
        )
    return jobs


def _keep(source: str, value: str) -> dict[str, Any]:
    return {"action": "keep", "source_labels": [source], "regex": re.escape(value)}


def _label(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _snake(relabeling: Mapping[str, Any]) -> dict[str, Any]:
    return {
        re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", key): value
        for key, value in relabeling.items()
    }
