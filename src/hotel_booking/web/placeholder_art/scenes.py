"""Views of places for the placeholder art: a sea, mountains, a city, gardens; with a hotel in each."""

from __future__ import annotations

from collections.abc import Callable

from hotel_booking.web.placeholder_art.brush import (
    HEIGHT,
    WIDTH,
    Hand,
    Palette,
    Point,
    circle,
    ellipse,
    glow,
    gradient,
    group,
    land,
    mix,
    path,
    polygon,
    rect,
)
from hotel_booking.web.placeholder_art.scenery import (
    Drawn,
    cypress,
    fir,
    house,
    level_of,
    ridge,
    rocks,
    round_tree,
    sail,
    water,
)


def view(kind: str, hand: Hand, light: Palette) -> Drawn:
    """The whole picture of a place: the sky, then what stands under it, far to near."""
    sun_x = hand.between(0.2, 0.8) * WIDTH
    defs = [gradient("sky", light.sky, light.horizon), glow("glow", light.sun)]
    shapes = [rect(0, 0, WIDTH, HEIGHT, "url(#sky)"), *_sun(hand, light, sun_x), *_clouds(hand, light)]
    more_defs, more = SCENES[kind](hand, light, sun_x)
    return defs + more_defs, shapes + more


def _sun(hand: Hand, light: Palette, x: float) -> list[str]:
    y = hand.between(330, 430) if light.dusk else hand.between(150, 260)
    parts = [circle(x, y, 420, "url(#glow)"), circle(x, y, 46, light.sun, 'opacity=".95"')]
    if light.dusk:
        for _ in range(26):
            star_x, star_y, size = hand.between(0, WIDTH), hand.between(20, 260), hand.between(1.2, 2.6)
            parts.append(circle(star_x, star_y, size, "#ffffff", 'opacity=".7"'))
    return parts


def _clouds(hand: Hand, light: Palette) -> list[str]:
    colour = mix(light.horizon, "#ffffff", 0.15 if light.dusk else 0.6)
    clouds = []
    for _ in range(hand.whole(2, 4)):
        x, y, size = hand.between(0, WIDTH), hand.between(110, 330), hand.between(90, 170)
        parts = [
            ellipse(x, y, size * 1.7, size * 0.09, colour),
            ellipse(x - size * 0.5, y - size * 0.07, size * 0.7, size * 0.1, colour),
            ellipse(x + size * 0.6, y + size * 0.08, size * 1.2, size * 0.07, colour),
        ]
        clouds.append(group(parts, f'opacity="{0.28 if light.dusk else 0.6}"'))
    return clouds


def _sea(hand: Hand, light: Palette, sun_x: float) -> Drawn:
    horizon = hand.between(500, 560)
    shapes = []
    for share, rise in ((0.0, 90), (0.22, 60)):
        far = ridge(hand, horizon + 4, hand.between(0.6, 1.2) * rise, 330)
        cut = hand.between(0.35, 0.65) * WIDTH
        side = [(x, y if (x < cut) == (sun_x > WIDTH / 2) else horizon + 4) for x, y in far]
        shapes.append(land(side, mix(light.far, light.near, share), bottom=horizon + 4, smooth=True))
    defs, sea = water("water", light, horizon, hand, sun_x)
    shapes += sea
    for _ in range(hand.whole(1, 3)):
        x, y = hand.between(0.3, 0.7) * WIDTH, hand.between(horizon + 20, horizon + 120)
        shapes.append(sail(x, y, hand.between(40, 78), light))
    # The coast with the hotel lies away from the sun.
    right = sun_x < WIDTH / 2
    coast = [(0.0, 640.0), (200, 650), (400, 700), (560, 780), (690, 872), (800, 960), (900, 1010)]
    if right:
        coast = [(WIDTH - x, y) for x, y in reversed(coast)]
    cliff, top = mix(light.near, light.leaf, 0.75), mix(light.leaf, light.horizon, 0.18)
    x = WIDTH - 250 if right else 250.0
    shapes.append(house(hand, light, x, 690, 62, storeys=3, flat=True))
    for way in (-1, 1):
        beside = x + way * hand.between(200, 240) * (1 if right else -1)
        shapes.append(house(hand, light, beside, 720, 36, storeys=2, flat=way > 0))
    shapes.append(land([(px, py + 2) for px, py in coast], top, smooth=True))
    shapes.append(land([(px, py + 46) for px, py in coast], cliff, smooth=True, more='opacity=".85"'))
    for _ in range(9):
        tree_x = x + hand.between(-260, 260)
        foot = level_of(coast, tree_x) + hand.between(10, 50)
        colour = mix(light.leaf, light.near, hand.between(0.35, 0.7))
        shapes.append(cypress(tree_x, foot, hand.between(70, 150), colour))
    return defs, shapes


def _mountains(hand: Hand, light: Palette, sun_x: float) -> Drawn:
    shapes = []
    white = mix("#ffffff", light.horizon if light.dusk else light.far, 0.32 if light.dusk else 0.12)
    for place, (level, rise, step) in enumerate(((640, 330, 210), (660, 250, 240), (690, 150, 220))):
        points = rocks(hand, ridge(hand, level, rise, step))
        shapes.append(land(points, mix(light.far, light.near, place * 0.36)))
        if place < 2:
            shapes += _snow(points, level, rise, white)
    defs, lake = water("lake", light, 705, hand, sun_x)
    shapes += lake
    meadow = [(-20.0, 850.0), (300, 800), (640, 806), (1000, 858), (1300, 838), (1640, 800)]
    x = hand.between(0.24, 0.4) * WIDTH if sun_x > WIDTH / 2 else hand.between(0.6, 0.76) * WIDTH
    trees = []
    for _ in range(34):
        tree_x = hand.between(-20, WIDTH + 20)
        if abs(tree_x - x) > 190:
            trees.append((level_of(meadow, tree_x) + hand.between(4, 60), tree_x, hand.between(90, 190)))
    trees.sort()
    behind, before = trees[: len(trees) // 2], trees[len(trees) // 2 :]
    firs, shade = mix(light.leaf, light.near, 0.55), mix(light.leaf, light.near, 0.22)
    shapes += [fir(tree_x, foot, high, firs) for foot, tree_x, high in behind]
    shapes.append(land(meadow, mix(light.leaf, light.horizon, 0.12), smooth=True))
    shapes.append(house(hand, light, x, level_of(meadow, x) + 26, 66, storeys=3))
    shapes.append(land([(px, py + 60) for px, py in meadow], shade, smooth=True, more='opacity=".55"'))
    firs = mix(light.leaf, light.near, 0.72)
    shapes += [fir(tree_x, foot + 50, high * 1.15, firs) for foot, tree_x, high in before]
    return defs, shapes


def _snow(points: list[Point], level: float, rise: float, colour: str) -> list[str]:
    """Snow on the peaks that reach the upper half of a range."""
    caps = []
    for (x1, y1), (x2, y2), (x3, y3) in zip(points, points[1:], points[2:], strict=False):
        if not (y2 < y1 and y2 < y3 and y2 < level - rise * 0.55):
            continue
        depth = (level - rise * 0.4 - y2) * 0.62
        left, right = min(1.0, depth / max(y1 - y2, 1)), min(1.0, depth / max(y3 - y2, 1))
        lx, ly = x2 + (x1 - x2) * left, y2 + (y1 - y2) * left
        rx, ry = x2 + (x3 - x2) * right, y2 + (y3 - y2) * right
        edge = [
            (x2 + (rx - x2) * 0.4, ry - depth * 0.22),
            (x2 + 4, y2 + depth * 0.8),
            (x2 + (lx - x2) * 0.4, ly - depth * 0.2),
        ]
        caps.append(polygon([(lx, ly), (x2, y2), (rx, ry), *edge], colour, 'opacity=".9"'))
    return caps


def _city(hand: Hand, light: Palette, sun_x: float) -> Drawn:
    shapes = _skyline(hand, light)
    defs, river = water("river", light, 706, hand, sun_x)
    shapes += river
    stone = mix(light.wall, light.near, 0.4)
    shapes.append(rect(0, 700, WIDTH, 14, mix(light.far, light.near, 0.55)))
    x = 330.0 if sun_x > WIDTH / 2 else WIDTH - 330
    for way in (-1, 1):
        beside, size = x + way * hand.between(270, 300), hand.between(74, 88)
        shapes.append(house(hand, light, beside, 872, size, storeys=4, flat=hand.chance(0.5)))
    shapes.append(house(hand, light, x, 872, 96, storeys=5))
    shapes += [rect(0, 866, WIDTH, 134, stone), rect(0, 862, WIDTH, 9, mix(stone, light.horizon, 0.35))]
    trunk = mix(light.near, light.roof, 0.3)
    for step in range(9):
        tree_x = 60 + step * 186 + hand.between(-24, 24)
        colour = mix(light.leaf, light.near, hand.between(0.15, 0.4))
        shapes.append(round_tree(tree_x, 902, hand.between(110, 150), colour, trunk))
        if light.dusk:
            shapes += [
                rect(tree_x + 88, 800, 4, 100, light.near),
                circle(tree_x + 90, 798, 9, light.window),
                circle(tree_x + 90, 798, 40, "url(#glow)"),
            ]
    return defs, shapes


def _skyline(hand: Hand, light: Palette) -> list[str]:
    """Two rows of roofs across the river, the nearer with windows."""
    shapes = []
    for share, low, high, wide in ((0.05, 110, 250, 90), (0.34, 90, 230, 104)):
        colour = mix(light.far, light.near, share)
        x = -30.0
        while x < WIDTH:
            w, h = hand.between(0.6, 1.25) * wide, hand.between(low, high)
            top = 700 - h
            shapes.append(rect(x, top, w + 1, h + 10, colour))
            roof = hand.whole(0, 4)
            if roof == 0:
                shapes.append(polygon([(x, top + 1), (x + w / 2, top - w * 0.5), (x + w, top + 1)], colour))
            elif roof == 1:
                shapes.append(ellipse(x + w / 2, top, w * 0.36, w * 0.36, colour))
                shapes.append(rect(x + w / 2 - 2, top - w * 0.62, 4, w * 0.3, colour))
            elif roof == 2:
                shapes.append(rect(x + w * 0.2, top - 22, w * 0.3, 24, colour))
            if share > 0.1:
                shapes += _windows(hand, light, x + 12, top + 12, w - 24, h - 60)
            x += w
    return shapes


def _windows(hand: Hand, light: Palette, x: float, y: float, wide: float, high: float) -> list[str]:
    colour = light.window if light.dusk else mix(light.far, "#ffffff", 0.35)
    opacity = f'opacity="{0.75 if light.dusk else 0.5}"'
    return [
        rect(x + column * 18, y + row * 26, 8, 12, colour, more=opacity)
        for column in range(int(wide // 18))
        for row in range(int(high // 26))
        if hand.chance(0.42)
    ]


def _garden(hand: Hand, light: Palette, sun_x: float) -> Drawn:
    shapes = []
    for place, (level, rise) in enumerate(((600, 150), (660, 120), (730, 90), (830, 70))):
        hill = ridge(hand, level, rise, 420)
        colour = mix(mix(light.far, light.leaf, place * 0.32), light.horizon, 0.24 - place * 0.06)
        shapes.append(land(hill, colour, smooth=True))
        if place == 1:
            for _ in range(16):
                x, high = hand.between(0, WIDTH), hand.between(30, 60)
                shapes.append(cypress(x, level_of(hill, x) + 8, high, mix(colour, light.near, 0.4)))
        if place == 2:
            shapes += _vines(hand, light, hill)
            x = hand.between(0.26, 0.4) * WIDTH if sun_x > WIDTH / 2 else hand.between(0.6, 0.74) * WIDTH
            foot = level_of(hill, x)
            shapes.append(house(hand, light, x, foot + 44, 74, storeys=2))
            shapes.append(house(hand, light, x + 190, foot + 40, 48, storeys=2))
            for way in (-220, -180, 300, 340):
                high = hand.between(130, 190)
                tree = mix(light.leaf, light.near, 0.5)
                shapes.append(cypress(x + way, level_of(hill, x + way) + 40, high, tree))
    front = [(-20.0, 900.0), (400, 930), (800, 915), (1200, 940), (1640, 890)]
    shapes.append(land(front, mix(light.leaf, light.near, 0.45), smooth=True))
    blossoms = (light.roof, mix(light.roof, light.horizon, 0.5), mix(light.wall, "#ffffff", 0.4), "#d9a441")
    for _ in range(90):
        x = hand.between(0, WIDTH)
        y = level_of(front, x) + hand.between(2, 70)
        shapes.append(circle(x, y, hand.between(4, 10), hand.one_of(blossoms), 'opacity=".85"'))
    return [], shapes


def _vines(hand: Hand, light: Palette, hill: list[Point]) -> list[str]:
    """Rows that run up a hill."""
    colour = mix(light.leaf, light.near, 0.35)
    rows = []
    for start in range(-260, WIDTH, 46):
        end = start + 130 + hand.between(-6, 6)
        top = level_of(hill, end) + 14
        d = f"M{start} 900C{start + 60} 840 {start + 90} 800 {end:.0f} {top:.0f}"
        more = f'stroke="{colour}" stroke-width="5" stroke-linecap="round" opacity=".22"'
        rows.append(path(d, "none", more))
    return rows


SCENES: dict[str, Callable[[Hand, Palette, float], Drawn]] = {
    "sea": _sea,
    "mountains": _mountains,
    "city": _city,
    "garden": _garden,
}
