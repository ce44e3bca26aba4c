"""The runbook's common issues as checklists: what to look at, in which order, with the commands filled in.

docs/RUNBOOK.md has the same commands; a test compares them, and runs those that can be run.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from hotel_booking.core.config import Settings
from hotel_booking.core.hosts import each_host, split
from hotel_booking.domains.incidents.types import Alert, Incident


class Step(msgspec.Struct, frozen=True):
    """Something to look at or to do. `$NAMES` in the command are filled in; `caution` is said first.
    `in_cluster` is the command where the platform runs in Kubernetes, if it is another there."""

    what: str
    command: str = ""
    caution: str = ""
    in_cluster: str = ""


class Checklist(msgspec.Struct, frozen=True):
    """The steps of an issue; `anchor` is its heading in the runbook."""

    anchor: str
    title: str
    steps: tuple[Step, ...]


LONG_QUERIES = (
    "SELECT pid, usename, now() - query_start AS since, left(query, 80) FROM pg_stat_activity"
    " WHERE state = 'active' AND backend_type = 'client backend'"
    " AND datname = current_database() AND query_start < now() - interval '5 minutes';"
)
END_LONG_QUERIES = (
    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE state = 'active' AND backend_type = 'client backend'"
    " AND datname = current_database() AND query_start < now() - interval '5 minutes';"
)
CONNECTIONS = (
    "SELECT count(*) AS taken, current_setting('max_connections') AS allowed FROM pg_stat_activity"
    " WHERE backend_type = 'client backend';"
)
WAITING_JOBS = (
    "SELECT queue_name, status, count(*), min(scheduled_at) AS since FROM procrastinate_jobs"
    " GROUP BY 1, 2 ORDER BY 1, 2;"
)
WORKERS = (
    "SELECT id, last_heartbeat, now() - last_heartbeat AS silent FROM procrastinate_workers"
    " ORDER BY last_heartbeat DESC;"
)
ARCHIVED = "SELECT last_archived_time, failed_count, last_failed_wal, last_failed_time FROM pg_stat_archiver;"
SLOTS = (
    "SELECT slot_name, active, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) AS kept"
    " FROM pg_replication_slots;"
)


NAMESPACE = "hotel-booking-production"  # as the runbook's lines have it
_EXEC = f"kubectl exec -n {NAMESPACE} service/hotel-booking-active --"


def _ours(what: str, command: str, *, caution: str = "") -> Step:
    return Step(what, command, caution, f"{_EXEC} {command}")


def _psql(what: str, sql: str, *, caution: str = "") -> Step:
    # In the image psql knows the database's name and password, and the host where `-h` names none.
    return Step(
        what,
        f'psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "{sql}"',
        caution,
        f'{_EXEC} psql -h $DB_HOST -U $DB_USER -c "{sql}"',
    )


CHECKLISTS = (
    Checklist(
        "high-error-rate",
        "High error rate",
        (
            Step(
                "Which requests fail, since when: look for the first error in the log of the web processes",
                'journalctl -u hotel-booking --since "$STARTED" --output cat'
                ' | grep \'"level":"error"\' | head -n 50',
                in_cluster=f"kubectl logs -n {NAMESPACE} -l app=hotel-booking --tail=100",
            ),
            Step("Is it ready, and which part is not", "curl -s $PUBLIC_URL/health/ready"),
            Step(
                "Was something deployed just before? Then go back to the release before, at once",
                "hotel-booking migrate --check",
                in_cluster=f"kubectl rollout history deployment/hotel-booking -n {NAMESPACE}",
            ),
            _ours("Does what is sold still add up", "hotel-booking invariants check"),
            Step(
                "If it comes from load, add processes: raise HOTEL_WORKERS and restart the web servers,"
                " or in the cluster",
                in_cluster=f"kubectl scale -n {NAMESPACE} --replicas=10 deployment/$(kubectl get service"
                f" hotel-booking-active -n {NAMESPACE} -o jsonpath='{{.spec.selector.workload}}')",
            ),
        ),
    ),
    Checklist(
        "database-issues",
        "Database issues",
        (
            _psql("How many connections are taken", CONNECTIONS),
            _psql("What has been running for more than five minutes", LONG_QUERIES),
            _psql(
                "End it",
                END_LONG_QUERIES,
                caution="Ends reports, exports and backups by pg_dump too. Look at the list above first.",
            ),
            _ours("Has the schema what this release needs", "hotel-booking migrate --check"),
        ),
    ),
    Checklist(
        "redis-issues",
        "Redis issues",
        (
            Step(
                "How much memory it uses",
                "redis-cli -u $REDIS_URL INFO memory",
                in_cluster=f"{_EXEC} redis-cli -h $REDIS_HOST INFO memory",
            ),
            Step(
                "Is it ready without Redis? It should be, and say that it is degraded",
                "curl -s $PUBLIC_URL/health/ready",
            ),
            _ours(
                "Remove what the platform keeps there",
                "hotel-booking cache clear",
                caution="Callers who were over their limits may go on at once. Nothing else is lost.",
            ),
        ),
    ),
    Checklist(
        "jobs-wait",
        "Jobs wait",
        (
            Step(
                "Does a worker run, and what did it say last",
                "journalctl -u hotel-booking-worker --lines 50 --output cat",
                in_cluster=f"kubectl logs -n {NAMESPACE} -l app=hotel-booking-worker --tail=50",
            ),
            _psql(
                "Which workers report: each has a line for every lane, and is gone if silent for a minute",
                WORKERS,
            ),
            _psql("What waits, what runs, what has failed, since when", WAITING_JOBS),
            Step(
                "Start it anew: it finishes what it runs, and what it cannot finish is done again",
                "systemctl restart hotel-booking-worker",
                in_cluster=f"kubectl rollout restart deployment/hotel-booking-worker -n {NAMESPACE}",
            ),
        ),
    ),
    Checklist(
        "payments-fail",
        "Payments fail",
        (
            Step("Does the payment gateway answer us", "curl -s $PUBLIC_URL/status/parts/payments"),
            Step("How attempts end, and since when: /admin/monitoring/business; which ones: /admin/payments"),
            _ours(
                "Is anything paid that is not booked, or the other way round",
                "hotel-booking invariants check",
            ),
        ),
    ),
    Checklist(
        "full-disk",
        "Full disk",
        (
            Step(
                "Which disk is full; in the cluster: which pods were evicted for it",
                "df -h",
                in_cluster=f"kubectl get events -n {NAMESPACE} --sort-by='.lastTimestamp'",
            ),
            _psql("Is WAL kept since the archive takes none", ARCHIVED),
            _psql("Is WAL kept for a replica or a receiver that does not fetch it", SLOTS),
            _ours("What in the database is large", "hotel-booking ops database report"),
        ),
    ),
    Checklist(
        "certificates",
        "Certificates",
        (
            Step(
                "Which certificate do guests get, and until when is it good",
                "curl -kvso /dev/null $PUBLIC_URL/health/live 2>&1 | grep -E 'subject:|issuer:|expire date:'",
            ),
        ),
    ),
)
_BY_ANCHOR = {checklist.anchor: checklist for checklist in CHECKLISTS}
# Which checklist comes first for which alerts and incidents, by a part of their names and titles.
_FITS = {
    "database-issues": ("Database", "Pool", "Invariant"),
    "redis-issues": ("Redis",),
    "jobs-wait": ("Queue", "Job", "Mail"),
    "payments-fail": ("Pay", "BookingSuccess"),
    "full-disk": ("Disk",),
    "certificates": ("Certificate",),
}


def for_incident(incident: Incident, alerts: list[Alert]) -> tuple[Checklist, ...]:
    """All of them, what its alerts are about first: by the heading that their runbook link names, else by
    their names."""
    wanted, title = list[str](), incident.title.casefold()
    for alert in alerts:
        linked = alert.runbook_url.rpartition("#")[2]
        if linked in _BY_ANCHOR:
            wanted.append(linked)
        wanted += [anchor for anchor, parts in _FITS.items() if any(part in alert.name for part in parts)]
    for anchor, parts in _FITS.items():
        if any(part.casefold() in title for part in parts):
            wanted.append(anchor)
    return tuple(sorted(CHECKLISTS, key=lambda one: one.anchor not in wanted))


def command_of(step: Step, settings: Settings, values: Mapping[str, str]) -> str:
    """What is to be typed where the platform runs: see `filled`."""
    if settings.kubernetes_namespace and step.in_cluster:
        return filled(step.in_cluster.replace(NAMESPACE, settings.kubernetes_namespace), values)
    return filled(step.command, values)


def filled(command: str, values: Mapping[str, str]) -> str:
    """The command with the values in the places of `$NAMES`, each as the shell takes it as one word; a name
    of which no value is known stays."""
    for name in sorted(values, key=len, reverse=True):
        quoted = values[name] if f'"${name}"' in command else shlex.quote(values[name])
        command = command.replace(f"${name}", quoted)
    return command


def values_of(settings: Settings, incident: Incident) -> dict[str, str]:
    """What stands for the `$NAMES`, without any password."""
    database, cache = split(settings.database_url), urlsplit(settings.redis_url or "")
    asked = parse_qs(database.query)
    hosts = ",".join(urlsplit(url).hostname or "" for url in each_host(settings.database_url)).strip(",")
    found = {
        "DB_HOST": hosts or next(iter(asked.get("host", ())), ""),
        "DB_USER": unquote(database.username or "") or next(iter(asked.get("user", ())), ""),
        "DB_NAME": unquote(database.path.removeprefix("/")),
        "REDIS_URL": f"{cache.scheme}://{cache.netloc.rpartition('@')[2]}{cache.path}"
        if cache.netloc
        else "",
        "REDIS_HOST": cache.hostname or "",
        "PUBLIC_URL": settings.public_url,
        # As journalctl reads it: when it began, so that the log before is not in the way.
        "STARTED": f"{incident.started_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    return {name: value for name, value in found.items() if value}
