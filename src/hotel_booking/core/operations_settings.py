"""Settings of running the platform: logs, metrics, and what is kept while a part of it is down."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hotel_booking.core.setting import described


class OperationsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A part of `Settings`."""

    worker_metrics_port: Annotated[
        int,
        described(
            "the port of the worker's metrics for Prometheus, on `HOTEL_HOST`, without a token: keep it "
            "internal; 0 turns it off",
            ge=0,
            le=65_535,
        ),
    ] = 0
    metrics_token: (
        Annotated[
            str,
            described(
                "the token Prometheus sends as `Authorization: Bearer` to read `/metrics`; without one "
                "nobody can read it in production",
                refused="one that can be guessed",
            ),
        ]
        | None
    ) = None
    spool_dir: Annotated[
        str, described("where records are kept while the database is down", takes="a folder")
    ] = "/var/lib/hotel-booking/spool"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        described("how detailed the log is", refused="`debug`"),
    ] = "info"
