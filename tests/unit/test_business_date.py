"""The hotel's day: what today is at a property, whatever the zone and whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from hotel_booking.core.dates import (
    DAY_END,
    business_date,
    business_day_end,
    earliest_business_date,
    local_instant,
)


@pytest.mark.parametrize(
    ("zone", "utc", "day"),
    [
        ("Europe/Lisbon", "2030-03-08T23:59", "2030-03-08"),
        ("Europe/Lisbon", "2030-03-09T05:59", "2030-03-08"),
        ("Europe/Lisbon", "2030-03-09T06:00", "2030-03-09"),
        # West of UTC it is still the day before when Greenwich has long begun the next one.
        ("Pacific/Honolulu", "2030-03-09T09:00", "2030-03-08"),
        ("Pacific/Pago_Pago", "2030-03-09T16:59", "2030-03-08"),
        ("Pacific/Pago_Pago", "2030-03-09T17:00", "2030-03-09"),
        ("Pacific/Kiritimati", "2030-03-08T15:59", "2030-03-08"),
        ("Pacific/Kiritimati", "2030-03-08T16:00", "2030-03-09"),
        ("Asia/Kolkata", "2030-03-09T00:29", "2030-03-08"),
        ("Asia/Kolkata", "2030-03-09T00:30", "2030-03-09"),
        ("Asia/Kathmandu", "2030-03-09T00:15", "2030-03-09"),
        ("Pacific/Chatham", "2030-03-08T16:14", "2030-03-08"),
        ("Pacific/Chatham", "2030-03-08T16:15", "2030-03-09"),
    ],
)
def test_the_day_ends_at_six_on_the_hotels_own_clocks(zone: str, utc: str, day: str) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert business_date(now, zone, DAY_END) == date.fromisoformat(day)


@pytest.mark.parametrize("end", [time(0), time(0, 30), time(1), time(2, 30), time(3), time(6), time(11, 59)])
@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("Europe/Lisbon", ["2030-03-31", "2030-10-27"]),
        ("America/New_York", ["2030-03-10", "2030-11-03"]),
        ("America/Havana", ["2030-03-10", "2030-11-03"]),  # at midnight
        ("Asia/Beirut", ["2030-03-31", "2030-10-27"]),  # at midnight, and back over it
        ("America/Santiago", ["2030-09-08", "2030-04-07"]),
        ("Africa/Cairo", ["2030-04-26", "2030-10-31"]),
        ("America/St_Johns", ["2010-11-07", "2010-03-14"]),  # back from 00:01 over midnight, half an hour off
        ("Australia/Lord_Howe", ["2030-04-07", "2030-10-06"]),  # by half an hour
        ("Pacific/Apia", ["2011-12-30"]),  # a day that never was
    ],
)
def test_no_date_comes_twice_or_before_its_time_where_clocks_change(
    zone: str, changes: list[str], end: time
) -> None:
    for text in changes:
        noon = local_instant(date.fromisoformat(text), time(12), zone)
        instants = [noon + timedelta(minutes=15 * quarter) for quarter in range(-200, 200)]
        days = [business_date(now, zone, end) for now in instants]
        assert days == sorted(days)
        for now, day in zip(instants, days, strict=True):
            assert local_instant(day, end, zone) <= now < business_day_end(day, zone, end)
            assert earliest_business_date(now) <= day
