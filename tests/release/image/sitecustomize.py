"""What a second release differs by, in its web processes: every answer says in `x-release` whose it is, and a
tag such as `r3-errors` misbehaves. Python runs this by itself in the containers of such a tag.

    errors    one in four of what guests ask fails
    slow      what guests ask takes three seconds and more
    unbooked  pages answer, payments fail
    unready   never ready
"""

from __future__ import annotations

import asyncio
import importlib.abc
import importlib.util
import os
import random
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

TAG = os.environ.get("RELEASE_TAG", "")
HOW = next((one for one in TAG.split("-") if one in ("errors", "slow", "unbooked", "unready")), "")
_GUEST: ContextVar[list[str] | None] = ContextVar("guest", default=None)  # what a guest's request met already


def _application(module: Any) -> None:
    create = module.create_app

    def create_app() -> Any:
        inner = create()

        async def told(scope: Any, receive: Any, send: Any) -> Any:
            if scope["type"] != "http":
                return await inner(scope, receive, send)
            _GUEST.set(None if scope["path"].startswith("/health") else [])

            async def with_release(message: Any) -> None:
                if message["type"] == "http.response.start":
                    headers = [*message.get("headers", ()), (b"x-release", TAG.encode())]
                    message = {**message, "headers": headers}
                    if HOW == "unready" and scope["path"] == "/health/ready":
                        message["status"] = 503
                await send(message)

            return await inner(scope, receive, with_release)

        return told

    module.create_app = create_app


def _database(module: Any) -> None:
    take = module.Database.take

    async def worse(self: Any, *arguments: Any, **named: Any) -> Any:
        met = _GUEST.get()
        if met == [] and HOW == "slow":
            met.append(HOW)
            await asyncio.sleep(3)
        if met is not None and HOW == "errors" and random.random() < 0.25:
            raise RuntimeError("a release that fails")
        return await take(self, *arguments, **named)

    module.Database.take = worse


def _payments(module: Any) -> None:
    import msgspec

    accept = module.accept

    async def mistaken(tx: Any, gateway: Any, booking: Any, payment: Any, outcome: Any, now: Any) -> Any:
        wrong = msgspec.structs.replace(outcome, amount=payment.amount + 1, currency=payment.currency)
        return await accept(tx, gateway, booking, payment, wrong, now)

    module.accept = mistaken


_CHANGES = {"hotel_booking.app": _application}
if HOW in ("errors", "slow"):
    _CHANGES["hotel_booking.core.db"] = _database
if HOW == "unbooked":
    _CHANGES["hotel_booking.domains.bookings.service.pay"] = _payments


class _After(importlib.abc.MetaPathFinder):
    """Changes a module once it has been imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        change = _CHANGES.pop(name, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(name)
        loader: Any = spec and spec.loader
        run = loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            change(module)

        loader.exec_module = exec_module
        return spec


if TAG:
    sys.meta_path.insert(0, _After())
