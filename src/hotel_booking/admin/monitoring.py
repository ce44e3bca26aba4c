"""Dashboards drawn from Prometheus, and the runbook that alerts lead to. For those with a group role: both
are about the whole chain."""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http.access import staff
from hotel_booking.http.ui.markdown import document_as_html
from hotel_booking.http.ui.render import page
from hotel_booking.integrations.prometheus import PrometheusSilent, Series, query_range
from hotel_booking.ops import dashboards
from hotel_booking.ops.dashboards import BOARDS, Panel
from hotel_booking.ops.monitoring import files

HOURS = (1, 6, 24, 72)
_STEPS = 240  # a line has as many points as its drawing is wide, about
_MOST_LINES = 20


class Line(msgspec.Struct, frozen=True):
    """A line by its name; None where there is no value at a time."""

    label: str
    values: list[float | None]


class Figures(msgspec.Struct, frozen=True):
    """What a panel draws: `at` are seconds since 1970. `silent`: Prometheus does not answer; `empty`: it has
    nothing to draw."""

    state: Literal["drawn", "empty", "silent"]
    at: list[int]
    lines: list[Line]


@get(["/monitoring", *(f"/monitoring/{uid}" for uid in BOARDS)], opt=staff(Permission.MONITORING_VIEW))
async def show_dashboard(
    request: Request[Any, Any, State], settings: Settings, caller: Caller, hours: int = 1
) -> Response[str]:
    """A dashboard's panels, which the script fills."""
    caller.require_permission(Permission.MONITORING_VIEW)
    uid = request.url.path.rstrip("/").rpartition("/")[2]
    return page(
        request,
        "monitoring/dashboard.html",
        board=dashboards.board(uid if uid in BOARDS else BOARDS[0]),
        boards=[dashboards.board(one) for one in BOARDS],
        hours=hours if hours in HOURS else HOURS[0],
        choices=HOURS,
        configured=bool(settings.prometheus_url),
    )


@get("/monitoring/figures", opt=staff(Permission.MONITORING_VIEW))
async def read_figures(
    settings: Settings,
    caller: Caller,
    now: datetime,
    board: str = "",
    panel: int = 0,
    hours: int = 1,
) -> Response[bytes]:
    """What a panel of a dashboard draws. The browser names it; what is asked of Prometheus stands in the
    dashboard."""
    caller.require_permission(Permission.MONITORING_VIEW)
    found = await _figures(
        settings.prometheus_url,
        dashboards.board(board).panel(panel),
        hours if hours in HOURS else HOURS[0],
        now,
    )
    return Response(
        msgspec.json.encode(found), media_type="application/json", headers={"cache-control": "no-store"}
    )


@get("/runbook", opt=staff(Permission.MONITORING_VIEW))
async def show_runbook(request: Request[Any, Any, State], caller: Caller) -> Response[str]:
    """docs/RUNBOOK.md: alerts lead to its chapters."""
    caller.require_permission(Permission.MONITORING_VIEW)
    return page(request, "monitoring/runbook.html", text=document_as_html(_runbook()))


async def _figures(url: str, panel: Panel, hours: int, now: datetime) -> Figures:
    step = max(15, hours * 3600 // _STEPS)
    end = int(now.timestamp()) // step * step  # the same points for all that ask within a step
    times = list(range(end - hours * 3600, end + 1, step))
    lines: list[Line] = []
    try:
        for target in panel.targets if url else ():
            found = await query_range(url, target.expr, start=times[0], end=times[-1], step=step)
            lines += [Line(target.named(series.metric), _values(series, times)) for series in found]
    except PrometheusSilent:
        return Figures("silent", [], [])
    lines = [line for line in lines if any(value is not None for value in line.values)]
    lines.sort(key=lambda line: line.label)
    return Figures("drawn" if lines else "empty", times if lines else [], lines[:_MOST_LINES])


def _values(series: Series, times: list[int]) -> list[float | None]:
    """The value at each time; what is no number (0 ÷ 0) is none."""
    known = {int(at): float(value) for at, value in series.values}
    return [value if (value := known.get(at)) is not None and math.isfinite(value) else None for at in times]


@cache
def _runbook() -> str:
    """Without its title, which the page has, and without links to files that a browser cannot open."""
    packed = files().parent / "RUNBOOK.md"
    path = packed if packed.exists() else Path(files().parents[1]) / "docs" / "RUNBOOK.md"
    text = re.sub(r"\A# .*\n", "", path.read_text())
    return re.sub(r"\[([^\]]+)\]\((?!https?:|mailto:|#)[^)]*\)", r"\1", text)


handlers = [show_dashboard, read_figures, show_runbook]
