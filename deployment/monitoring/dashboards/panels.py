"""A panel of ours, and how Grafana takes it."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
H = "hotel_booking"
REQUESTS = f"{H}_http_requests_total"
SECONDS = f"{H}_http_request_duration_seconds"


class Panel(NamedTuple):
    """What a panel asks: `queries` of (legend, PromQL). `limit` is drawn as a line, an alert's threshold,
    above which it is bad; or `floor`, below which it is. `number`: only what is so now."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    limit: float | None = None
    floor: float | None = None
    number: bool = False
    wide: int = 8
    says: str = ""


def quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    """PromQL of a histogram's quantile over two minutes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{where}}}[2m])))"


def steps(panel: Panel) -> list[Threshold]:
    """Green where all is well, red beyond the alert's threshold."""
    if panel.floor is not None:
        return [Threshold(color="red", value=None), Threshold(color="green", value=panel.floor)]
    bad = [] if panel.limit is None else [Threshold(color="red", value=panel.limit)]
    return [Threshold(color="green", value=None), *bad]


def drawn(number: int, panel: Panel) -> stat.Panel | timeseries.Panel:
    """The panel as Grafana takes it."""
    thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps(panel))
    limited = panel.limit is not None or panel.floor is not None
    made: stat.Panel | timeseries.Panel
    if panel.number:
        made = stat.Panel().graph_mode(common.BigValueGraphMode.AREA)
    else:
        made = timeseries.Panel().fill_opacity(8).show_points(common.VisibilityMode.NEVER)
        if limited:
            line = common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
            made = made.thresholds_style(line)
    made = made.id(number).title(panel.title).unit(panel.unit).datasource(SOURCE).thresholds(thresholds)
    made = made.span(panel.wide).height(5 if panel.number else 8)
    if panel.says:
        made = made.description(panel.says)
    for letter, (legend, expression) in zip("ABCDEF", panel.queries, strict=False):
        query = prometheus.Dataquery().ref_id(letter).expr(expression).datasource(SOURCE)
        made = made.with_target(query.legend_format(legend or panel.title))
    return made
