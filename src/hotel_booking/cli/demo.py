"""hotel-booking demo: the whole platform on one port, with a database of its own and data to look at."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hotel_booking.cli.database import DEMO_DATABASE, default_data_dir
from hotel_booking.core.setting import ConfigError

app = typer.Typer()


class Scale(StrEnum):
    """How much there is to look at."""

    DEFAULT = "default"
    LARGE = "large"


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of everything.")] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the data is kept.", envvar="HOTEL_DATA_DIR")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed makes the same demo data.")] = 1,
    scale: Annotated[
        Scale,
        typer.Option(
            help="How much data a first start makes: 52 hotels in seconds, or 200 with 2 million bookings in"
            " minutes. A folder that has data keeps its own."
        ),
    ] = Scale.DEFAULT,
    monitoring: Annotated[
        bool,
        typer.Option(
            "--monitoring",
            help="Also start Prometheus, Alertmanager and the exporters, as far as they are installed.",
        ),
    ] = False,
) -> None:
    """Start everything with demo data and say what to open. Ctrl-C stops all of it; the data stays."""
    from hotel_booking.core.unsafe_settings import is_address
    from hotel_booking.demo.running import run

    if not is_address(host):
        raise ConfigError([f"--host {host} is not an IP address: 127.0.0.1 is for this machine alone"])
    folder = (data_dir or _data_dir_for(scale)).absolute()
    run(
        folder,
        database=DEMO_DATABASE,
        host=host,
        port=port,
        seed=seed,
        large=scale is Scale.LARGE,
        monitored=monitoring,
    )


def _data_dir_for(scale: Scale) -> Path:
    """Each scale has its own folder, so that trying the large one leaves the everyday one as it is."""
    folder = default_data_dir()
    return folder if scale is Scale.DEFAULT else folder.with_name(f"{folder.name}-{scale.value}")
