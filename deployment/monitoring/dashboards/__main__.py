"""Grafana's dashboards `app`, `infra` and `business`: built here, written as JSON by `make dashboards`.

Grafana shows the JSON (provisioned), and so does the panel (/admin/monitoring). A panel is a time series or a
single number; every query is run against a real Prometheus by tests/ops/test_dashboards.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app import APP
from business import BUSINESS
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from infra import INFRA
from panels import drawn

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"
DASHBOARDS = {
    "app": ("Application", APP),
    "infra": ("Infrastructure", INFRA),
    "business": ("Business", BUSINESS),
}


def made(uid: str) -> str:
    """The dashboard's JSON."""
    title, rows = DASHBOARDS[uid]
    board = dashboard.Dashboard(title).uid(uid).tags(["hotel-booking"]).timezone("utc")
    board = board.time("now-1h", "now").refresh("30s").readonly()
    number = 0
    for row, panels in rows.items():
        board = board.with_row(dashboard.Row(row).id(100 + number))
        for panel in panels:
            number += 1
            board = board.with_panel(drawn(number, panel))
    return json.dumps(board.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def main(folder: Path) -> None:
    """Write all three."""
    folder.mkdir(parents=True, exist_ok=True)
    for uid in DASHBOARDS:
        (folder / f"{uid}.json").write_text(made(uid))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
