"""hotel-booking cache clear"""

from __future__ import annotations

import os

import typer

app = typer.Typer(no_args_is_help=True)
_OURS = "hotel-booking:*"
_BATCH = 500


@app.callback()
def _verbs() -> None:
    """What is kept in Redis. It may be lost at any time: nobody is logged out, no booking is touched."""


@app.command()
def clear() -> None:
    """Remove what this platform keeps in the Redis that the environment names, and nothing of anybody else's:
    keys that begin with `hotel-booking:`, batch by batch, so that Redis goes on serving meanwhile."""
    import redis

    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.setting import ConfigError

    environ = {"HOTEL_ENVIRONMENT": "demo", "DATABASE_URL": "postgresql://unused", **os.environ}
    url = read_settings(environ).redis_url
    if url is None:
        raise ConfigError(["no Redis: set REDIS_URL or REDIS_HOST"])
    removed = 0
    try:
        with redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10) as client:
            batch: list[bytes] = []
            for key in client.scan_iter(_OURS, count=_BATCH):
                batch.append(key)
                if len(batch) == _BATCH:
                    removed += client.unlink(*batch)
                    batch = []
            if batch:
                removed += client.unlink(*batch)
    except redis.RedisError as error:
        raise ConfigError([f"Redis cannot be asked: {' '.join(str(error).split())}"]) from None
    print(f"{removed} keys were removed.")
