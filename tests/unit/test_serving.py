"""How the web server listens."""

from __future__ import annotations

from hotel_booking.http.serving import granian_options
from tests.clients.http_client import settings_for


def test_each_process_takes_as_many_connections_however_many_there_are() -> None:
    """Granian's own default is shared by the processes: eight had 128 each, and twenty browsers kept them."""
    taken = {
        workers: granian_options(settings_for("postgresql://x/x", workers=workers))["backpressure"]
        for workers in (1, 8)
    }
    assert taken == {1: 1024, 8: 1024}
