"""What a blue-green run works with: the cluster, the clock, where it says what happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from hotel_booking.ops.kubectl import Kubectl


class RunContext(msgspec.Struct):
    """What a run works with. `gateway` and `prometheus` are addresses, or empty; `watch` and `timeout` are
    seconds. `repository` is a clone, where there is one."""

    kubectl: Kubectl
    me: str
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    repository: Path | None = None
    gateway: str = ""
    prometheus: str = ""
    watch: float = 300
    timeout: float = 600
