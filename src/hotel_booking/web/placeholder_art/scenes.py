"""Views of places for the placeholder art, with the hotel: a street, a waterfront, a beach, the country; and
what stands in them: peaks, water, houses, trees, a city's roofs."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from hotel_booking.web.placeholder_art.brush import (
    HEIGHT,
    WIDTH,
    Drawn,
    Hand,
    Palette,
    Point,
    at,
    ellipse,
    figure,
    glow,
    gradient,
    land,
    mix,
    path,
    polygon,
    rect,
    stroke,
)
from hotel_booking.web.placeholder_art.setting import Setting

# How steep roofs are, how far they reach over the wall and how much narrower they are above.
_EAVES = {"flat": (0.16, 0.08, -0.01), "gabled": (1.0, 0.1, 0.14), "tiled": (0.42, 0.22, 0.12)}
# What stands on the roofs of a skyline: the first now and then, in the far row of a large city.
_TOPS = {
    "flat": ("mast", "attic", "attic", "", "", ""),
    "gabled": ("spire", "gable", "gable", "gable", "gable", ""),
    "tiled": ("dome", "hip", "hip", "hip", "hip", ""),
}
_TALL = {"palm": 1.5, "cypress": 1.35, "fir": 1.2}


class _Site(NamedTuple):
    """What a view is drawn with: by whose hand, in which light and setting."""

    hand: Hand
    light: Palette
    setting: Setting


def view(setting: Setting, hand: Hand, light: Palette) -> Drawn:
    """The whole picture of a place: the sky, then what stands under it, far to near."""
    sun_x = hand.between(0.2, 0.8) * WIDTH
    defs = [gradient("sky", light.sky, light.horizon), glow(light.sun)]
    shapes = [rect(0, 0, WIDTH, HEIGHT, "url(#sky)"), *_sky(hand, light, sun_x)]
    if setting.mountains:
        shapes += _peaks(hand, light, 590, snow=setting.light in ("mild", "north"))
    if setting.sea:
        shore = _waterfront if setting.size in ("city", "metropolis") else _beach
        more, scene = shore(_Site(hand, light, setting), sun_x)
        return defs + more, shapes + scene
    inland = _country if setting.mountains or setting.size == "village" else _street
    return defs, shapes + inland(_Site(hand, light, setting))


def _sky(hand: Hand, light: Palette, sun_x: float) -> list[str]:
    y = hand.between(300, 380) if light.dusk else hand.between(140, 230)
    parts = [ellipse(sun_x, y, 420, 420, "url(#glow)"), ellipse(sun_x, y, 46, 46, light.sun, 'opacity=".95"')]
    for _ in range(26 if light.dusk else 0):
        size, x, high = hand.between(1.2, 2.6), hand.between(0, WIDTH), hand.between(20, 260)
        parts.append(ellipse(x, high, size, size, "#ffffff", 'opacity=".7"'))
    colour = mix(light.horizon, "#ffffff", 0.15 if light.dusk else 0.6)
    for _ in range(hand.whole(2, 3)):
        x, y, size = hand.between(0, WIDTH), hand.between(90, 300), hand.between(90, 160)
        for dx, dy, wide, high in ((0, 0, 1.7, 0.09), (-0.5, -0.07, 0.7, 0.1), (0.6, 0.08, 1.2, 0.07)):
            opacity = f'opacity="{0.16 if light.dusk else 0.4}"'
            parts.append(ellipse(x + size * dx, y + size * dy, size * wide, size * high, colour, opacity))
    return parts


def _avenue(site: _Site, foot: float, count: int) -> list[str]:
    """A row of trees, with lamps between them at dusk."""
    hand, light, _ = site
    parts, step = [], WIDTH / count
    for place in range(count):
        x, high = step * (place + 0.5) + hand.between(-18, 18), hand.between(135, 165)
        parts.append(_tree(site, x, foot, high, hand.between(0.12, 0.36)))
        if light.dusk:
            post, lamp = rect(x + step / 2 - 2, foot - 110, 4, 110, light.near), (x + step / 2, foot - 112)
            parts += [post, ellipse(*lamp, 8, 8, light.window), ellipse(*lamp, 46, 46, "url(#glow)")]
    return parts


def _street(site: _Site) -> list[str]:
    """Houses side by side along a pavement, the hotel among them, the city's roofs behind."""
    hand, light, setting = site
    stone = light.lit("#d9cbb8" if setting.light != "dry" else "#e8cfa6")
    most = 5 if setting.size in ("city", "metropolis") else 4
    x, size, bays = hand.between(0.36, 0.64) * WIDTH, hand.between(84, 94), hand.whole(5, 6)
    shapes = [*_skyline(site, 640), rect(0, 630, WIDTH, 300, mix(light.far, light.near, 0.3))]
    for way in (-1, 1):
        edge = x + way * bays * size * 0.4
        while -40 < edge < WIDTH + 40:
            own, doors = size * hand.between(0.86, 1.0), hand.whole(2, 4)
            plan = (hand.whole(most - 2, most - 1), doors)
            shapes.append(_house(site, edge + way * doors * own * 0.4, 880, own, plan))
            edge += way * doors * own * 0.8
    shapes.append(_house(site, x, 880, size, (most, bays), hotel=True))
    for y, high, dark in ((878, 122, 0.28), (878, 44, 0), (918, 7, 0.5)):
        shapes.append(rect(0, y, WIDTH, high, mix(stone, light.near, dark)))
    marks = "".join(f"M{at_x} 962h90v5h-90z" for at_x in range(20, WIDTH, 190))
    return [*shapes, path(marks, stone, 'opacity=".7"'), *_avenue(site, 900, 7)]


def _waterfront(site: _Site, sun_x: float) -> Drawn:
    """The city across the water, and the promenade with the hotel on this side."""
    hand, light, _ = site
    horizon, stone = hand.between(590, 620), light.lit("#dccdb6")
    x = WIDTH - 330 if sun_x < WIDTH / 2 else 330
    defs, sea = _water(hand, light, horizon, sun_x)
    shapes = [*_skyline(site, horizon), *sea]
    shapes += [_house(site, x + away, 880, 83, (hand.whole(3, 4), 3)) for away in (-320, 320)]
    shapes.append(_house(site, x, 880, 88, (5, 5), hotel=True))
    shapes += [rect(0, 872, WIDTH, 128, stone), rect(0, 868, WIDTH, 9, mix(stone, light.horizon, 0.5))]
    shapes.append(rect(0, 944, WIDTH, 56, mix(stone, light.near, 0.2)))
    return defs, shapes + _avenue(site, 912, 8)


def _beach(site: _Site, sun_x: float) -> Drawn:
    """The open sea, and a low shore with the hotel: sand where it is warm, a stony one where it is not."""
    hand, light, setting = site
    right, warm = sun_x < WIDTH / 2, setting.light in ("warm", "hot", "dry")
    sand, green = light.lit("#f0dcb4" if warm else "#c9c2b4"), mix(light.leaf, light.horizon, 0.14)
    defs, shapes = _water(hand, light, 560, sun_x)

    def across(x: float) -> float:
        return WIDTH - x if right else x

    for colour, line in (
        (mix(sand, "#ffffff", 0.4), [(-20, 730), (420, 740), (800, 800), (1200, 880), (1640, 925)]),
        (sand, [(-20, 742), (420, 752), (780, 815), (1180, 893), (1640, 940)]),
        (green, [(-20, 700), (340, 706), (600, 760), (840, 880), (1060, 1010)]),
    ):
        shapes.append(land(sorted((across(x), y) for x, y in line), colour))
    for x in (330 - hand.between(270, 300), 330 + hand.between(270, 300)):
        shapes.append(_house(site, across(x), 790, 62, (2, 3)))
    shapes.append(_house(site, across(330), 812, 78, (3, 5), hotel=True))
    for _ in range(9):
        x = hand.one_of((hand.between(0, 130), hand.between(520, 640), hand.between(560, 760)))
        foot = hand.between(860, 940) + x * 0.06
        shapes.append(_tree(site, across(x), foot, hand.between(100, 150), hand.between(0.1, 0.4)))
    for place in range(4 if warm else 0):
        colours = {"cloth": light.lit(hand.thing("parasols"))}
        shapes.append(at(across(820 + place * 190), 872 + place * 26, 1, figure("parasol", light, colours)))
    return defs, shapes


def _country(site: _Site) -> list[str]:
    """A meadow with the hotel among trees and low rises; in the mountains a town around it, if any."""
    hand, light, setting = site
    shapes: list[str] = []
    for place, level in enumerate((640, 690, 740)):
        colour = mix(light.far, light.leaf, 0.35 + place * 0.25)
        shapes.append(land(_ridge(hand, level, 46, 420), mix(colour, light.horizon, 0.2 - place * 0.06)))
        for _ in range(14 if setting.mountains else 8):
            x, high = hand.between(0, WIDTH), hand.between(36, 66) + place * 14
            shapes.append(_tree(site, x, level + 12, high, 0.5 - place * 0.08))
    for _ in range(0 if setting.size in ("village", "some") else 9):
        x, foot = hand.between(40, WIDTH - 40), hand.between(770, 790)
        plan = hand.whole(2, 3), hand.whole(2, 3)
        shapes.append(_house(site, x, foot, hand.between(36, 44), plan))
    meadow = [(-20, 810), (400, 790), (900, 800), (1640, 780)]
    shapes.append(land(meadow, mix(light.leaf, light.horizon, 0.14)))
    x = hand.between(0.36, 0.64) * WIDTH
    shapes.append(_house(site, x + hand.one_of((-1, 1)) * 300, 860, 58, (2, 3)))
    shapes.append(_house(site, x, 876, 82, (3, 5), hotel=True))
    for place in range(8):
        away = 440 + place // 2 * hand.between(80, 130) if place > 1 else 260
        foot, high = hand.between(866, 900), hand.between(110, 175)
        shapes.append(_tree(site, x + away * (-1) ** place, foot, high, hand.between(0.15, 0.45)))
    shapes.append(land([(-20, 910), (500, 890), (1000, 905), (1640, 880)], mix(light.leaf, light.near, 0.22)))
    way = "M-26 0C-30 42-120 72-170 122H130C80 72 30 42 26 0Z"
    shapes.append(at(x, 878, 1, path(way, light.lit("#e9dcc0"))))
    for _ in range(70):
        bloom_x, y, size = hand.between(0, WIDTH), hand.between(918, 995), hand.between(3, 7)
        if abs(bloom_x - x) > 190:
            shapes.append(ellipse(bloom_x, y, size, size, light.lit(hand.thing("flowers")), 'opacity=".9"'))
    return shapes


def _ridge(hand: Hand, level: float, rise: float, step: float) -> list[Point]:
    """A broken line around `level`, at most `rise` high, with a point about every `step`."""
    points, x, up = [(-60.0, level)], -40.0, hand.chance(0.5)
    while x < WIDTH + 40:
        points.append((x, level - (hand.between(0.45, 1) if up else hand.between(0, 0.35)) * rise))
        x, up = x + hand.between(0.6, 1.4) * step, not up
    return [*points, (WIDTH + 60, level)]


def _peaks(hand: Hand, light: Palette, level: float, *, snow: bool) -> list[str]:
    """Three ranges behind each other, the far ones with snow on what is highest."""
    shapes, white = [], mix("#ffffff", light.horizon, 0.32 if light.dusk else 0.08)
    for place, (rise, step) in enumerate(((330, 210), (240, 240), (130, 220))):
        points: list[Point] = []
        for (x1, y1), (x2, y2) in itertools.pairwise(_ridge(hand, level + place * 12, rise, step)):
            for share in (0, 0.35, 0.68):
                bend = hand.between(-0.09, 0.09) * abs(y2 - y1) if share else 0
                points.append((x1 + (x2 - x1) * share, y1 + (y2 - y1) * share + bend))
        colour = mix(light.far, light.near, place * 0.3)
        shapes.append(land(points, colour, bottom=level + 60, smooth=False))
        for (x1, y1), (x2, y2), (x3, y3) in zip(points, points[1:], points[2:], strict=False):
            if snow and place < 2 and y2 < min(y1, y3) and y2 < level - rise * 0.55:
                deep = (level - rise * 0.4 - y2) * 0.62
                left, right = min(1.0, deep / max(y1 - y2, 1)), min(1.0, deep / max(y3 - y2, 1))
                lx, ly, rx, ry = (x1 - x2) * left, (y1 - y2) * left, (x3 - x2) * right, (y3 - y2) * right
                edge = ((rx * 0.4, ry - deep * 0.25), (0, deep * 0.8), (lx * 0.4, ly - deep * 0.2))
                cap = ((x2 + x, y2 + y) for x, y in ((lx, ly), (0, 0), (rx, ry), *edge))
                shapes.append(polygon(cap, white, 'opacity=".9"'))
    return shapes


def _water(hand: Hand, light: Palette, top: float, sun_x: float) -> Drawn:
    """The sea from the horizon at `top` to the picture's edge, with the sun on it, and two or three sails."""
    shapes, y, gap = [rect(0, top, WIDTH, HEIGHT - top, "url(#sea)")], top + 8.0, 9.0
    while y < HEIGHT:
        spread, half = 30 + (y - top) * 0.34, hand.between(30, 110)
        shine, x = sun_x + hand.between(-1.5, 0.5) * spread, hand.between(0, WIDTH)
        glint, wave = (
            f"M{shine:.0f} {y:.0f}h{spread:.0f}",
            f"M{x - half:.0f} {y + gap / 2:.0f}h{half * 2:.0f}",
        )
        shapes.append(stroke(glint, light.sun, 2 + (y - top) / 90, 'opacity=".4"'))
        shapes.append(stroke(wave, "#ffffff", 1.5 + (y - top) / 180, 'opacity=".16"'))
        y, gap = y + gap, gap * 1.2
    for _ in range(hand.whole(2, 3)):
        x, y = hand.between(0.15, 0.85) * WIDTH, top + hand.between(40, 120)
        shapes.append(at(x, y, hand.between(0.45, 0.8), figure("sail", light, {})))
    return [gradient("sea", mix(light.horizon, light.water, 0.55), mix(light.water, light.near, 0.3))], shapes


def _house(
    site: _Site, x: float, foot: float, size: float, plan: tuple[int, int], *, hotel: bool = False
) -> str:
    """A house from the front, its foot around (x, foot), `size` a storey's height, `plan` its storeys and
    bays; the hotel has an awning."""
    hand, light, setting = site
    storeys, bays = plan
    wall = light.lit(hand.thing(f"walls_{'dry' if setting.light == 'dry' else setting.roofs}"))
    roof, shutter = light.lit(hand.thing(f"roofs_{setting.roofs}")), light.lit(hand.thing("shutters"))
    wide, high, bay, trim = bays * size * 0.8, storeys * size, size * 0.8, mix(wall, "#ffffff", 0.3)
    left, top = x - wide / 2, foot - high
    parts = [rect(left, top, wide, high, wall)]
    parts.append(rect(left + wide * 0.74, top, wide * 0.26, high, mix(wall, light.near, 0.16)))
    steep, over, inset = _EAVES[setting.roofs]
    eaves = [(left - over * size, top + 2), (left + wide * inset, top - size * steep)]
    parts.append(polygon([*eaves, *((2 * x - px, py) for px, py in reversed(eaves))], roof))
    if setting.roofs == "gabled":
        dormer = figure("dormer", light, {"wall": wall, "window": light.window})
        parts += [at(left + place * bay, top, size / 100, dormer) for place in range(1, bays, 2)]
    panes: dict[str, str] = {}
    for storey, place in itertools.product(range(storeys), range(bays)):
        wx, wy, low = left + (place + 0.5) * bay, top + (storey + 0.22) * size, storey == storeys - 1
        door = low and place == bays // 2
        lit = light.window if not light.dusk or hand.chance(0.72) else mix(wall, light.near, 0.6)
        half, high = (0.2, 0.78) if door else (0.16, 0.52)
        boxes = [(light.lit("#6b4a3a") if door else lit, wx - half * size, wy, half * 2 * size, high * size)]
        if not low:
            boxes.append((trim, wx - size * 0.2, wy + size * 0.52, size * 0.4, size * 0.05))
            if setting.roofs == "tiled":
                shutters = (wx - size * 0.295, wx + size * 0.175)
                boxes += [(shutter, side, wy, size * 0.12, size * 0.52) for side in shutters]
        for colour, bx, by, w, h in boxes:
            panes[colour] = f"{panes.get(colour, '')}M{bx:.0f} {by:.0f}h{w:.0f}v{h:.0f}h-{w:.0f}z"
    parts += [path(d, colour) for colour, d in panes.items()]
    if hotel:
        entrance = figure("entrance", light, {"awning": light.lit(hand.thing("awnings"))})
        parts.append(at(left + (bays // 2 + 0.5) * bay, foot, size / 100, entrance))
    return "".join(parts)


def _tree(site: _Site, x: float, foot: float, high: float, shade: float = 0.3) -> str:
    """A tree of a kind that grows there, `high` if it is a broad one; others are taller."""
    hand, light, setting = site
    leaf, trunk = mix(light.leaf, light.near, shade), mix(light.lit("#8a6547"), light.near, 0.25)
    own = {"leaf": leaf, "trunk": trunk, "fresh": mix(leaf, light.horizon, 0.08)}
    scale = high * _TALL.get(setting.trees, 1) / 100
    return at(x, foot, scale, figure(setting.trees, light, own), hand.one_of((-1, 1)))


def _skyline(site: _Site, level: float) -> list[str]:
    """Two rows of roofs, the nearer with windows: towers, domes and spires, or blocks, as the city is."""
    hand, light, setting = site
    high = {"metropolis": 330, "city": 190}.get(setting.size, 130) * (0.6 if setting.mountains else 1)
    shapes, tops = [], _TOPS[setting.roofs]
    for share, near in ((0.04, False), (0.26, True)):
        x, panes, colour = -30.0, "", mix(light.far, light.near, share)
        while x < WIDTH:
            wide, tall = hand.between(56, 118), hand.between(0.4, 1) * high * (0.8 if near else 1)
            if setting.size == "metropolis":
                tall *= hand.one_of((0.5, 0.7, 1.0))
            top, kind = level - tall, hand.one_of(tops)
            if kind == tops[0] and (near or setting.size != ("metropolis" if kind == "mast" else "city")):
                kind = tops[1]
            shapes.append(rect(x, top, wide + 1, tall + 20, colour))
            if kind:
                shapes.append(at(x, top, wide / 100, figure(kind, light, {"far": colour})))
            columns, rows = range(int((wide - 22) // 18)), range(int((tall - 20) // 26))
            for column, row in itertools.product(columns, rows):
                if near and hand.chance(0.5):
                    panes += f"M{x + 12 + column * 18:.0f} {top + 14 + row * 26:.0f}h8v12h-8z"
            x += wide
        pane = light.window if light.dusk else mix(colour, "#ffffff", 0.3)
        shapes.append(path(panes, pane, 'opacity=".6"'))
    return shapes
