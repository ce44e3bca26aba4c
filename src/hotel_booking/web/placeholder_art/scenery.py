"""What the views of the placeholder art have in common: ridges, water, houses, trees, boats."""

from __future__ import annotations

import itertools

from hotel_booking.web.placeholder_art.brush import (
    HEIGHT,
    WIDTH,
    Hand,
    Palette,
    Point,
    at,
    ellipse,
    gradient,
    group,
    line,
    mix,
    path,
    polygon,
    rect,
)

Drawn = tuple[list[str], list[str]]  # definitions, shapes


def ridge(hand: Hand, level: float, rise: float, step: float) -> list[Point]:
    """A broken line around `level`, at most `rise` high, with a point about every `step`."""
    points: list[Point] = []
    x = -40.0
    up = hand.chance(0.5)
    while x < WIDTH + 40:
        height = hand.between(0.45, 1) * rise if up else hand.between(0, 0.35) * rise
        points.append((x, level - height))
        x += hand.between(0.6, 1.4) * step
        up = not up
    points.append((WIDTH + 60, level))
    return points


def rocks(hand: Hand, points: list[Point]) -> list[Point]:
    """The line with smaller breaks between its points."""
    result: list[Point] = []
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        result.append((x1, y1))
        for share in (0.33, 0.66):
            bend = hand.between(-0.09, 0.09) * abs(y2 - y1)
            x = x1 + (x2 - x1) * (share + hand.between(-0.06, 0.06))
            result.append((x, y1 + (y2 - y1) * share + bend))
    return [*result, points[-1]]


def level_of(points: list[Point], x: float) -> float:
    """How high a smooth line runs at `x`."""
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        if x1 <= x <= x2:
            share = (x - x1) / (x2 - x1)
            return y1 + (y2 - y1) * share * share * (3 - 2 * share)
    return points[-1][1]


def water(name: str, light: Palette, top: float, hand: Hand, sun_x: float) -> Drawn:
    """Water down to the picture's edge, with the sun on it."""
    deep = mix(mix(light.sky, light.near, 0.55), "#2f8a94", 0.0 if light.dusk else 0.28)
    shapes = [rect(0, top, WIDTH, HEIGHT - top, f"url(#{name})")]
    y, gap = top + 8.0, 9.0
    while y < HEIGHT:
        spread = 30 + (y - top) * 0.34
        for _ in range(2):
            x, half = sun_x + hand.between(-spread, spread), hand.between(0.12, 0.5) * spread + 12
            opacity = f'opacity="{0.42 if light.dusk else 0.5}"'
            shapes.append(line([(x - half, y), (x + half, y)], light.sun, 1.5 + (y - top) / 130, opacity))
        for _ in range(2):
            x, half, low = hand.between(0, WIDTH), hand.between(30, 120), y + gap / 2
            width = 1.5 + (y - top) / 180
            shapes.append(line([(x - half, low), (x + half, low)], "#ffffff", width, 'opacity=".13"'))
        y, gap = y + gap, gap * 1.16
    return [gradient(name, mix(light.horizon, deep, 0.38), deep)], shapes


def house(
    hand: Hand, light: Palette, x: float, foot: float, size: float, *, storeys: int, flat: bool = False
) -> str:
    """A hotel seen from the front, its foot at (x, foot), `size` a storey's height."""
    bays = hand.whole(3, 5)
    wide, high = bays * size * 0.8, storeys * size
    left, top = x - wide / 2, foot - high
    shade = mix(light.wall, light.near, 0.22)
    parts = [rect(left, top, wide, high, light.wall), rect(left + wide * 0.72, top, wide * 0.28, high, shade)]
    if flat:
        cornice = mix(light.wall, light.roof, 0.35)
        parts.append(rect(left - size * 0.1, top - size * 0.16, wide + size * 0.2, size * 0.18, cornice))
    else:
        over, ridge_y = size * 0.18, top - size * 0.62
        roof = [
            (left - over, top),
            (left + wide * 0.16, ridge_y),
            (left + wide * 0.84, ridge_y),
            (left + wide + over, top),
        ]
        parts.append(polygon(roof, light.roof))
    for storey in range(storeys):
        for bay in range(bays):
            window_x = left + (bay + 0.5) * wide / bays - size * 0.16
            window_y = top + storey * size + size * 0.24
            if storey == storeys - 1 and bay == bays // 2:
                door = mix(light.roof, light.near, 0.3)
                parts.append(rect(window_x - size * 0.03, window_y, size * 0.38, size * 0.76, door))
                continue
            lit = not light.dusk or hand.chance(0.72)
            pane = light.window if lit else mix(light.wall, light.near, 0.55)
            parts.append(rect(window_x, window_y, size * 0.32, size * 0.5, pane, rounded=size * 0.04))
    return group(parts)


def cypress(x: float, foot: float, high: float, colour: str) -> str:
    """A slender tree."""
    return at(x, foot, high, path("M0-100C13-55 16-10 0 0C-16-10-13-55 0-100Z", colour))


def round_tree(x: float, foot: float, high: float, colour: str, trunk: str) -> str:
    """A tree of an avenue."""
    shapes = [
        rect(-3, -40, 6, 40, trunk),
        ellipse(0, -64, 30, 36, colour),
        ellipse(-18, -50, 20, 22, colour),
        ellipse(18, -52, 21, 24, colour),
    ]
    return at(x, foot, high, "".join(shapes))


def fir(x: float, foot: float, high: float, colour: str) -> str:
    """A fir of three tiers."""
    return at(x, foot, high, path("M0-100L13-62H-13ZM0-84L19-34H-19ZM0-56L25-6H-25Z", colour))


def sail(x: float, y: float, size: float, light: Palette) -> str:
    """A boat under sail."""
    hull, cloth = mix(light.near, light.roof, 0.3), mix(light.wall, "#ffffff", 0.4)
    shapes = [
        path("M0-100V-14H50Z", cloth),
        path("M-6-82V-14H-34Z", cloth, 'opacity=".85"'),
        path("M-46-10H56L38 6H-32Z", hull),
    ]
    return at(x, y, size, "".join(shapes))
