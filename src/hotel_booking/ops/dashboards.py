"""The dashboards that Grafana has, read from the same JSON: which panels there are, and what they ask."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from hotel_booking.core.errors import NotFound
from hotel_booking.ops.monitoring import files

BOARDS = ("app", "infra", "business")


class NoSuchPanel(NotFound):
    """No dashboard has this panel. Only what stands in one is asked of Prometheus."""

    code = "no_such_panel"


class Target(msgspec.Struct, frozen=True, rename="camel"):
    """A query, and how its lines are named: `{{label}}` is the label's value."""

    expr: str
    legend_format: str

    def named(self, labels: dict[str, str]) -> str:
        """The name of a line with these labels."""
        return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), self.legend_format).strip()


class Panel(msgspec.Struct, frozen=True):
    """What is drawn: `number` is only what is so now; `unit` is Grafana's; `limit` the alert's threshold,
    which is bad above it, or below it where `floor`."""

    id: int
    title: str
    says: str
    unit: str
    number: bool
    limit: float | None
    floor: bool
    targets: tuple[Target, ...]


class Row(msgspec.Struct, frozen=True):
    """Panels that belong together."""

    title: str
    panels: list[Panel]


class Board(msgspec.Struct, frozen=True):
    """A dashboard."""

    uid: str
    title: str
    rows: list[Row]

    def panel(self, panel_id: int) -> Panel:
        """Raises `NoSuchPanel`."""
        for row in self.rows:
            for panel in row.panels:
                if panel.id == panel_id:
                    return panel
        raise NoSuchPanel(f"the dashboard {self.uid!r} has no panel {panel_id}")


@cache
def board(uid: str) -> Board:
    """Read once, as it came with the release. Raises `NoSuchPanel` for another."""
    if uid not in BOARDS:
        raise NoSuchPanel(f"there is no dashboard {uid!r}")
    path = files() / "grafana" / "dashboards" / f"{uid}.json"
    read: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    rows: list[Row] = []
    for item in read["panels"]:
        if item["type"] == "row":
            rows.append(Row(item["title"], []))
        else:
            rows[-1].panels.append(_panel(item))
    return Board(uid, read["title"], rows)


def _panel(item: dict[str, Any]) -> Panel:
    defaults = item["fieldConfig"]["defaults"]
    steps = defaults["thresholds"]["steps"]
    return Panel(
        id=item["id"],
        title=item["title"],
        says=item.get("description", ""),
        unit=defaults["unit"],
        number=item["type"] == "stat",
        limit=steps[1]["value"] if len(steps) > 1 else None,
        floor=steps[0]["color"] == "red",
        targets=msgspec.convert(tuple(item["targets"]), tuple[Target, ...]),
    )
