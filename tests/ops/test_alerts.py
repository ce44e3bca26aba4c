"""deployment/monitoring/prometheus: every alert says what to do, is fired by a test and shown silent just
below by another, and asks only for metrics that somebody tells."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hotel_booking.core.metrics import DECLARED
from tests.ops.headings import headings

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deployment" / "monitoring" / "prometheus"
RUNBOOK = ROOT / "docs" / "RUNBOOK.md"
RUNBOOK_PAGE = "https://admin.hotelbooking.com/admin/runbook#"

# What Prometheus itself and Debian's exporters tell, as far as the rules ask for it.
OF_OTHERS = {
    "up",
    "node_cpu_seconds_total",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_filesystem_readonly",
    "pg_up",
    "pg_stat_activity_count",
    "pg_settings_max_connections",
    "redis_up",
    "probe_success",
    "probe_ssl_earliest_cert_expiry",
}

# The runbook's table and its triggers of a rollback: what is compared with what, and at which level.
TABLE = {
    "ErrorRateHigh": ("> 0.05", "critical", "Immediate rollback"),
    "ResponseTimeSlow": ("> 0.5", "warning", "Investigate"),
    "CpuHigh": ("> 0.80", "warning", "Scale up"),
    "MemoryHigh": ("> 0.85", "warning", "Scale up"),
    "DatabaseConnectionsHigh": ("> 0.80", "critical", "Increase pool"),
    "BookingSuccessLow": ("< 0.95", "critical", "Investigate payments"),
    "ResponseTimeRollback": ("> 1", "critical", "Immediate rollback"),
}


def rules() -> list[dict[str, Any]]:
    """All rules, recorded ones too."""
    return [
        rule
        for path in sorted((PROMETHEUS / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def asked(expression: str) -> set[str]:
    """The names of the metrics in an expression."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    names = set(re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\()\b(?!\s*\()", bare))
    return names - {"and", "or", "unless", "bool", "offset"}


def told() -> set[str]:
    """The names of the series that we tell."""
    names = {metric.name for metric in DECLARED if metric.kind != "histogram"}
    for metric in DECLARED:
        if metric.kind == "histogram":
            names |= {f"{metric.name}_{part}" for part in ("bucket", "count", "sum")}
    return names


def test_the_table_is_the_runbooks() -> None:
    for name, (limit, level, action) in TABLE.items():
        rule = alerts()[name]
        assert limit in rule["expr"], name
        assert (rule["labels"]["severity"], rule["annotations"]["action"]) == (level, action), name
        assert rule["for"] == "5m", name


def test_who_rolls_back_finds_the_three_triggers() -> None:
    found = {name for name, rule in alerts().items() if rule["labels"].get("rollback") == "automatic"}
    assert found == {"ErrorRateHigh", "ResponseTimeRollback", "HealthCheckFailing"}


def test_every_alert_says_what_to_do_and_where_to_read_on() -> None:
    slugs = headings(RUNBOOK)
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert rule["labels"]["category"] in (
            "application",
            "database",
            "infrastructure",
            "payments",
            "security",
        ), name
        notes = rule["annotations"]
        assert set(notes) == {"summary", "action", "runbook_url"}, name
        assert notes["runbook_url"].startswith(RUNBOOK_PAGE), name
        assert notes["runbook_url"].removeprefix(RUNBOOK_PAGE) in slugs, name


def test_who_is_paged_is_led_to_what_to_look_at() -> None:
    """How one acknowledges, PagerDuty says as well. Of these two the action names all there is to do."""
    generic = {
        name
        for name, rule in alerts().items()
        if rule["annotations"]["runbook_url"] == f"{RUNBOOK_PAGE}critical-alerts"
    }
    assert generic == {"SearchBudgetBurningFast", "InvariantBroken"}


def test_rules_ask_only_for_what_somebody_tells() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    unknown = {
        rule.get("alert") or rule["record"]: sorted(missing)
        for rule in rules()
        if (missing := asked(rule["expr"]) - told() - recorded - OF_OTHERS)
    }
    assert unknown == {}
    used = set().union(*(asked(rule["expr"]) for rule in rules()))
    assert recorded <= used, "a recorded ratio that no rule asks for"
    assert used >= OF_OTHERS


def test_every_alert_has_a_test_that_fires_it_and_one_just_below() -> None:
    named = {
        test["name"]
        for path in (PROMETHEUS / "tests").glob("*.yml")
        for test in yaml.safe_load(path.read_text())["tests"]
    }
    for name in alerts():
        assert {f"{name} fires", f"{name} is silent just below"} <= named, name
    # A ratio of few requests says nothing.
    ratios = {name for name, rule in alerts().items() if ">= " in rule["expr"]}
    assert ratios >= {"ErrorRateHigh", "ResponseTimeSlow", "ResponseTimeRollback", "BookingSuccessLow"}
    for name in ratios:
        assert f"{name} is silent at low traffic" in named, name


def test_the_tests_of_the_rules_hold() -> None:
    said = promtool("test", "rules", *map(str, sorted((PROMETHEUS / "tests").glob("*.yml"))))
    assert said.count("SUCCESS") == 3


def test_prometheus_takes_the_files() -> None:
    assert "4 rule files found" in promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


def promtool(*arguments: str) -> str:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: sudo apt-get install -y prometheus")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
