"""What the guests of a drill ask for is sold on any day: none may fail because of a date."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from hotel_booking.core.clock import utc_now
from hotel_booking.demo.drill import sold_for_sure
from tests.clients.http_client import running, settings_for

_STRICT = "closed = true, min_stay_through = 9, min_stay_arrival = 9, closed_to_arrival = true"


async def test_it_is_sold_whatever_the_hotels_ask_of_other_stays(chain_url: str) -> None:
    day = utc_now().date() + timedelta(days=30)
    with psycopg.connect(chain_url, autocommit=True) as connection:
        connection.execute(f"UPDATE room_night SET {_STRICT}")
        connection.execute(f"UPDATE rate_night SET {_STRICT}")
        connection.execute("UPDATE rate_plan SET min_stay = 9, min_advance_days = 99")
        stays = [sold_for_sure(connection, day + timedelta(days=days)) for days in range(10)]
    async with running(settings_for(chain_url)) as (_, client):
        for stay in stays:
            quote = await client.post("/api/v1/quotes", json=stay)
            assert quote.status_code == 201, quote.text
