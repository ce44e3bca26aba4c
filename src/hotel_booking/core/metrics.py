"""Every metric there is, declared here alone; docs/METRICS.md is made of it (`make docs`).

Names start with `hotel_booking_`, durations are in seconds, counters end in `_total` when they are scraped.
A label takes few values that we choose: never an address, a reference or anything else that a guest typed.
With several worker processes the client library reads `PROMETHEUS_MULTIPROC_DIR` when this is imported.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from prometheus_client import Counter, Gauge, Histogram

# The values of a label, all of them (a counter then starts at zero for each), or in words what they are.
Values = tuple[str, ...] | str
# What several processes tell together; of those that are gone nothing.
Together = Literal["livesum", "livemax"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric as it is scraped, for the page of them all."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: dict[str, Values]
    does: str


DECLARED: list[Declared] = []


class Durations(Histogram):
    """A histogram that also takes many at once, which costs hardly more than one."""

    def observe_all(self, seconds: Sequence[float]) -> None:
        """What `observe` does with each."""
        self._sum.inc(sum(seconds))
        fits: dict[int, int] = {}
        for bound in seconds:
            bucket = bisect_left(self._upper_bounds, bound)  # the first whose bound is not below it
            fits[bucket] = fits.get(bucket, 0) + 1
        for bucket, times in fits.items():
            self._buckets[bucket].inc(times)


# What requests have measured and counted. It is told after them, of many at once: `settle`.
MEASURED: deque[tuple[Durations, float]] = deque()
COUNTED: deque[Counter] = deque()


def settle() -> None:
    """Tell what was measured and counted and is not told yet. Any thread may."""
    durations: dict[Durations, list[float]] = {}
    counts: dict[Counter, int] = {}
    while MEASURED:
        histogram, seconds = MEASURED.popleft()
        durations.setdefault(histogram, []).append(seconds)
    while COUNTED:
        counter = COUNTED.popleft()
        counts[counter] = counts.get(counter, 0) + 1
    for histogram, each in durations.items():
        histogram.observe_all(each)
    for counter, times in counts.items():
        counter.inc(times)


def _counter(name: str, does: str, **labels: Values) -> Counter:
    DECLARED.append(Declared(f"{name}_total", "counter", labels, does))
    counter = Counter(name, does, list(labels))
    lists = [values for values in labels.values() if isinstance(values, tuple)]
    if labels and len(lists) == len(labels):
        for each in product(*lists):
            counter.labels(*each)  # a rate() needs the zero before the first one
    return counter


def _gauge(name: str, does: str, together: Together, **labels: Values) -> Gauge:
    DECLARED.append(Declared(name, "gauge", labels, does))
    return Gauge(name, does, list(labels), multiprocess_mode=together)


def _histogram(name: str, does: str, buckets: tuple[float, ...], **labels: Values) -> Durations:
    DECLARED.append(Declared(name, "histogram", labels, does))
    return Durations(name, does, list(labels), buckets=buckets)


Surface = Literal["site", "api", "panel"]
SURFACES: tuple[Surface, ...] = ("site", "api", "panel")
Cache = Literal["pages", "hotel_pages", "hotels", "listed_hotels", "currencies", "places", "destinations"]
CACHES: tuple[Cache, ...] = get_args(Cache)

_METHOD = "the method in capitals, `other` for those that HTTP does not have"
_ROUTE = "the route's template, `none` where no route fits"

REQUESTS = _counter(
    "hotel_booking_http_requests",
    "Requests answered.",
    method=_METHOD,
    route=_ROUTE,
    status="`2xx` and the like; a client that went away before its answer is a `4xx`, and so is a form that"
    " was refused, whose sender is sent back to its page; what was refused because the platform is closed for"
    " maintenance is `closed`, and no failure",
)
REQUEST_DURATION = _histogram(
    "hotel_booking_http_request_duration_seconds",
    "Time from the request's arrival to the end of its answer.",
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    method=_METHOD,
    route=_ROUTE,
)
IN_FLIGHT = _gauge(
    "hotel_booking_http_requests_in_flight", "Requests being answered, looked at each second.", "livesum"
)

BUILD = _gauge(
    "hotel_booking_build_info",
    "Always 1; its labels say which release runs.",
    "livemax",
    version="the release's version",
    schema="the schema that it was made for",
)

POOL_SIZE = _gauge(
    "hotel_booking_database_pool_size", "The most connections to the database that are used.", "livesum"
)
POOL_CONNECTIONS = _gauge(
    "hotel_booking_database_pool_connections",
    "Connections to the database that are open, looked at each second.",
    "livesum",
    state=("in_use", "idle"),
)
POOL_WAITING = _gauge(
    "hotel_booking_database_pool_waiting",
    "Requests and jobs that wait for a connection, looked at each second.",
    "livesum",
)
QUERY_DURATION = _histogram(
    "hotel_booking_database_query_duration_seconds",
    "Time of a statement on its connection, there and back; without the wait for a connection.",
    (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
CACHE_REQUESTS = _counter(
    "hotel_booking_cache_requests",
    "What was looked for in the memory of a process, by whether it was there.",
    cache=CACHES,
    outcome=("hit", "miss"),
)

BOOKINGS = _counter(
    "hotel_booking_bookings",
    "Bookings by what became of them, and by where that happened; how payments end, and holds that nobody"
    " pays for, count for where the hold was made. The worker tells what expired.",
    surface=SURFACES,
    outcome=("held", "sold_out", "confirmed", "declined", "cancelled", "expired"),
)
PAYMENT_ATTEMPTS = _counter(
    "hotel_booking_payment_attempts",
    "Payments for bookings by how they ended.",
    outcome=("confirmed", "declined", "failed", "too_late"),
)

SEARCH_DURATION = _histogram(
    "hotel_booking_search_duration_seconds",
    "Time to find one page of hotels that sell a stay, by what answered: `sql` where it did a part.",
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    path=("index", "sql"),
)
INDEX_BEHIND = _gauge(
    "hotel_booking_search_index_seconds_behind",
    "Since when the search index was last in step with the database; -1 without one.",
    "livemax",
)
REPLICA_READS = _counter(
    "hotel_booking_replica_reads",
    "Reads that a replica may answer, by who answered: where one is named, many by the primary mean that the"
    " replica is away or behind.",
    by=("replica", "primary"),
)
INDEX_CHANGES = _counter("hotel_booking_search_index_changes", "Changes that the search index has followed.")
INDEX_FAILURES = _counter(
    "hotel_booking_search_index_failures", "Searches that SQL answered because the index made a mistake."
)
INDEX_HOLDS = _gauge(
    "hotel_booking_search_index_entries",
    "What the search index has columns for.",
    "livemax",
    of=("properties", "room_types", "nights"),
)
INDEX_BYTES = _gauge(
    "hotel_booking_search_index_bytes", "What its file takes, all processes share it.", "livemax"
)
INDEX_GENERATION = _gauge(
    "hotel_booking_search_index_generation", "Which file of the search index counts.", "livemax"
)
INDEX_PROCESSES = _gauge(
    "hotel_booking_search_index_processes",
    "Processes by what they do with the search index.",
    "livesum",
    state="what a process does with the index",
)

BREAKER_STATE = _gauge(
    "hotel_booking_breaker_state",
    "Whether a third party is asked: 0 yes, 1 one caller tries, 2 no.",
    "livemax",
    party="the third party",
)
BREAKER_OPENINGS = _counter(
    "hotel_booking_breaker_openings", "How often a third party was given up.", party="the third party"
)
SWEEP_FAILURES = _counter(
    "hotel_booking_sweep_failures", "Items that a sweep could not see to.", sweep="the sweep's name"
)

JOBS = _gauge(
    "hotel_booking_jobs",
    "Jobs by what they wait for; the worker tells it every 15 seconds.",
    "livemax",
    queue="the queue's name",
    state=("later", "due", "running", "failed"),
)
JOBS_OLDEST = _gauge(
    "hotel_booking_jobs_oldest_due_seconds",
    "For how long the job has been due that waits the longest; 0 where none is due.",
    "livemax",
    queue="the queue's name",
)
JOB_RUNS = _counter(
    "hotel_booking_job_runs",
    "Runs of jobs by how they ended; one that failed may be tried again.",
    queue="the queue's name",
    outcome=("done", "failed"),
)
JOB_DURATION = _histogram(
    "hotel_booking_job_duration_seconds",
    "How long a run of a job took.",
    (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300),
    queue="the queue's name",
)
MAIL_DEAD = _gauge(
    "hotel_booking_mail_dead_letters",
    "Messages of the last 24 hours that were given up, or of which nobody knows whether they went out, and"
    " that nobody has sent again.",
    "livemax",
)
INVARIANT_DIFFERENCES = _gauge(
    "hotel_booking_invariant_differences",
    "Differences that the last check of the invariants found; 0 is as it must be.",
    "livemax",
    check="the invariant's name",
)
INVARIANTS_CHECKED = _gauge(
    "hotel_booking_invariants_checked_timestamp_seconds",
    "When the invariants were last checked to the end, in seconds since 1970; 0: never.",
    "livemax",
)

BACKUP_TAKEN = _gauge(
    "hotel_booking_backup_timestamp_seconds",
    "When the last whole backup was begun, in seconds since 1970; 0: never. Of the configuration: when it was"
    " last seen to be as in its newest backup.",
    "livemax",
    of=("database", "state", "configuration"),
)
ARCHIVE_LAG = _gauge(
    "hotel_booking_archive_lag_seconds",
    "By how much the archive of the write-ahead log is later than `archive_timeout`; -1 where there is none.",
    "livemax",
)
DRILL_DONE = _gauge(
    "hotel_booking_drill_timestamp_seconds",
    "When the last drill of a restore was begun, in seconds since 1970; 0: never.",
    "livemax",
)
DRILL_FIGURES = _gauge(
    "hotel_booking_drill",
    "What the last drill came to: whether it succeeded (1, 0), acknowledged bookings that were lost, the"
    " seconds before the end that were lost, the seconds until bookings worked again. -1: not known.",
    "livemax",
    figure=("succeeded", "lost_bookings", "rpo_seconds", "rto_seconds"),
)
ACCESS_GRANTS = _gauge(
    "hotel_booking_access_grants",
    "People who have access to production for some hours: on the list, or with a login of the database.",
    "livemax",
)
ACCESS_EXPIRED = _gauge(
    "hotel_booking_access_grants_expired",
    "Those of them that have ended and were not taken away.",
    "livemax",
)
ACCESS_REAPED = _gauge(
    "hotel_booking_access_reaped_timestamp_seconds",
    "When the reaper last took back all that had ended, in seconds since 1970; 0: never.",
    "livemax",
)
