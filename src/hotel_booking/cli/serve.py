"""hotel-booking serve"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from threading import Thread
from typing import Any

import typer

from hotel_booking.cli.database import check_reachable
from hotel_booking.cli.outside import kept_inside
from hotel_booking.core.config import Settings
from hotel_booking.core.environment import read_settings
from hotel_booking.core.logging import configure
from hotel_booking.core.metrics_listener import told_together
from hotel_booking.core.setting import ConfigError
from hotel_booking.ops.child_processes import check_free

app = typer.Typer()

_SERVED = "hotel_booking.cli.serve:application"
_LEFTOVER_SECONDS = 5  # processes of one that was killed are told to stop, and let go of the port
_LOOK_SECONDS = 0.5  # how often a process looks whether the one that started it is still there
_KILL_SECONDS = 15  # that requests have to end when the server stops


@app.command()
def serve() -> None:
    """Serve all surfaces. Everything is set by the environment: DB_HOST, DB_USER, DB_PASSWORD, DB_NAME (or
    DATABASE_URL), REDIS_HOST, and HOTEL_*; unsafe settings are refused."""
    settings = read_settings(os.environ)
    configure(settings.log_level, human=settings.environment == "demo")
    check_schema(settings)
    settings, _ = kept_inside(settings)
    # Two that listen on one port would each answer some of the requests: the web server allows that.
    at = f"{settings.host}:{settings.port}"
    wrong = f"cannot listen on {at} (HOTEL_HOST, HOTEL_PORT)"
    check_free((settings.host,), settings.port, _LEFTOVER_SECONDS, wrong, "set another, or stop what has it")
    with told_together(settings):
        if settings.server == "uvicorn":
            _uvicorn(settings)
        else:
            _granian(settings)


def check_schema(settings: Settings) -> None:
    """Raise `ConfigError` where the database cannot be reached, or this release does not run on its
    schema."""
    from hotel_booking import migrations

    check_reachable(settings.database_url)
    if wrong := migrations.unfit(settings.database_url):
        raise ConfigError(wrong)


def application() -> Any:
    """The application, in each process of the web server; it ends with the one that started it, which would
    else leave it behind at the port, for good, when it is killed."""
    from hotel_booking.app import create_app

    if (parent := multiprocessing.parent_process()) is not None and parent.pid is not None:
        Thread(target=_end_with, args=(parent.pid,), daemon=True).start()
    return create_app()


def _end_with(parent: int) -> None:
    """Stop this process once that one is gone. Looked at again and again: the kernel could send a signal at
    once (`PR_SET_PDEATHSIG`), but uvloop loses one that comes after granian's handlers are set and before it
    runs, which is when a server begins to listen."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_KILL_SECONDS)


def _granian(settings: Settings) -> None:
    from granian import Granian
    from granian.constants import Loops

    from hotel_booking.http.serving import granian_options

    Granian(
        _SERVED,
        factory=True,
        loop=Loops.uvloop,
        workers=settings.workers,
        respawn_failed_workers=True,
        workers_kill_timeout=_KILL_SECONDS,
        **granian_options(settings),
    ).serve()


def _uvicorn(settings: Settings) -> None:
    import uvicorn

    uvicorn.run(
        _SERVED,
        factory=True,
        loop="uvloop",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        proxy_headers=False,  # whom to believe is http/client_address.py's business
        server_header=False,
        access_log=False,
        log_config=None,
    )
