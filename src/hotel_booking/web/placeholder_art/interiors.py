"""Rooms for the placeholder art: a bed, a lamp, and the hotel's own view in the window."""

from __future__ import annotations

from hotel_booking.web.placeholder_art.brush import (
    HEIGHT,
    WIDTH,
    Hand,
    Palette,
    at,
    circle,
    ellipse,
    group,
    mix,
    path,
    polygon,
    rect,
)
from hotel_booking.web.placeholder_art.scenery import Drawn

_WALLS = ("#e9e1d4", "#dfe3dc", "#e6dcd6", "#d9e0e4", "#ece4d6", "#d5dcd6")
_ACCENTS = ("#3f6672", "#8c5a52", "#5b7a62", "#a9793f", "#5d5a82", "#35596b", "#9b5d68")
_WOODS = ("#a37a56", "#8a6547", "#b78f66", "#6f5442")
_LEAVES = ("#5b7a62", "#4f7a66", "#6b8567")
_CURTAIN = "M0 0H100C90 270 110 510 84 702H4C22 470-6 230 0 0Z"
_FOLD = "M{x} 2C{a} 270 {b} 510 {c} 700"


def room(hand: Hand, light: Palette, outside: Drawn) -> Drawn:
    """A bedroom with `outside` in its window."""
    defs, scene = outside
    wall = mix(hand.one_of(_WALLS), "#2a3147", 0.42 if light.dusk else 0.0)
    accent, wood = hand.one_of(_ACCENTS), hand.one_of(_WOODS)
    if light.dusk:
        accent, wood = mix(accent, "#1c2238", 0.25), mix(wood, "#1c2238", 0.3)
    left = hand.chance(0.5)
    shapes = [rect(0, 0, WIDTH, HEIGHT, wall), *_floor(mix(wood, wall, 0.25), wall)]
    window, clip = _window(hand, 90 if left else 830, wall, scene, wood)
    shapes.append(window)
    shapes += _picture(hand, 1130 if left else 470, accent, wall)
    shapes += _bed(hand, 830 if left else 170, wall, accent, wood)
    shapes += _lamp(736 if left else 864, accent, wood, light)
    shapes += _plant(1530 if left else 70, hand)
    if light.dusk:
        shapes.append(circle(736 if left else 864, 520, 620, "url(#glow)", 'opacity=".5"'))
    return [*defs, clip], shapes


def _floor(floor: str, wall: str) -> list[str]:
    dark = mix(floor, "#000000", 0.12)
    boards = []
    for x in range(0, WIDTH, 200):
        foot = x + (x - WIDTH / 2) * 0.3
        boards.append(polygon([(x, 802), (x + 3, 802), (foot + 3, HEIGHT), (foot, HEIGHT)], dark))
    skirting = rect(0, 790, WIDTH, 12, mix(wall, "#ffffff", 0.35))
    return [rect(0, 800, WIDTH, 200, floor), *boards, skirting]


def _window(hand: Hand, x: float, wall: str, scene: list[str], wood: str) -> tuple[str, str]:
    """The window with its curtains, and the definition of its outline."""
    wide, top, foot = 620, 130, 690
    frame, drape = mix(wall, "#ffffff", 0.6), mix(wall, "#ffffff", 0.45)
    if hand.chance(0.4):
        above = f"V{top + 190}C{x} {top - 40} {x + wide} {top - 40} {x + wide} {top + 190}"
    else:
        above = f"V{top}H{x + wide}"
    outline = f"M{x} {foot}{above}V{foot}Z"
    scale = 0.62
    moved_x, moved_y = x + wide / 2 - WIDTH * scale / 2, foot - HEIGHT * scale
    inside = [group(scene, f'transform="translate({moved_x:.0f} {moved_y:.0f}) scale({scale})"')]
    inside.append(rect(x + wide / 2 - 6, top - 40, 12, foot - top + 40, frame))
    if hand.chance(0.5):
        inside.append(rect(x, top + (foot - top) * 0.36, wide, 10, frame))
    fold = f'stroke="{mix(drape, wood, 0.18)}" stroke-width="3"'
    curtain = path(_CURTAIN, drape) + "".join(
        path(_FOLD.format(x=at_x, a=at_x + 10, b=at_x - 8, c=at_x + 4), "none", fold) for at_x in (28, 58)
    )
    parts = [
        group(inside, 'clip-path="url(#pane)"'),
        path(outline, "none", f'stroke="{frame}" stroke-width="16"'),
        rect(x - 26, foot, wide + 52, 18, frame),
        rect(x - 90, 82, wide + 180, 12, wood, rounded=6),
        at(x - 60, 90, 100, curtain),
        at(x + wide - 40, 90, 100, curtain),
    ]
    return group(parts), f'<clipPath id="pane"><path d="{outline}"/></clipPath>'


def _picture(hand: Hand, x: float, accent: str, wall: str) -> list[str]:
    wide, high = 260, 190
    low, crest, end = hand.between(80, 130), 170, hand.between(95, 133)
    hill = f"M0 190V118C90 {low:.0f} 160 {crest} 260 {end:.0f}V190Z"
    shapes = [
        rect(-10, -10, wide + 20, high + 20, mix(accent, "#20242c", 0.35)),
        rect(0, 0, wide, high, mix(wall, "#ffffff", 0.75)),
        circle(130 + hand.between(-60, 60), 80, hand.between(26, 44), mix(accent, "#f2c48f", 0.7)),
        path(hill, mix(accent, wall, 0.35)),
    ]
    return [at(x - wide / 2, 170, 100, "".join(shapes))]


def _bed(hand: Hand, x: float, wall: str, accent: str, wood: str) -> list[str]:
    """One wide bed, or two beside each other."""
    head = mix(accent, wood, 0.25) if hand.chance(0.5) else wood
    twin = hand.chance(0.3)
    beds = [(x, 280.0), (x + 320, 280.0)] if twin else [(x, 600.0)]
    shapes = [ellipse(x + 300, 930, 400, 26, "#000000", 'opacity=".13"')]
    for start, wide in beds:
        shapes.append(at(start, 0, 100, _one_bed(wide, 1 if twin else 2, wall, accent, wood, head)))
    return shapes


def _one_bed(wide: float, pillows: int, wall: str, accent: str, wood: str, head: str) -> str:
    linen = mix(wall, "#ffffff", 0.72)
    parts = [rect(-10, 470, wide + 20, 300, head, rounded=26), rect(0, 640, wide, 190, linen, rounded=24)]
    for place in range(pillows):
        soft = wide / pillows * 0.74
        x = wide / pillows * (place + 0.5) - soft / 2
        parts += [
            rect(x, 560, soft, 110, mix(linen, "#ffffff", 0.5), rounded=34),
            rect(x + soft * 0.18, 602, soft * 0.64, 78, mix(accent, linen, 0.25), rounded=22),
        ]
    near, far, right = f"{wide * 0.3:.0f}", f"{wide * 0.7:.0f}", f"{wide + 15:.0f}"
    return "".join(
        [
            *parts,
            path(f"M-15 700C{near} 676 {far} 676 {right} 700V890H-15Z", mix(linen, accent, 0.14)),
            path(f"M-15 752C{near} 730 {far} 730 {right} 752V850H-15Z", accent),
            rect(12, 888, 16, 40, wood),
            rect(wide - 28, 888, 16, 40, wood),
        ]
    )


def _lamp(x: float, accent: str, wood: str, light: Palette) -> list[str]:
    shade = mix(light.window, "#fff3dc", 0.55) if light.dusk else mix(accent, "#fff6e6", 0.78)
    return [
        rect(x - 52, 700, 104, 190, wood, rounded=8),
        rect(x - 40, 740, 80, 3, mix(wood, "#000000", 0.25)),
        rect(x - 5, 610, 10, 90, mix(wood, "#20242c", 0.5)),
        ellipse(x, 700, 28, 7, mix(wood, "#20242c", 0.5)),
        polygon([(x - 34, 530), (x + 34, 530), (x + 56, 622), (x - 56, 622)], shade),
    ]


def _plant(x: float, hand: Hand) -> list[str]:
    leaf = hand.one_of(_LEAVES)
    leaves = []
    for wide, high in ((-120, 210), (-70, 300), (-14, 340), (60, 290), (118, 190)):
        outer = f"C{wide * 0.4:.0f}-100 {wide}-{high} {wide}-{high}"
        inner = f"C{wide * 0.5:.0f}-{high * 0.4:.0f} {wide * 0.3:.0f}-20 0 0Z"
        leaves.append(path(f"M0 0{outer}{inner}", mix(leaf, "#1f3a33", hand.between(0, 0.35))))
    return [at(x, 800, 100, "".join(leaves) + path("M-50 0H50L36 110H-36Z", "#b98a68"))]
