"""The pictures of hotels in lists: their first photo, or one that is drawn as long as they have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.queries import InList
from hotel_booking.domains.properties.surroundings import surroundings
from hotel_booking.web import placeholder_art
from hotel_booking.web.placeholder_art.setting import UNKNOWN, setting_of


class ListPicture(NamedTuple):
    """Where a hotel's picture is served, and its sizes; empty for what is drawn, which fits every size."""

    src: str
    srcset: str


def list_picture(slug: str, shown: InList | None) -> ListPicture:
    """The picture of a hotel in a list; None where nothing is known of it any more."""
    if shown is not None and shown.photo is not None:
        return ListPicture(shown.photo.address(640), shown.photo.srcset)
    setting = setting_of(shown.around) if shown is not None else UNKNOWN
    return ListPicture(placeholder_art.address(slug, setting), "")


async def drawn_covers(tx: Transaction, slugs: Mapping[int, str]) -> dict[int, str]:
    """Where they are served, by id; the hotels are given with their slugs. At most one statement."""
    around = await surroundings(tx, list(slugs)) if slugs else {}
    return {key: placeholder_art.address(slugs[key], setting_of(found)) for key, found in around.items()}
