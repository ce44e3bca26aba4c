"""hotel-booking ops canary hooks, ops monitor-canary: a release that is tried on some of the guests first."""

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
    from hotel_booking.ops.kubernetes import Api
    from hotel_booking.ops.operation import tell_audit_log

    configure("INFO", human=False)
    api = Api.in_pod(os.environ)
    record = Record(os.environ, utc_now, lambda: tell_audit_log(os.environ))
    tried = f"http://hotel-booking-active-canary.{api.namespace}.svc"
    serve(Hooks(InCluster(api), record, tried=tried, clock=utc_now), port=port)


def monitor(
    duration: Annotated[int, typer.Option(help="For how many seconds at most.", min=1, max=86_400)] = 300,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where.")] = "hotel-booking-production",
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.5, max=60)] = 5,
    prometheus: Annotated[
        str,
        typer.Option(envvar="HOTEL_PROMETHEUS_URL", help="Where Prometheus answers; else through kubectl."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each look.")] = False,
) -> None:
    """Show how a release under trial goes: phase, share, failed looks and figures, live on a terminal. Exit
    code 0: it was promoted; 1: it was called back, or could not be looked at; 2: the time is over and it
    still goes on, or waits for a person. (Wrong use is 2 too, says so on standard error alone, and shows no
    look.) Looks only: nothing is changed."""
    from hotel_booking.cli.canary_screen import Screen
    from hotel_booking.ops.canary.figures import Figures
    from hotel_booking.ops.canary.watch import EXIT_CODES, Watch
    from hotel_booking.ops.kubectl import Kubectl

    kubectl = Kubectl(namespace, environ=os.environ)
    looks = Watch(kubectl, Figures(kubectl, prometheus=prometheus), every=every).looks(duration)
    with Screen(namespace, duration, as_json=as_json) as screen:
        for look in looks:
            screen.show(look)
            if look.end is not None:
                raise typer.Exit(EXIT_CODES[look.end])
