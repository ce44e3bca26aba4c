"""docs/METRICS.md, made from the declarations of the metrics (`make docs`)."""

from __future__ import annotations

import sys
from pathlib import Path

from hotel_booking.core.metrics import DECLARED, Declared, Values

_BEFORE = """\
# Metrics

What the web processes tell, all of them together, on `HOTEL_METRICS_PORT`, and the worker on `HOTEL_WORKER_METRICS_PORT`, at `/metrics`, without a token: both listen on `HOTEL_METRICS_HOST`, an address inside ([settings](CONFIGURATION.md)). On the public port there are no metrics. This page is made of `core/metrics.py` by `make docs`. A label's values are few and ours: no address, no reference, nothing that a guest typed.

Booking success = confirmed / (confirmed + failed + too_late) of `hotel_booking_payment_attempts_total`: what the guest's bank declines says nothing about us and is counted apart.

A rate of mistakes leaves out what nobody asks for as a guest: `route!~"/health.*"`.

| metric | kind | labels | what it tells |
|---|---|---|---|
"""  # noqa: E501  # paragraphs of a page


def page() -> str:
    """The whole page."""
    return _BEFORE + "".join(f"{_row(metric)}\n" for metric in DECLARED)


def _row(metric: Declared) -> str:
    labels = "; ".join(f"`{label}`: {_shown(values)}" for label, values in metric.labels.items()) or "none"
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.does} |"


def _shown(values: Values) -> str:
    return values if isinstance(values, str) else ", ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
