"""How fast a caller may go, on every surface: token buckets per address, API key and member of staff.

What a request costs stands in `http/costs.py`; who is known pays one point for each, whatever it is. In
memory by default, which limits each worker process by itself; in Redis where it is configured, one server or
a cluster, for all processes together. Redis gone, slow or flushed, or a node of it, costs nobody a request:
the memory takes over at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec
from litestar.types import HTTPScope

from hotel_booking.core.redis_link import RedisLink, failures
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.http.client_address import limited_as
from hotel_booking.http.costs import cost
from hotel_booking.http.problems import TooManyRequests

log = logging.getLogger("hotel_booking.limits")
_MOST_BUCKETS = 50_000  # about 10 MB; the longest unused ones are full again anyway
_REDIS_PAUSE = 5.0  # seconds without asking Redis again after it failed
_REDIS_CONNECTS_WITHIN = 5.0  # seconds
_REDIS_WITHIN = 1.0  # seconds that a request waits for it at most: connecting, finding the node, asking again


class Allowance(msgspec.Struct, frozen=True):
    """A bucket: `burst` requests at once, refilled by `per_second`."""

    burst: int
    per_second: float


class Allowances(msgspec.Struct, frozen=True):
    """What one address, API key or member of staff is allowed, by purse (`costs.Purse`). `failures`: keys
    that opened nothing, per address. `all`: requests of any kind and from anybody at one address, those that
    no route answers too."""

    reads: Allowance
    writes: Allowance
    files: Allowance
    payments: Allowance
    notices: Allowance
    all: Allowance
    failures: Allowance = Allowance(20, 0.2)

    @classmethod
    def of(cls, *, reads: int, writes: int) -> Allowances:
        """By two numbers of points a minute; the others follow from them."""
        return cls(
            reads=per_minute(reads),
            writes=per_minute(writes),
            files=per_minute(10 * reads),
            # Who pays is not kept from it by others at the address; who tries cards is.
            payments=per_minute(max(1, writes // 2)),
            notices=per_minute(10 * writes),
            all=per_minute(10 * reads),
        )


def per_minute(points: int) -> Allowance:
    """So many points a minute, also all at once."""
    return Allowance(points, points / 60)


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request may pass; what is left; seconds until there is room for one more."""

    allowed: bool
    left: int
    retry_after: int


class Limiter(Protocol):
    """Something that keeps buckets."""

    async def take(self, bucket: str, allowance: Allowance, *, cost: int = 1) -> Verdict:
        """Take `cost` out of a bucket, or nothing where it holds less. A cost of 0 only looks."""


class MemoryLimiter:
    """Buckets in this process. `clock` gives seconds that never run backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, bucket: str, allowance: Allowance, *, cost: int = 1) -> Verdict:
        """See `Limiter.take`."""
        return self.take_now(bucket, allowance, cost=cost)

    def take_now(self, bucket: str, allowance: Allowance, *, cost: int = 1) -> Verdict:
        """The same at once."""
        now = self._clock()
        level = float(allowance.burst)
        if (held := self._buckets.pop(bucket, None)) is not None:
            level = min(level, held[0] + (now - held[1]) * allowance.per_second)
        allowed = level >= (cost or 1)
        if allowed:
            level -= cost
        self._buckets[bucket] = (level, now)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return _verdict(allowed, level, allowance, cost)


# One round trip and atomic. The server's own clock, so that processes need not agree on the time.
_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local burst, rate, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'level', 'since')
local level = tonumber(held[1]) or burst
level = math.min(burst, level + math.max(0, now - (tonumber(held[2]) or now)) * rate)
local allowed = 0
if level >= math.max(cost, 1) then
  allowed = 1
  level = level - cost
end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'since', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return {allowed, tostring(level)}
"""
_SCRIPT_NAME = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisLimiter:
    """Buckets in Redis, shared by all processes; in `fallback` while Redis does not answer."""

    def __init__(self, redis: RedisLink, fallback: Limiter) -> None:
        from redis.exceptions import NoScriptError

        self._failures = failures()
        self._not_there: type[Exception] = NoScriptError
        self._redis = redis
        self._fallback = fallback
        self._paused_until = 0.0

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, fallback: Limiter) -> AsyncIterator[RedisLimiter]:
        """One that connects meanwhile: a cluster with TLS takes several connections until it answers, which
        should not be in the first request."""
        redis = RedisLink(url)
        self = cls(redis, fallback)
        connecting = asyncio.create_task(self.answers(within=_REDIS_CONNECTS_WITHIN))
        try:
            yield self
        finally:
            connecting.cancel()
            await redis.close()

    async def answers(self, *, within: float) -> bool:
        """Whether Redis does, in at most so many seconds: each node of a cluster."""
        try:
            async with asyncio.timeout(within):
                await self._redis.ping()
        except self._failures:
            return False
        return True

    async def take(self, bucket: str, allowance: Allowance, *, cost: int = 1) -> Verdict:
        """See `Limiter.take`."""
        if time.monotonic() < self._paused_until:
            return await self._fallback.take(bucket, allowance, cost=cost)
        try:
            async with asyncio.timeout(_REDIS_WITHIN):
                allowed, level = await self._ask(bucket, allowance, cost)
        except self._failures as error:
            self._paused_until = time.monotonic() + _REDIS_PAUSE
            log.warning(
                "Redis does not answer; limits are kept in memory", extra={"error": type(error).__name__}
            )
            return await self._fallback.take(bucket, allowance, cost=cost)
        return _verdict(bool(allowed), float(level), allowance, cost)

    async def _ask(self, bucket: str, allowance: Allowance, cost: int) -> tuple[int, bytes]:
        """By the script's name; where a node does not know it (new, flushed, or a replica until just now), by
        its text, which the node keeps."""
        client = await self._redis.client()
        one = (1, f"hotel-booking:limit:{bucket}", allowance.burst, allowance.per_second, cost)
        try:
            answer: tuple[int, bytes] = await client.evalsha(_SCRIPT_NAME, *one)
        except self._not_there:
            answer = await client.eval(_SCRIPT, *one)
        return answer


def _verdict(allowed: bool, level: float, allowance: Allowance, cost: int) -> Verdict:
    wait = 0 if allowed else max(1, math.ceil((max(cost, 1) - level) / allowance.per_second))
    return Verdict(allowed, int(level) if level > 0 else 0, wait)


class Flood:
    """All that one address sends, of any kind, to this process: asked before anything else is done."""

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self.allowance = allowance
        self._buckets = MemoryLimiter(clock)

    def wait(self, address: str) -> int:
        """Take one request; the seconds that the address has to wait, 0 where it may go on."""
        return self._buckets.take_now(limited_as(address), self.allowance).retry_after


async def charge(scope: HTTPScope, caller: Caller) -> None:
    """Take what the request costs from its sender's allowance. Raises `TooManyRequests`."""
    state = scope["litestar_app"].state
    limiter: Limiter | None = state.limiter
    if limiter is None:
        return
    price = cost(scope["method"], scope["path_template"])
    if not price.points:
        return
    points = price.points
    match caller.kind:
        case "key":
            who, points = f"key:{caller.key_id}", 1
        case "staff":
            who, points = f"staff:{caller.id}", 1
        case _:
            who = _address(scope)
    allowance: Allowance = getattr(state.allowances, price.purse)
    points = min(points, allowance.burst)
    verdict = await limiter.take(f"{who}:{price.purse}", allowance, cost=points)
    _tell(scope, allowance, verdict)
    if not verdict.allowed:
        raise TooManyRequests(f"too many {price.purse} from you for now", retry_after=verdict.retry_after)


async def charge_bad_key(scope: HTTPScope) -> None:
    """Take a key that opens nothing from an allowance of its own of the address. Raises `TooManyRequests`
    once that is used up. A good key never meets it: another program's stale key at the same address (an
    office, a cloud's gateway) must lock nobody out. Trying keys is hopeless by their length, and costs one
    indexed query a try."""
    state = scope["litestar_app"].state
    limiter: Limiter | None = state.limiter
    if limiter is None:
        return
    verdict = await limiter.take(f"{_address(scope)}:failures", state.allowances.failures)
    _tell(scope, state.allowances.failures, verdict)
    if not verdict.allowed:
        raise TooManyRequests(
            "too many requests with invalid API keys from this address", retry_after=verdict.retry_after
        )


def _address(scope: HTTPScope) -> str:
    return f"address:{limited_as(scope['state'].get('address', ''))}"


def _tell(scope: HTTPScope, allowance: Allowance, verdict: Verdict) -> None:
    """Have the edge put what is left of the allowance on the answer, whatever it will be."""
    full_in = math.ceil((allowance.burst - verdict.left) / allowance.per_second)
    scope["state"]["limit_headers"] = [
        (b"ratelimit-limit", b"%d" % allowance.burst),
        (b"ratelimit-remaining", b"%d" % verdict.left),
        (b"ratelimit-reset", b"%d" % full_in),
    ]
