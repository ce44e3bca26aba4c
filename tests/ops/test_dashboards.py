"""deployment/monitoring/grafana: the dashboards are what the code makes, and ask for what somebody tells."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.test_alerts import PROMETHEUS, asked, promtool, rules, told

MONITORING = PROMETHEUS.parent
GRAFANA = MONITORING / "grafana"
DASHBOARDS = ("app", "business", "infra")


def panels(uid: str) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard, without the titles of its rows."""
    board = json.loads((GRAFANA / "dashboards" / f"{uid}.json").read_text())
    yield from (panel for panel in board["panels"] if panel["type"] != "row")


def test_the_json_is_what_the_code_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, MONITORING / "dashboards", tmp_path], check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{uid}.json" for uid in DASHBOARDS]
    for made in tmp_path.iterdir():
        assert (GRAFANA / "dashboards" / made.name).read_text() == made.read_text(), "run `make dashboards`"


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_is_found_by_the_runbooks_address(uid: str) -> None:
    board = json.loads((GRAFANA / "dashboards" / f"{uid}.json").read_text())
    assert board["uid"] == uid  # https://monitoring.hotelbooking.com/d/<uid>
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][
        0
    ]
    for panel in panels(uid):
        assert panel["type"] in ("stat", "timeseries"), panel["title"]  # what the panel's page can draw
        assert panel["datasource"]["uid"] == source["uid"]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_queries_ask_of_ours_only_what_we_tell(uid: str) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for panel in panels(uid):
        for target in panel["targets"]:
            ours = {name for name in asked(target["expr"]) if name.startswith("hotel_booking")}
            assert ours <= told() | recorded, panel["title"]


# As kube-state-metrics tells it, and the worker after its hourly check.
MADE_UP = {
    'kube_deployment_status_replicas_ready{deployment="hotel-booking"}': "3x60",
    'kube_deployment_spec_replicas{deployment="hotel-booking"}': "4x60",
    'kube_pod_container_status_restarts_total{pod="web-1",container="web"}': ("0x30 1x30"),
    'kube_pod_status_phase{pod="web-1",phase="Running"}': "1x60",
    'kube_horizontalpodautoscaler_status_current_replicas{horizontalpodautoscaler="hotel-booking"}': "3x60",
    'kube_horizontalpodautoscaler_spec_max_replicas{horizontalpodautoscaler="hotel-booking"}': "10x60",
    'kube_node_status_condition{node="a",condition="Ready",status="false"}': "0x60",
    'kube_node_status_condition{node="a",condition="Ready",status="unknown"}': "0x60",
    'hotel_booking_invariant_differences{job="worker",check="oversold_nights"}': "0x60",
    'hotel_booking_invariants_checked_timestamp_seconds{job="worker"}': "60x60",
}


def test_panels_of_a_cluster_and_of_the_hourly_check_have_data(tmp_path: Path) -> None:
    expressions = [
        target["expr"]
        for uid in DASHBOARDS
        for panel in panels(uid)
        for target in panel["targets"]
        if "kube_" in target["expr"] or "invariant" in target["expr"]
    ]
    assert len(expressions) >= 9
    made_up = {
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in MADE_UP.items()],
                "promql_expr_test": [
                    {
                        "expr": f"count({expression}) > bool 0",
                        "eval_time": "59m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for expression in expressions
                ],
            }
        ]
    }
    (tmp_path / "test.yml").write_text(json.dumps(made_up))
    promtool("test", "rules", str(tmp_path / "test.yml"))


def test_every_query_is_one_that_prometheus_understands(tmp_path: Path) -> None:
    queries = [target["expr"] for uid in DASHBOARDS for panel in panels(uid) for target in panel["targets"]]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "queries", "rules": recorded}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", str(tmp_path / "rules.yml"))
