"""Beds are named in the guest's language however a hotel has written their kind."""

from __future__ import annotations

from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.web.i18n.conditions import Conditions


def test_a_kind_of_bed_is_named_however_it_is_written() -> None:
    german = Conditions("de", translations("de"))
    for kinds, name in (
        (("sofa_bed", "sofa bed", "Sofa-Bed", "SOFA", "sofabed"), "1 Schlafsofa"),
        (("king", "king_bed", "King size", "KING"), "1 Kingsize-Bett"),
        (("bunk", "bunk bed"), "1 Etagenbett"),
        (("Himmelbett",), "1 × Himmelbett"),  # the hotel's own word, as it is written  # noqa: RUF001
    ):
        for kind in kinds:
            assert german.bed(kind, 1) == name, kind
