"""The range of schemas that the release declares ends where its migrations do."""

from __future__ import annotations

from hotel_booking import migrations
from hotel_booking.core import schema


def test_the_newest_schema_is_that_of_the_migrations() -> None:
    assert migrations.head() == schema.NEWEST
    assert schema.OLDEST <= schema.NEWEST
