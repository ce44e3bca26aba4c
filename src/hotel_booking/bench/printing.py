"""The table at the end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from hotel_booking.bench.figures import Figure, Report, Spread


def show(console: Console, report: Report) -> None:
    """Print what was found, part by part."""
    machine = report.machine
    table = Table(title="hotel-booking bench", title_justify="left", header_style="bold", pad_edge=False)
    for name in (
        "what",
        "from",
        "per second",
        "of its limit",
        "by CPU",
        "goal",
        "p50 ms",
        "p99 ms",
        "µs server",
        "µs database",
    ):
        table.add_column(name, justify="left" if name in ("what", "from", "goal") else "right")
    part = None
    for figure in report.figures:
        if part != figure.part:
            table.add_section()
            table.add_row(f"[bold cyan]{figure.part}[/]")
            part = figure.part
        table.add_row(*_row(figure))
    console.print(table)
    for figure in report.figures:
        if figure.note:
            console.print(f"[dim]{figure.part}, {figure.name}:[/] {figure.note}")
    for name, why in report.skipped.items():
        console.print(f"[yellow]not measured:[/] {name}: {why}")
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb:g} GB, {machine.kernel}, Python"
        f" {machine.python}, PostgreSQL {machine.postgresql}, {machine.server}; load {machine.load:g} before;"
        f" {report.rounds} rounds, medians with lowest and highest; {report.seconds:.0f} s in all"
    )
    if not report.complete:
        console.print("[yellow]Stopped before the end: the rest was not measured.[/]")


def _row(figure: Figure) -> list[str]:
    wrong = f" [red]{figure.wrong} wrong[/]" if figure.wrong else ""
    mark = "" if figure.met is None else ("[green]met[/] " if figure.met else "[red]missed[/] ")
    amount = figure.rate or figure.value
    return [
        f"  {figure.name}{wrong}",
        figure.answers,
        _spread(amount) + (f" {figure.unit}" if figure.unit else ""),
        _spread(figure.ratio),
        _median(figure.cpu_ratio),
        f"{mark}{figure.goal or ''}",
        _median(figure.p50_ms),
        _median(figure.p99_ms),
        _median(figure.server_us),
        _median(figure.database_us),
    ]


def _spread(value: Spread | None) -> str:
    if value is None:
        return ""
    if value.low == value.high:
        return _number(value.median)
    return f"{_number(value.median)} [dim]({_number(value.low)} to {_number(value.high)})[/]"


def _median(value: Spread | None) -> str:
    return "" if value is None else _number(value.median)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
