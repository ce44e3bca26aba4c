"""Settings of running the platform: logs, metrics, and what is kept while a part of it is down."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hotel_booking.core.setting import described

Mode = Literal["normal", "maintenance"]


class OperationsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A part of `Settings`."""

    mode: Annotated[
        Literal["normal", "maintenance"],
        described(
            "what `/health/ready` tells beside its state, which stays 200 in maintenance; while a window of "
            "maintenance lasts, `maintenance` in any case"
        ),
    ] = "normal"
    metrics_port: Annotated[
        int,
        described(
            "the port of the web processes' metrics for Prometheus, all of them together; 0 turns it off",
            ge=0,
            le=65_535,
        ),
    ] = 0
    worker_metrics_port: Annotated[
        int,
        described("the port of the worker's metrics for Prometheus; 0 turns it off", ge=0, le=65_535),
    ] = 0
    metrics_host: Annotated[
        str,
        described(
            "where both listen, without a token: an address inside, which no gateway leads to",
            takes="an address",
        ),
    ] = "127.0.0.1"
    traces_url: (
        Annotated[
            str,
            described(
                "where traces are sent by OTLP over HTTP, such as `http://collector:4318/v1/traces`; without "
                "one none are made ([0060](decisions/0060-signals.md))",
                takes="an address",
                pattern=r"\Ahttps?://[^\s/]+(?:/\S*)?\Z",
                must_be="an address such as http://collector:4318/v1/traces",
            ),
        ]
        | None
    ) = None
    traces_percent: Annotated[
        int, described("how many of a hundred traces are sent; the same for all processes", ge=1, le=100)
    ] = 100
    prometheus_url: Annotated[
        str,
        described(
            "the Prometheus whose figures the panel draws under Monitoring; empty for none",
            takes="an address",
            pattern=r"\A(?:|https?://[^\s/]+(?:/\S*)?)\Z",
            must_be="an address such as http://prometheus:9090, or empty",
        ),
    ] = ""
    kubernetes_namespace: Annotated[
        str,
        described(
            "the namespace that the platform runs in, as each pod is told; incidents' checklists then have "
            "`kubectl`'s lines. Empty: not in a cluster",
            pattern=r"\A(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)?\Z",
            must_be="the name of a namespace, or empty",
        ),
    ] = ""
    alertmanager_token: (
        Annotated[
            str,
            described(
                "the token Alertmanager sends as `Authorization: Bearer` to `/webhooks/alertmanager`; "
                "without one no alert becomes an incident ([0057](decisions/0057-incidents.md))",
                refused="one that can be guessed",
            ),
        ]
        | None
    ) = None
    pagerduty_key: (
        Annotated[
            str,
            described(
                "the integration key (Events API v2) of PagerDuty's service, by which incidents page; "
                "without one they page nobody"
            ),
        ]
        | None
    ) = None
    pagerduty_secondary_key: (
        Annotated[
            str,
            described(
                "the key of a service that wakes Secondary, when nobody has acknowledged in time; unset: the "
                "first one's escalation policy does that by itself"
            ),
        ]
        | None
    ) = None
    pagerduty_url: Annotated[
        str,
        described(
            "the address of PagerDuty's Events API",
            takes="an address",
            refused="not `https://`",
            pattern=r"\Ahttps?://[^\s/]+(?:/\S*)?\Z",
            must_be="an address that begins with https://",
        ),
    ] = "https://events.pagerduty.com"
    slack_token: (
        Annotated[
            str,
            described(
                "the token of Slack's app (scopes `chat:write`, `chat:write.public` and `channels:manage`); "
                "without one nothing is said in Slack"
            ),
        ]
        | None
    ) = None
    slack_url: Annotated[
        str,
        described(
            "the address of Slack's API",
            takes="an address",
            refused="not `https://`",
            pattern=r"\Ahttps?://[^\s/]+(?:/\S*)?\Z",
            must_be="an address that begins with https://",
        ),
    ] = "https://slack.com/api"
    status_host: (
        Annotated[
            str,
            described(
                "the host name that the status page has to itself, such as `status.hotelbooking.com`: there "
                "its addresses begin at `/`. It is at `/status` everywhere else",
                takes="a host name",
                pattern=r"\A[a-z0-9]+(?:[.-][a-z0-9]+)*\Z",
                must_be="a host name in lower case, such as status.hotelbooking.com",
            ),
        ]
        | None
    ) = None
    status_probe_seconds: Annotated[
        int,
        described(
            "how often `hotel-booking status probe` looks at the platform from outside, by "
            "`HOTEL_PUBLIC_URL` ([0056](decisions/0056-status-page.md))",
            ge=5,
            le=120,
        ),
    ] = 30
    spool_dir: Annotated[
        str, described("where records are kept while the database is down", takes="a folder")
    ] = "/var/lib/hotel-booking/spool"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        described("how detailed the log is", refused="`debug`"),
    ] = "info"
