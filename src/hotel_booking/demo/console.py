"""What the demo says in the terminal: the steps of a start while they last, and then what to open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from hotel_booking.demo.keys import read_credentials, refused
from hotel_booking.ops.monitoring import ALERTMANAGER, PROMETHEUS, Monitoring

console = Console(highlight=False)
_ANOTHER_KEY = "hotel-booking api-key create --name demo --scope all"


def bars() -> Progress:
    """The bar of the step that runs; gone when it is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def step(progress: Progress, what: str, total: float | None = None) -> Iterator[TaskID]:
    """Shown while it lasts; where nobody watches a terminal, said once as a plain line."""
    if not console.is_terminal:
        console.print(f"{what} ...")
    task = progress.add_task(what, total=total)
    try:
        yield task
    finally:
        progress.remove_task(task)


def welcome(
    port: int,
    scraped: tuple[int, int],
    folder: Path,
    seconds: float,
    *,
    first: bool,
    looks: Monitoring | None = None,
) -> None:
    """Say what runs where, and what opens it. `scraped` are the ports of the metrics, the web server's and
    the worker's; `seconds`: how long the start took; `looks`: what else was started to look at it."""
    base = f"http://localhost:{port}"
    opens = read_credentials(folder)
    key = f"[cyan]{opens.api_key}[/]" if opens else f"its file is gone: `{_ANOTHER_KEY}`"
    if opens and refused(opens.api_key, port):
        key = f"was revoked or rotated: `{_ANOTHER_KEY}`"
    door = "an account that `hotel-booking staff create-owner` makes"
    if opens and opens.email:
        door = f"[cyan]{opens.email}[/]  password [cyan]{opens.password}[/]"
    lines = [
        f"[bold]Hotel Booking Platform[/] is running on [bold cyan]{base}[/]",
        "",
        f"  Guests' site   {base}",
        f"  Panel          {base}/admin",
        f"  Sign in as     {door}",
        f"  Sent mail      {base}/demo/mail",
        f"  API reference  {base}/api/docs",
        f"  OpenAPI 3.1    {base}/api/v1/openapi.json",
        f"  Status page    {base}/status",
        f"  Health         {base}/health/ready",
        f"  Metrics        http://127.0.0.1:{scraped[0]}/metrics, the worker's :{scraped[1]}/metrics",
        *_monitoring(base, looks),
        "",
        f"  Demo API key   {key}",
        "  Test cards     tok_success  tok_decline  tok_challenge  tok_timeout",
        "  A first look   " + f'curl "{base}/api/v1/places?q=lis"',
        "",
        f"[dim]  Data in {folder}[/]",
        f"[dim]  The {'first ' if first else ''}start took {seconds:.1f} s. Ctrl-C stops everything.[/]",
    ]
    # No frame: a narrow terminal, or a file, would cut it, and what it cuts is the key.
    console.rule(style="cyan")
    console.print("\n".join(lines), soft_wrap=True)
    console.rule(style="cyan")


def _monitoring(base: str, looks: Monitoring | None) -> list[str]:
    if looks is None:
        return []
    lines = [f"  Dashboards     {base}/admin/monitoring/app"] if PROMETHEUS in looks.ports else []
    for title, program in (("Prometheus   ", PROMETHEUS), ("Alertmanager ", ALERTMANAGER)):
        if url := looks.url(program):
            lines.append(f"  {title}  {url}")
    if looks.missing:
        lines.append(f"  Not installed  {', '.join(looks.missing)}; this line helps:")
        lines.append(f"                 sudo apt-get install -y {' '.join(looks.missing)}")
    return lines
