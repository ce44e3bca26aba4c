"""Redis, whether one server or a cluster stands at the address: that is found out by asking it.

A cluster's keys lie on several nodes. redis-py's cluster client asks the one that has a key, follows a key
that moves (MOVED, ASK), and learns the nodes anew after a failover; the plain client fails for most keys.
Every command of ours names one key, so no two have to share a slot.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis as RedisNow
    from redis import RedisCluster as RedisClusterNow
    from redis.asyncio import Redis, RedisCluster

_ANSWER, _CONNECT = 0.2, 0.5  # seconds, of one node; a request waits for no more than `RedisLimiter` says
_ONCE_MORE = 1  # a connection that died while it was idle, or a node that is not the key's any more


class RedisLink:
    """The way to Redis of one process; nothing is asked before its first use."""

    def __init__(self, url: str) -> None:
        import redis.asyncio  # noqa: F401  where a Redis is named, and not during a request, which is half a second

        self._url = url
        self._plain: Redis | None = None
        self._client: Redis | RedisCluster | None = None
        self._turn = asyncio.Lock()

    async def client(self) -> Redis | RedisCluster:
        """The client that this Redis needs. Raises what redis-py raises until Redis has said once which."""
        if self._client is None:
            async with self._turn:
                if self._client is None:
                    self._client = await self._found_out()
        return self._client

    async def ping(self) -> None:
        """Returns when it answers: of a cluster each node that has keys. Else raises what redis-py does."""
        client = await self.client()
        if client is self._plain:
            await client.ping()
        else:
            await client.ping(target_nodes="primaries")

    async def close(self) -> None:
        """Close all its connections."""
        for client in {self._plain, self._client}:
            if client is not None:
                await client.aclose()

    async def _found_out(self) -> Redis | RedisCluster:
        from redis.asyncio import Redis, RedisCluster
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import ResponseError

        options: dict[str, Any] = {
            "socket_timeout": _ANSWER,
            "socket_connect_timeout": _CONNECT,
            "retry": Retry(NoBackoff(), _ONCE_MORE),
        }
        if self._plain is None:
            self._plain = Redis.from_url(self._url, **options)
        try:
            cluster = (await self._plain.info("cluster"))["cluster_enabled"]
        except (ResponseError, KeyError):  # one that does not say so, or not to this user
            cluster = False
        # A slot that no node serves costs its own keys alone.
        return (
            RedisCluster.from_url(self._url, require_full_coverage=False, **options)
            if cluster
            else self._plain
        )


def failures() -> tuple[type[Exception], ...]:
    """What is raised by a Redis that is away, slow, refuses, or is no whole cluster."""
    from redis.exceptions import RedisClusterException, RedisError

    # AttributeError: when redis-py's cluster client learns the nodes anew, it closes connections that other
    # requests are about to write to, which then find no stream there (8.1, `_send_packed_command`).
    return RedisError, RedisClusterException, OSError, TimeoutError, AttributeError


def connected_now(url: str, *, within: float) -> RedisNow | RedisClusterNow:
    """The client that this Redis needs, for a command that may wait so many seconds for each answer. Raises
    what `failures` lists."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {
        "socket_timeout": within,
        "socket_connect_timeout": within,
        "retry": Retry(NoBackoff(), _ONCE_MORE),
    }
    plain = redis.Redis.from_url(url, **options)
    try:
        cluster = plain.info("cluster").get("cluster_enabled")
    except redis.ResponseError:
        cluster = False
    if not cluster:
        return plain
    plain.close()
    return redis.RedisCluster.from_url(url, **options)
