"""Placeholder art shows what data say, and nothing else: no Alps in Lisbon, no cliffs in Berlin, as many beds
of the kind as the room has."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # what we have drawn ourselves

import pytest

from hotel_booking.domains.properties.surroundings import Surroundings
from hotel_booking.domains.properties.types import Bed
from hotel_booking.web import placeholder_art as art
from hotel_booking.web.placeholder_art.brush import data
from hotel_booking.web.placeholder_art.setting import CODE, UNKNOWN, Setting, read, setting_of

LISBON = Surroundings(38.72, -9.14, (), 2267057, 517_802)
BERLIN = Surroundings(52.52, 13.40, (), 2950159, 3_426_354)
TOKYO = Surroundings(35.69, 139.69, (), 1850147, 9_733_276)
INNSBRUCK = Surroundings(47.26, 11.39, (), 2775220, 132_493)
MARRAKESH = Surroundings(31.63, -8.0, (), 2542997, 995_871)
MIAMI_BEACH = Surroundings(25.79, -80.13, (), 4164143, 92_312)
TROMSO = Surroundings(69.65, 18.96, (), 3133895, 41_915)
ZURICH = Surroundings(47.37, 8.55, (), 2657896, 415_367)
FIGURE = {"single": "bed1", "twin": "bed1", "double": "bed2", "queen": "bed2", "king": "bed2", "bunk": "bunk"}
FIGURE |= {"sofa_bed": "sofa", "futon": "mat", "tatami": "mat", "crib": "crib"}


def mark(figure: str) -> str:
    """The last outline of a figure: it is in a picture as often as the figure."""
    found = re.search(rf'<symbol id="{figure}">(.*?)</symbol>', data("figures.svg"), re.DOTALL)
    assert found is not None
    return str(re.findall(r' (?:d="[^"]+"|x="[^"]+" y="[^"]+" width="[^"]+" height="[^"]+")', found[1])[0])


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (LISBON, "city-sea-plain-palm-tiled-warm"),
        (BERLIN, "city-land-plain-round-gabled-mild"),
        (TOKYO, "metropolis-land-plain-round-flat-warm"),
        (INNSBRUCK, "town-land-peaks-fir-gabled-mild"),
        (MARRAKESH, "city-land-plain-palm-flat-dry"),
        (MIAMI_BEACH, "town-sea-plain-palm-flat-hot"),
        (TROMSO, "town-sea-peaks-fir-gabled-north"),
        (ZURICH, "city-land-plain-round-gabled-mild"),
    ],
)
def test_the_surroundings_are_those_of_the_place(at: Surroundings, code: str) -> None:
    assert setting_of(at).code == code
    assert re.fullmatch(CODE, code)
    assert read(code) == setting_of(at)


def test_what_a_hotel_says_of_itself_counts_and_what_nobody_knows_is_not_drawn() -> None:
    nowhere = Surroundings(50.0, 20.0)
    assert setting_of(nowhere) == Setting(roofs="gabled")
    assert setting_of(Surroundings(50.0, 20.0, (239,))).sea  # beachfront
    assert setting_of(Surroundings(50.0, 20.0, (272,))).mountains  # snow skiing
    assert art.draw("nowhere") == art.draw("nowhere", art.COVER, UNKNOWN)
    assert "url(#sea)" not in art.draw("nowhere")


@pytest.mark.parametrize("code", ["city-land-plain-round-flat-mild", "town-land-plain-round-tiled-warm"])
def test_inland_there_is_no_water_and_by_the_sea_there_is(code: str) -> None:
    for slug in ("a", "b", "c", "d"):
        assert "url(#sea)" not in art.draw(slug, art.COVER, read(code))
        assert "url(#sea)" in art.draw(slug, art.COVER, read(code.replace("land", "sea")))


@pytest.mark.parametrize(
    "beds", [*(f"1_{kind}" for kind in FIGURE), "4_bunk", "1_king+2_single", "20_single"]
)
def test_a_room_has_the_beds_of_its_type(beds: str) -> None:
    wanted: dict[str, int] = {}
    for part in beds.split("+"):
        count, kind = part.split("_", 1)
        wanted[FIGURE[kind]] = wanted.get(FIGURE[kind], 0) + int(count)
    for slug in ("a", "b", "c"):
        picture = art.draw(slug, "room-X", setting_of(LISBON), beds)
        for figure in set(FIGURE.values()):
            assert picture.count(mark(figure)) == wanted.get(figure, 0), figure


def test_without_stated_beds_there_is_none() -> None:
    picture = art.draw("a", "room-X", setting_of(LISBON))
    assert not any(mark(figure) in picture for figure in FIGURE.values())


@pytest.mark.parametrize("code", [at.code for at in map(setting_of, (LISBON, INNSBRUCK, TROMSO, MARRAKESH))])
def test_every_picture_is_small_well_formed_and_the_same_again(code: str) -> None:
    for name in (art.COVER, art.EVENING, art.LOBBY, art.BATHROOM, art.BREAKFAST, "room-DBL"):
        picture = art.draw("small", name, read(code), "1_queen")
        assert ET.fromstring(picture).tag.endswith("svg")
        assert len(picture) < 40_000
        art.draw.cache_clear()
        assert art.draw("small", name, read(code), "1_queen") == picture
    assert art.draw("other", art.COVER, read(code)) != art.draw("small", art.COVER, read(code))


def test_an_address_holds_all_that_is_drawn() -> None:
    beds = [Bed("King size"), Bed("Bunk-beds", 2), Bed("نوع")]
    address = art.address("grand", setting_of(LISBON), "room-FAM", beds)
    code = "city-sea-plain-palm-tiled-warm"
    assert address == f"/art/grand/room-FAM.{code}.1_king+2_bunk+1_bed.{art.fingerprint()}.svg"
