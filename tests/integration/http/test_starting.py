"""What a start does not need, it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What takes longest to load, and who needs it: a gateway or a source of rates that few have, limits that are
# shared, a passkey, a picture, the worker, a migration.
_HEAVY = {
    "hotel_booking.app": (
        "stripe", "requests", "httpx", "redis", "webauthn", "OpenSSL", "PIL", "resvg_py", "segno",
        "procrastinate", "psycopg", "alembic", "rich", "sqlalchemy", "opentelemetry",
    ),
    "hotel_booking.cli": ("litestar", "asyncpg", "sqlalchemy", "granian", "rich.progress"),
    "hotel_booking.cli.serve": (
        "litestar", "sqlalchemy", "hotel_booking.domains", "numpy", "prometheus_client",
    ),
    "hotel_booking.cli.demo": ("litestar", "sqlalchemy", "hotel_booking.domains", "numpy"),
    # Every start but the first; what makes the hotels is loaded by that one.
    "hotel_booking.demo.running": (
        "litestar", "sqlalchemy", "hotel_booking.domains", "hotel_booking.core.db", "asyncpg", "numpy",
        "alembic",
    ),
    "hotel_booking.worker": ("sqlalchemy", "stripe", "redis", "webauthn", "PIL", "alembic", "opentelemetry"),
}  # fmt: skip


@pytest.mark.parametrize("module", _HEAVY)
def test_a_start_loads_no_more_than_it_needs(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(_HEAVY[module]) & set(done.stdout.split()) == set()
