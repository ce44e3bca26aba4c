"""The report for a person at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hotel_booking.core.code_names import called
from hotel_booking.core.counting import count
from hotel_booking.core.formats import english
from hotel_booking.replay.report import Report

_REASONS = {
    "no_nights": "no nights",
    "no_guests": "no guests",
    "price_not_positive": "price not above 0",
    "too_many_nights": "more than 366 nights",
    "sold_out": "sold out",
}


def show(console: Console, report: Report) -> None:
    """Print the report."""
    console.print(_figures(report))
    console.print(_months(report))
    console.print(_rooms(report))
    for code, dates in report.odd_dates.items():
        more = ", …" if dates.count > len(dates.lines) else ""
        lines = ", ".join(map(str, dates.lines))
        console.print(
            f"[dim]odd dates:[/] {dates.count:,} {called(code, 'odd date')} [dim](lines {lines}{more})[/]"
        )
    if report.stopped_after or report.events_done < report.events:
        still = count(report.open, "booking is", "bookings are")
        console.print(
            f"[yellow]Stopped[/] after {report.stopped_after or 'nothing'}: {report.events_done:,} of"
            f" {count(report.events, 'event')}; {still} still open."
        )
    console.print(
        f"{count(report.rows, 'row')}, {count(report.events_done, 'event')} in {report.seconds:.1f} s;"
        f" at most {report.peak_memory_mb} MB of memory (the database's own not counted)"
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left")
    return table


def _figures(report: Report) -> Table:
    table = _table(f"Replay of {escape(report.file)}", "", "")
    table.show_header = False
    table.add_row("accepted", f"{report.accepted:,}")
    for code, number in report.refused.items():
        table.add_row(f"refused: {_REASONS.get(code, code)}", f"{number:,}")
    table.add_row("cancelled", f"{report.cancelled:,}")
    table.add_row("no-shows", f"{report.no_shows:,}")
    table.add_row("stays", f"{report.stays:,}")
    color = "red" if report.oversold_nights else "green"
    table.add_row("oversold nights", f"[{color}]{report.oversold_nights:,}[/]")
    table.add_row("room-nights", f"{report.room_nights:,}")
    table.add_row("nights slept", f"{report.nights_slept:,}")
    table.add_row("revenue", english(report.revenue, report.currency))
    return table


def _months(report: Report) -> Table:
    table = _table("By month", "month", "rooms", "slept", "occupancy", "revenue", "ADR", "RevPAR")
    for month in report.months:
        table.add_row(
            month.month,
            f"{month.rooms_available:,}",
            f"{month.nights_slept:,}",
            f"{float(month.occupancy):.1%}",
            english(month.revenue, report.currency),
            month.adr or "-",
            month.revpar,
        )
    return table


def _rooms(report: Report) -> Table:
    table = _table("Rooms", "room type", "needed", "there")
    hotels = {room.hotel for room in report.capacity}
    for room in report.capacity:
        name = room.room_type if len(hotels) == 1 else f"{room.hotel}, {room.room_type}"
        table.add_row(escape(name), f"{room.needed:,}", f"{room.rooms:,}")
    table.add_section()
    table.add_row(
        "all", f"{sum(r.needed for r in report.capacity):,}", f"{sum(r.rooms for r in report.capacity):,}"
    )
    return table
