"""The infrastructure: reached from outside, machines, PostgreSQL, Redis, Kubernetes."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import H, Panel

MEMORY = "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
DISK = 'fstype!~"tmpfs|overlay|squashfs|ramfs|devtmpfs"'
FULL = f"max by (instance) (1 - node_filesystem_avail_bytes{{{DISK}}} / node_filesystem_size_bytes{{{DISK}}})"
BLOCKS = (
    "sum(rate(pg_stat_database_blks_hit[5m])) / (sum(rate(pg_stat_database_blks_hit[5m]))"
    " + sum(rate(pg_stat_database_blks_read[5m])) > 0)"
)

INFRA: dict[str, tuple[Panel, ...]] = {
    "Reached": (
        Panel(
            "Ready, asked from outside",
            units.Short,
            (("{{instance}}", 'min by (instance) (probe_success{job="health"})'),),
            floor=1,
            says="1: /health/ready answers 200.",
        ),
        Panel(
            "Time of that answer",
            units.Seconds,
            (("{{instance}}", 'max by (instance) (probe_duration_seconds{job="health"})'),),
        ),
        Panel(
            "Certificates end in",
            units.Days,
            (
                (
                    "{{instance}}",
                    "(min by (instance) (probe_ssl_earliest_cert_expiry) - time()) / 86400",
                ),
            ),
            floor=21,
            number=True,
        ),
        Panel("Targets that answer", units.Short, (("{{job}}", "sum by (job) (up)"),), wide=12),
        Panel("Targets that do not", units.Short, (("{{job}}", "sum by (job) (1 - up)"),), limit=1, wide=12),
    ),
    "Machines": (
        Panel(
            "CPU",
            units.PercentUnit,
            (("{{instance}}", '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))'),),
            limit=0.8,
        ),
        Panel("Memory", units.PercentUnit, (("{{instance}}", MEMORY),), limit=0.85),
        Panel("Load, 5 minutes", units.Short, (("{{instance}}", "node_load5"),)),
        Panel(
            "Disks, fullest",
            units.PercentUnit,
            (
                (
                    "{{instance}}",
                    FULL,
                ),
            ),
        ),
        Panel(
            "Network",
            units.BytesPerSecondSI,
            (
                ("{{instance}} in", "sum by (instance) (rate(node_network_receive_bytes_total[2m]))"),
                ("{{instance}} out", "sum by (instance) (rate(node_network_transmit_bytes_total[2m]))"),
            ),
        ),
        Panel(
            "Disk written and read",
            units.BytesPerSecondSI,
            (
                ("{{instance}} written", "sum by (instance) (rate(node_disk_written_bytes_total[2m]))"),
                ("{{instance}} read", "sum by (instance) (rate(node_disk_read_bytes_total[2m]))"),
            ),
        ),
    ),
    "PostgreSQL": (
        Panel(
            "Connections",
            units.PercentUnit,
            (("{{instance}}", f"{H}:database_connections:ratio"),),
            limit=0.8,
            says="Of max_connections.",
        ),
        Panel(
            "Sessions by state", units.Short, (("{{state}}", "sum by (state) (pg_stat_activity_count) > 0"),)
        ),
        Panel(
            "Transactions",
            units.RequestsPerSecond,
            (
                ("committed", "sum(rate(pg_stat_database_xact_commit[2m]))"),
                ("rolled back", "sum(rate(pg_stat_database_xact_rollback[2m]))"),
            ),
        ),
        Panel(
            "Blocks found in memory",
            units.PercentUnit,
            (
                (
                    "found",
                    BLOCKS,
                ),
            ),
        ),
        Panel(
            "Size",
            units.BytesSI,
            (("{{datname}}", 'sum by (datname) (pg_database_size_bytes{datname!~"template.*"})'),),
        ),
        Panel("Locks", units.Short, (("{{mode}}", "sum by (mode) (pg_locks_count) > 0"),)),
    ),
    "Redis": (
        Panel("Memory", units.BytesSI, (("{{instance}}", "redis_memory_used_bytes"),)),
        Panel(
            "Commands",
            units.RequestsPerSecond,
            (("{{instance}}", "rate(redis_commands_processed_total[2m])"),),
        ),
        Panel("Clients", units.Short, (("{{instance}}", "redis_connected_clients"),)),
    ),
    "Kubernetes": (
        Panel(
            "Pods ready",
            units.Short,
            (
                ("{{deployment}} ready", "sum by (deployment) (kube_deployment_status_replicas_ready)"),
                ("{{deployment}} wanted", "sum by (deployment) (kube_deployment_spec_replicas)"),
            ),
        ),
        Panel(
            "Restarts, 1 hour",
            units.Short,
            (("{{pod}}", "topk(10, sum by (pod) (increase(kube_pod_container_status_restarts_total[1h])))"),),
        ),
        Panel("Pods by phase", units.Short, (("{{phase}}", "sum by (phase) (kube_pod_status_phase)"),)),
        Panel(
            "Autoscaler",
            units.Short,
            (
                (
                    "{{horizontalpodautoscaler}} now",
                    "sum by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas)",
                ),
                (
                    "{{horizontalpodautoscaler}} at most",
                    "sum by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas)",
                ),
            ),
        ),
        Panel(
            "Nodes not ready",
            units.Short,
            (("{{node}}", 'sum by (node) (kube_node_status_condition{condition="Ready",status!="true"})'),),
        ),
    ),
}
