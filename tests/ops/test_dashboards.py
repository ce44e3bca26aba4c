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

from tests.ops.test_alerts import PROMETHEUS, asked, rules, told

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
