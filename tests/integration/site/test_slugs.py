"""Addresses of hotels made of their names: in every script, each only once, never empty."""

from __future__ import annotations

from typing import Any

from hotel_booking.core.db import Database
from hotel_booking.domains.properties.service import properties as service
from hotel_booking.domains.properties.types import NewProperty, slug_of


def test_a_name_in_any_script_is_a_slug() -> None:
    for name, slug in (
        ("Hôtel d'Été", "hotel-d-ete"),
        ("Smørrebrød & Æbler", "smorrebrod-aebler"),
        ("Łódź", "lodz"),
        ("Große Straße", "grosse-strasse"),
        ("Þingvellir", "thingvellir"),
        ("Işık", "isik"),  # noqa: RUF001  # a Turkish name
        ("Ξενοδοχείο", "xenodocheio"),
        ("Гостиница Ёлка", "gostinitsa-elka"),
        ("東京", "dongjing"),
        ("한옥", "hanog"),
        ("---", "hotel"),
        ("\ud800", "hotel"),
        ("x" * 200, "x" * 70),
    ):
        assert slug_of(name) == slug, name


async def test_each_address_is_given_once_and_none_is_a_page_of_ours(db: Database) -> None:
    more: dict[str, Any] = {
        "country": "PT", "lat": 38.7, "lon": -9.1, "timezone": "Europe/Lisbon", "currency": "EUR"
    }  # fmt: skip
    async with db.transaction() as tx:
        made = [
            (await service.create(tx, new=NewProperty(name=name, **more))).slug
            for name in ("Łódź", "Lodz", "lódz", "New", "Lodz 2", "!!!")
        ]
    assert made == ["lodz", "lodz-2", "lodz-3", "new-2", "lodz-2-2", "hotel"]
