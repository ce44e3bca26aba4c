"""hotel-booking ops canary hooks | watch: a release that is tried on some of the guests first."""

from __future__ import annotations

import os
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="A release that is tried on some of the guests first.")


@app.callback()
def _verbs() -> None:
    """A release that is tried on some of the guests first: deployment/kubernetes/canary-deployment.yaml."""


@app.command()
def hooks(
    port: Annotated[int, typer.Option(help="Where Flagger asks.", min=1, max=65535)] = 8090,
) -> None:
    """Answer what Flagger asks, until told to stop: the smoke test, whether a person has promoted it or
    called it back, and the audit log. Runs in the cluster (deployment/kubernetes/base/release.yaml)."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.logging import configure
    from hotel_booking.ops.canary.hooks import Hooks, serve
    from hotel_booking.ops.canary.in_cluster import InCluster
    from hotel_booking.ops.canary.record import Record
    from hotel_booking.ops.operation import tell_audit_log

    configure("INFO", human=False)
    api = InCluster(os.environ)
    record = Record(os.environ, utc_now, lambda: tell_audit_log(os.environ))
    tried = f"http://hotel-booking-active-canary.{api.namespace}.svc"
    serve(Hooks(api, record, tried=tried, clock=utc_now), port=port)
