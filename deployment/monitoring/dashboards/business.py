"""The business: bookings, payments, and the way from a search to a stay."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import SECONDS, H, Panel

BOOKED = f"{H}_bookings_total"
PAID = (
    f'sum(increase({BOOKED}{{outcome="confirmed"}}[1h]))'
    f' / (sum(increase({BOOKED}{{outcome="held"}}[1h])) > 0)'
)


def per_hour(by: str, metric: str, where: str = "") -> str:
    """How many in the last hour, by a label."""
    return f"sum by ({by}) (increase({metric}{{{where}}}[1h]))"


BUSINESS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel(
            "Confirmed, 1 hour",
            units.Short,
            (("", f'sum(increase({BOOKED}{{outcome="confirmed"}}[1h]))'),),
            number=True,
            wide=6,
        ),
        Panel(
            "Booking success, 15 minutes",
            units.PercentUnit,
            (("", f"{H}:booking_success:ratio_increase15m"),),
            floor=0.95,
            number=True,
            wide=6,
            says="Of payments, without those that the guest's bank declined.",
        ),
        Panel(
            "Sold out, 1 hour",
            units.Short,
            (("", f'sum(increase({BOOKED}{{outcome="sold_out"}}[1h]))'),),
            number=True,
            wide=6,
            says="Guests who came too late for the last room.",
        ),
        Panel(
            "Holds lapsed, 1 hour",
            units.Short,
            (("", f'sum(increase({BOOKED}{{outcome="expired"}}[1h]))'),),
            number=True,
            wide=6,
        ),
    ),
    "Bookings": (
        Panel(
            "Bookings by outcome, per hour",
            units.Short,
            (("{{outcome}}", per_hour("outcome", BOOKED)),),
            wide=12,
        ),
        Panel(
            "Confirmed by where, per hour",
            units.Short,
            (("{{surface}}", per_hour("surface", BOOKED, 'outcome="confirmed"')),),
            wide=12,
        ),
        Panel(
            "Payments by outcome, per hour",
            units.Short,
            (("{{outcome}}", per_hour("outcome", f"{H}_payment_attempts_total")),),
            wide=12,
        ),
        Panel(
            "Booking success",
            units.PercentUnit,
            (("success", f"{H}:booking_success:ratio_increase15m"),),
            floor=0.95,
            wide=12,
        ),
    ),
    "From a search to a stay": (
        Panel(
            "Steps, per hour",
            units.Short,
            (
                ("searches", f'sum(increase({SECONDS}_count{{route=~".+/search"}}[1h]))'),
                (
                    "hotels looked at",
                    f'sum(increase({SECONDS}_count{{method="GET",route=~".+/(hotels|properties)/[^/]+(/offers)?"}}[1h]))',
                ),
                ("held", f'sum(increase({BOOKED}{{outcome="held"}}[1h]))'),
                ("confirmed", f'sum(increase({BOOKED}{{outcome="confirmed"}}[1h]))'),
            ),
            wide=12,
        ),
        Panel(
            "Holds that are paid",
            units.PercentUnit,
            (
                (
                    "share",
                    PAID,
                ),
            ),
            wide=12,
        ),
        Panel(
            "Searches by surface",
            units.RequestsPerSecond,
            (("{{route}}", f'sum by (route) (rate({SECONDS}_count{{route=~".+/search"}}[2m]))'),),
            wide=12,
        ),
        Panel(
            "Hotels on sale",
            units.Short,
            (("hotels", f'max({H}_search_index_entries{{of="properties"}})'),),
            number=True,
            wide=12,
        ),
    ),
}
