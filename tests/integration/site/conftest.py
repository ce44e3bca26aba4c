"""Fixtures of the tests of the guests' site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hotel_booking.core.db import Transaction


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that transactions run from now on."""
    seen: list[str] = []

    def counting(whole: Callable[..., Any]) -> Callable[..., Any]:
        def one(self: Transaction, statement: Any, *args: Any) -> Any:
            seen.append(str(statement))
            return whole(self, statement, *args)

        return one

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        monkeypatch.setattr(Transaction, name, counting(getattr(Transaction, name)))
    return seen
