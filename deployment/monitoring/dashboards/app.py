"""The application: requests, search, database, jobs."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import REQUESTS, SECONDS, H, Panel, quantile

GUESTS = 'route!~"/health.*"'
IN_USE = (
    f'max by (job, instance) ({H}_database_pool_connections{{state="in_use"}})'
    f" / max by (job, instance) ({H}_database_pool_size)"
)
FOUND = (
    f'sum by (cache) (rate({H}_cache_requests_total{{outcome="hit"}}[5m]))'
    f" / (sum by (cache) (rate({H}_cache_requests_total[5m])) > 0)"
)

APP: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel(
            "Alerts firing",
            units.Short,
            (("", 'count(ALERTS{alertstate="firing"}) or vector(0)'),),
            limit=1,
            number=True,
            wide=4,
        ),
        Panel(
            "Availability, 3 days",
            units.PercentUnit,
            (("", f"1 - {H}:http_errors:ratio_rate3d"),),
            floor=0.999,
            number=True,
            wide=5,
            says="The objective is 99.9 % of requests without an error of ours.",
        ),
        Panel(
            "Searches within 500 ms, 3 days",
            units.PercentUnit,
            (("", f"1 - {H}:slow_searches:ratio_rate3d"),),
            floor=0.95,
            number=True,
            wide=5,
            says="The objective is 95 %.",
        ),
        Panel(
            "Invariants broken",
            units.Short,
            (("", f"sum(max by (check) ({H}_invariant_differences))"),),
            limit=1,
            number=True,
            wide=5,
            says="Oversold nights, wrong money: differences that the last check found.",
        ),
        Panel(
            "Invariants checked",
            units.Seconds,
            (("", f"time() - max({H}_invariants_checked_timestamp_seconds > 0)"),),
            limit=10_800,
            number=True,
            wide=5,
            says="How long ago.",
        ),
    ),
    "Requests": (
        Panel(
            "Requests by status",
            units.RequestsPerSecond,
            (("{{status}}", f"sum by (status) (rate({REQUESTS}{{{GUESTS}}}[2m]))"),),
        ),
        Panel("Error rate", units.PercentUnit, (("errors", f"{H}:http_errors:ratio_rate2m"),), limit=0.05),
        Panel(
            "Response time",
            units.Seconds,
            tuple(
                (f"p{round(share * 100)}", quantile(share, SECONDS, where=GUESTS))
                for share in (0.5, 0.95, 0.99)
            ),
            limit=0.5,
        ),
        Panel(
            "Slowest routes (p95)",
            units.Seconds,
            (("{{route}}", f"topk(5, {quantile(0.95, SECONDS, 'route', GUESTS)})"),),
        ),
        Panel(
            "Busiest routes",
            units.RequestsPerSecond,
            (("{{route}}", f"topk(5, sum by (route) (rate({REQUESTS}{{{GUESTS}}}[2m])))"),),
        ),
        Panel(
            "Requests being answered",
            units.Short,
            (("{{instance}}", f'sum by (instance) ({H}_http_requests_in_flight{{job="web"}})'),),
        ),
    ),
    "Search": (
        Panel(
            "Time to find (p95)",
            units.Seconds,
            (("{{path}}", quantile(0.95, f"{H}_search_duration_seconds", "path")),),
            limit=0.5,
        ),
        Panel(
            "Searches by what answers",
            units.RequestsPerSecond,
            (("{{path}}", f"sum by (path) (rate({H}_search_duration_seconds_count[2m]))"),),
        ),
        Panel(
            "Search index behind",
            units.Seconds,
            (("{{instance}}", f'max by (instance) ({H}_search_index_seconds_behind{{job="web"}})'),),
            limit=60,
            says="-1: this process has no index, and SQL answers.",
        ),
    ),
    "Database and caches": (
        Panel(
            "Connections in use",
            units.PercentUnit,
            (
                (
                    "{{job}} {{instance}}",
                    IN_USE,
                ),
            ),
            limit=0.9,
            says="Of the pool of each process.",
        ),
        Panel(
            "Waiting for a connection",
            units.Short,
            (("{{job}} {{instance}}", f"sum by (job, instance) ({H}_database_pool_waiting)"),),
        ),
        Panel(
            "Statements",
            units.Seconds,
            (
                ("p50", quantile(0.5, f"{H}_database_query_duration_seconds")),
                ("p95", quantile(0.95, f"{H}_database_query_duration_seconds")),
            ),
        ),
        Panel(
            "Found in caches",
            units.PercentUnit,
            (
                (
                    "{{cache}}",
                    FOUND,
                ),
            ),
        ),
    ),
    "Jobs and third parties": (
        Panel(
            "Jobs due",
            units.Short,
            (("{{queue}}", f'max by (queue) ({H}_jobs{{state="due"}})'),),
        ),
        Panel(
            "Oldest job due",
            units.Seconds,
            (("{{queue}}", f"max by (queue) ({H}_jobs_oldest_due_seconds)"),),
            limit=600,
        ),
        Panel(
            "Runs of jobs",
            units.RequestsPerSecond,
            (("{{queue}} {{outcome}}", f"sum by (queue, outcome) (rate({H}_job_runs_total[5m])) > 0"),),
        ),
        Panel("Mail given up", units.Short, (("messages", f"max({H}_mail_dead_letters)"),), limit=1),
        Panel(
            "Third parties not asked",
            units.Short,
            (("{{party}}", f"max by (party) ({H}_breaker_state)"),),
            limit=2,
            says="0: asked, 1: one request tries, 2: given up for now.",
        ),
        Panel(
            "Releases",
            units.Short,
            (("{{version}}, schema {{schema}}", f"count by (version, schema) ({H}_build_info)"),),
            number=True,
        ),
    ),
}
