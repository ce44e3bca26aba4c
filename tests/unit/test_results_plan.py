"""The plan beside a list of hotels: every circle has its name, and the name lies in the picture."""

from __future__ import annotations

import itertools
import math

import pytest

from hotel_booking.web.maps.results import DOT, HEIGHT, WIDTH, ResultsPlan, plan_of, tiled_plan_of

AMSTERDAM = (52.3740, 4.8897)
TILES = "https://tiles.example/{z}/{x}/{y}.png"
PLACES = {
    "wide": [(52.3745, 4.8), (52.3738, 4.97), (52.376, 4.9)],
    "high": [(52.45, 4.89), (52.30, 4.891)],
    "beside": [(52.3741, 4.93), (52.3742, 4.931)],
    "above": [(52.40, 4.8897), (52.405, 4.89)],
    "below": [(52.34, 4.8897), (52.335, 4.89)],
    "one spot": [AMSTERDAM, AMSTERDAM],
}


@pytest.mark.parametrize("spread", PLACES)
def test_names_of_circles_lie_in_the_picture(spread: str) -> None:
    points = PLACES[spread]
    named = 0
    for plan in (plan_of(AMSTERDAM, points), tiled_plan_of(AMSTERDAM, points, TILES)):
        assert isinstance(plan, ResultsPlan)
        assert len(plan.rings) <= 3
        for ring in plan.rings:
            assert 12 <= ring.name_y <= HEIGHT - 4, (spread, ring)
            assert abs(abs(ring.name_y - plan.centre[1]) - ring.radius) < 20
        named += len(plan.rings)
    assert named or spread == "one spot"  # a kilometre is wider than its picture


def test_dots_are_large_enough_for_a_finger_and_do_not_cover_each_other() -> None:
    on_a_phone = 332  # pixels, of a screen of 390
    assert (2 * DOT + 2) * on_a_phone / WIDTH >= 24  # with its edge; WCAG 2.2, 2.5.8
    plan = plan_of(AMSTERDAM, [AMSTERDAM] * 6)
    assert isinstance(plan, ResultsPlan)
    for one, other in itertools.combinations(plan.dots, 2):
        assert math.hypot(one.x - other.x, one.y - other.y) >= 2 * DOT - 0.2
    assert all(DOT <= dot.x <= WIDTH - DOT and DOT <= dot.y <= HEIGHT - DOT for dot in plan.dots)
