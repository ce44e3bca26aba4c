"""Dashboards in the panel: the browser names a panel, and only what stands in a dashboard is asked. Whatever
Prometheus does, the page says what is so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, get_args

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.doubles.prometheus import Mood, PrometheusDouble
from tests.ops.headings import headings
from tests.ops.test_alerts import RUNBOOK, RUNBOOK_PAGE, alerts
from tests.ops.test_dashboards import DASHBOARDS, panels


@pytest.fixture
def prometheus() -> Iterator[PrometheusDouble]:
    with PrometheusDouble() as double:
        yield double


@asynccontextmanager
async def reader(db: Database, url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(settings_for(url, mfa_required=False, **settings)) as (app, _),
        signed_in(app, db, (Role.READ_ONLY, None)) as client,
    ):
        yield client


def figures(uid: str, panel: int, **more: Any) -> dict[str, Any]:
    return {"params": {"board": uid, "panel": panel, **more}}


async def test_every_panel_asks_what_stands_in_its_dashboard(
    db: Database, database_url: str, prometheus: PrometheusDouble
) -> None:
    async with reader(db, database_url, prometheus_url=prometheus.url) as client:
        for uid in DASHBOARDS:
            page = await client.get(f"/admin/monitoring/{uid}")
            assert page.status_code == 200
            for panel in panels(uid):
                assert f'data-panel="{panel["id"]}"' in page.text
                assert panel["title"] in page.text.replace("&#39;", "'")
                prometheus.asked.clear()
                answer = await client.get("/admin/monitoring/figures", **figures(uid, panel["id"]))
                assert prometheus.asked == [target["expr"] for target in panel["targets"]]
                found = answer.json()
                assert found["state"] == "drawn"
                assert all(len(line["values"]) == len(found["at"]) for line in found["lines"])
        assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_cannot_ask_for_anything_else(
    db: Database, database_url: str, prometheus: PrometheusDouble
) -> None:
    async with reader(db, database_url, prometheus_url=prometheus.url) as client:
        wrong: tuple[dict[str, str], ...] = (
            {"board": "app", "panel": "9999"},
            {"board": "app", "panel": "-1"},
            {"board": "../app", "panel": "1"},
            {"board": "app", "panel": "up"},
            {"board": "app", "query": "up"},
            {},
        )
        for query in wrong:
            answer = await client.get("/admin/monitoring/figures", params=query)
            assert answer.status_code in (400, 404, 422), query
        first = next(panels("app"))["id"]
        answer = await client.get(
            "/admin/monitoring/figures", **figures("app", first, hours=10**9, query="up")
        )
        assert answer.json()["at"][-1] - answer.json()["at"][0] == 3600
        assert "up" not in prometheus.asked
    assert len(prometheus.asked) == 1


STATES = {
    "well": "drawn",
    "nothing": "empty",
    "not a number": "empty",
    "broken": "silent",
    "garbage": "silent",
    "endless": "silent",
    "hangs": "silent",
}


@pytest.mark.parametrize("mood", get_args(Mood))
async def test_what_prometheus_does_is_told(
    db: Database, database_url: str, prometheus: PrometheusDouble, mood: Mood
) -> None:
    prometheus.mood = mood
    async with reader(db, database_url, prometheus_url=prometheus.url) as client:
        answer = await client.get("/admin/monitoring/figures", **figures("app", next(panels("app"))["id"]))
    assert (answer.status_code, answer.json()["state"]) == (200, STATES[mood])


async def test_none_is_configured_or_nobody_is_there(db: Database, database_url: str) -> None:
    async with reader(db, database_url) as client:
        assert "No Prometheus is configured" in (await client.get("/admin/monitoring")).text
        answer = await client.get(
            "/admin/monitoring/figures", **figures("infra", next(panels("infra"))["id"])
        )
        assert answer.json()["state"] == "empty"
    async with reader(db, database_url, prometheus_url="http://127.0.0.1:9") as client:
        assert "No Prometheus is configured" not in (await client.get("/admin/monitoring")).text
        answer = await client.get("/admin/monitoring/figures", **figures("app", next(panels("app"))["id"]))
        assert answer.json()["state"] == "silent"


async def test_alerts_lead_to_a_heading_of_the_runbooks_page(db: Database, database_url: str) -> None:
    async with reader(db, database_url) as client:
        page = (await client.get("/admin/runbook")).text
    for rule in alerts().values():
        slug = rule["annotations"]["runbook_url"].removeprefix(RUNBOOK_PAGE)
        assert f'id="{slug}"' in page
    # Its title is the page's own.
    missing = {slug for slug in headings(RUNBOOK) if f'id="{slug}"' not in page}
    assert missing == {"hotel-booking-platform-production-runbook"}
    assert "](" not in page
