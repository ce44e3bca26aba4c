"""hotel-booking cache clear"""

from __future__ import annotations

import os
from itertools import islice

import typer

from hotel_booking.core.counting import count
from hotel_booking.ops.refusals import plainly

app = typer.Typer(no_args_is_help=True)
_OURS = "hotel-booking:*"
_BATCH = 500
_WITHIN = 5.0  # seconds, for each answer


@app.callback()
def _verbs() -> None:
    """What is kept in Redis. It may be lost at any time: nobody is logged out, no booking is touched."""


@app.command()
def clear() -> None:
    """Remove what this platform keeps in the Redis that the environment names, and nothing of anybody else's:
    keys that begin with `hotel-booking:`, batch by batch, so that Redis goes on serving meanwhile. Of a
    cluster, on every node."""
    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.redis_link import connected_now, failures
    from hotel_booking.core.setting import ConfigError
    from hotel_booking.core.setting_files import with_no_database

    environ = {"HOTEL_ENVIRONMENT": "demo", **with_no_database(os.environ)}
    url = read_settings(environ).redis_url
    if url is None:
        raise ConfigError(["no Redis: set REDIS_URL or REDIS_HOST"])
    removed = 0
    try:
        with connected_now(url, within=_WITHIN) as client:
            keys = client.scan_iter(_OURS, count=_BATCH)
            while batch := list(islice(keys, _BATCH)):
                # One by one, in one message: a cluster takes no two keys of different slots in a command.
                unlinking = client.pipeline(transaction=False)
                for key in batch:
                    unlinking.unlink(key)
                removed += sum(unlinking.execute())
    except failures() as error:
        told = f"Redis cannot be asked: {plainly(error)}"
        before = (
            f" ({count(removed, 'key was', 'keys were')} removed before; run it again)" if removed else ""
        )
        raise ConfigError([told + before]) from None
    print(f"{count(removed, 'key was', 'keys were')} removed.")
