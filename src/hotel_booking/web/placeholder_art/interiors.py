"""The hotel inside, for the placeholder art: a room with its beds, a bathroom, the lobby, breakfast; with the
hotel's own view in the windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotel_booking.web.placeholder_art.brush import (
    HEIGHT,
    WIDTH,
    Drawn,
    Hand,
    Palette,
    at,
    colours,
    ellipse,
    figure,
    glow,
    mix,
    path,
    rect,
    stroke,
)

# The figure of a kind of bed, how wide that is, and how wide the bed is.
_BEDS = {
    "single": ("bed1", 240, 240), "twin": ("bed1", 240, 250), "double": ("bed2", 440, 390),
    "queen": ("bed2", 440, 440), "king": ("bed2", 440, 510), "bunk": ("bunk", 290, 290),
    "sofa_bed": ("sofa", 440, 440), "futon": ("mat", 300, 300), "tatami": ("mat", 300, 300),
    "crib": ("crib", 150, 150),
}  # fmt: skip
_OTHER, _GAP = ("bed1", 240, 300), 44


def _colours(hand: Hand, light: Palette) -> dict[str, str]:
    """What figures.svg calls the colours of a room."""
    paints = {name: hand.thing(f"{name}s") for name in ("accent", "wood", "wall")}
    if light.dusk:
        paints = {name: mix(colour, "#3b2f45", 0.32) for name, colour in paints.items()}
    paints |= {"sky": light.sky, "green": light.leaf, "shine": mix(light.window, "#fff3dc", 0.55)}
    if not light.dusk:
        paints["shine"] = mix(paints["accent"], "#fff6e6", 0.78)
    for name, (one, other, share) in colours().mixes.items():
        paints[name] = mix(paints.get(one, one), paints.get(other, other), share)
    paints["head"] = hand.one_of((paints["wood"], mix(paints["accent"], paints["wood"], 0.25)))
    return paints


def _shell(paints: Mapping[str, str], floor: str) -> list[str]:
    """Wall, skirting and floor boards."""
    boards = "".join(f"M{x} 802h3L{x + (x - 800) * 0.3 + 3:.0f} 1000h-3Z" for x in range(0, WIDTH + 1, 200))
    wall, ground = rect(0, 0, WIDTH, HEIGHT, paints["wall"]), rect(0, 800, WIDTH, 200, floor)
    return [wall, ground, path(boards, mix(floor, "#000000", 0.12)), rect(0, 790, WIDTH, 12, paints["frame"])]


def _window(
    hand: Hand, light: Palette, paints: Mapping[str, str], x: float, wide: float, outside: Drawn
) -> Drawn:
    """A window on what is outside, round above or not, with curtains."""
    foot, scale, frame = 690, 0.62, paints["frame"]
    above = f"V320C{x} 90 {x + wide} 90 {x + wide} 320" if hand.chance(0.4) else f"V130H{x + wide}"
    outline, bar = f"M{x} {foot}{above}V{foot}Z", 330 if hand.chance(0.5) else foot
    scene = at(x + wide / 2 - WIDTH * scale / 2, foot + 26 - HEIGHT * scale, scale, "".join(outside[1]))
    bars = rect(x + wide / 2 - 6, 90, 12, 600, frame) + rect(x, bar, wide, 10, frame)
    curtain = figure("curtain", light, paints)
    shapes = [
        f'<g clip-path="url(#pane)">{scene}{bars}</g>',
        stroke(outline, frame, 16),
        rect(x - 26, foot, wide + 52, 18, frame),
    ]
    shapes += [
        rect(x - 90, 82, wide + 180, 12, paints["wood"]),
        at(x - 60, 90, 1, curtain),
        at(x + wide - 40, 90, 1, curtain),
    ]
    return [*outside[0], f'<clipPath id="pane"><path d="{outline}"/></clipPath>'], shapes


def room(hand: Hand, light: Palette, outside: Drawn, kinds: Sequence[str]) -> Drawn:
    """A bedroom with its beds, each of its kind; without any, a place to sit."""
    paints, left = _colours(hand, light), hand.chance(0.5)
    needed = sum(_BEDS.get(kind, _OTHER)[2] + _GAP for kind in kinds) - _GAP
    # Many beds get more of the wall, and the window less of it.
    wide = 620 if needed <= 900 else 330 if needed <= 2000 else 0
    free = WIDTH - 130 - (wide + 200 if wide else 0)
    scale = min(1.0, free / max(needed, 1))
    start = 220.0 + wide if left and wide else 65.0
    x = begin = start + (free - needed * scale) / 2
    end, foot = begin + needed * scale, 940 - (1 - scale) * 70
    defs, shapes = outside[0], _shell(paints, paints["floor"])
    if wide:
        defs, window = _window(hand, light, paints, 100 if left else WIDTH - 100 - wide, wide, outside)
        shapes += window
    if needed < 700 and "bunk" not in kinds:
        shapes.append(at((begin + end) / 2, 150, 1, figure("painting", light, paints)))
    shapes.append(ellipse((begin + end) / 2, foot, (end - begin) / 2 + 40, 20, "#000000", 'opacity=".12"'))
    for kind in kinds:
        name, drawn, wide = _BEDS.get(kind, _OTHER)
        shapes.append(at(x, foot - 930 * scale, scale, figure(name, light, paints), wide / drawn))
        x += (wide + _GAP) * scale
    if not kinds:
        shapes.append(at(start + free * 0.62, 930, 1, figure("chair", light, paints)))
    if needed + 220 < free:
        lamp_x = start + free * 0.3 if not kinds else begin - 80 if left else end + 80
        shapes += [
            at(lamp_x, 0, 1, figure("lamp", light, paints)),
            at(1520 if left else 80, 910, 1, figure("plant", light, paints)),
        ]
        if light.dusk:
            shapes.append(ellipse(lamp_x, 590, 460, 460, "url(#glow)", 'opacity=".4"'))
    return defs, shapes


def bathroom(hand: Hand, light: Palette) -> Drawn:
    """A basin under a mirror, towels, and a shower behind glass."""
    paints = _colours(hand, light)
    scene = figure("bathroom", light, paints) + at(120, 930, 1, figure("plant", light, paints))
    turned = at(0, 0, 1, scene) if hand.chance(0.5) else at(WIDTH, 0, 1, scene, -1)
    return [glow(light.sun)], [*_shell(paints, mix(paints["stone"], paints["wood"], 0.3)), turned]


def lobby(hand: Hand, light: Palette, outside: Drawn) -> Drawn:
    """The reception with its keys, lamps above it, and chairs at a window."""
    paints, left = _colours(hand, light), hand.chance(0.5)
    defs, window = _window(hand, light, paints, 110 if left else 1030, 460, outside)
    vase, chair = figure("vase", light, paints), figure("chair", light, paints)
    scene = [
        figure("reception", light, paints),
        at(700, 572, 1, vase),
        at(1260, 832, 1, vase),
        at(52, 910, 1, figure("plant", light, paints)),
    ]
    scene += [at(x, 935, 0.84, chair) for x in (1070, 1450)]
    turned = at(WIDTH, 0, 1, "".join(scene), -1) if left else "".join(scene)
    return defs, [*_shell(paints, paints["pine"]), *window, turned]


def breakfast(hand: Hand, light: Palette, outside: Drawn) -> Drawn:
    """A laid table before the window."""
    paints = _colours(hand, light)
    defs, window = _window(hand, light, paints, 420, 760, outside)
    paintings = [at(x, 240, 1, figure("painting", light, paints)) for x in (170, 1430)]
    laid = figure("table", light, paints) + at(1390, 880, 1.2, figure("vase", light, paints))
    return defs, [rect(0, 0, WIDTH, HEIGHT, paints["wall"]), *window, *paintings, laid]
