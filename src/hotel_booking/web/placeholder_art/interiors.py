"""The hotel inside, for the placeholder art: a room with its beds, a bathroom, the lobby, breakfast; with the
hotel's own view in the windows."""

from __future__ import annotations

from collections.abc import Sequence

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


class Inside:
    """What a room is drawn with: by whose hand, in which light, in its colours, as figures.svg calls them."""

    def __init__(self, hand: Hand, light: Palette) -> None:
        self.hand, self.light = hand, light
        paints = {name: hand.thing(f"{name}s") for name in ("accent", "wood", "wall")}
        if light.dusk:
            paints = {name: mix(colour, "#3b2f45", 0.32) for name, colour in paints.items()}
        shine = mix(light.window, "#fff3dc", 0.55) if light.dusk else mix(paints["accent"], "#fff6e6", 0.78)
        paints |= {"sky": light.sky, "green": light.leaf, "shine": shine}
        for name, (one, other, share) in colours().mixes.items():
            paints[name] = mix(paints.get(one, one), paints.get(other, other), share)
        paints["head"] = hand.one_of((paints["wood"], mix(paints["accent"], paints["wood"], 0.25)))
        self.paints = paints

    def put(self, name: str, x: float, y: float, scale: float = 1, wide: float = 1) -> str:
        """A figure in its place."""
        return at(x, y, scale, figure(name, self.light, self.paints), wide)

    def shell(self, floor: str) -> list[str]:
        """Wall, skirting and floor boards."""
        boards = "".join(
            f"M{x} 802h3L{x + (x - 800) * 0.3 + 3:.0f} 1000h-3Z" for x in range(0, WIDTH + 1, 200)
        )
        wall, ground = rect(0, 0, WIDTH, HEIGHT, self.paints["wall"]), rect(0, 800, WIDTH, 200, floor)
        skirting = rect(0, 790, WIDTH, 12, self.paints["frame"])
        return [wall, ground, path(boards, mix(floor, "#000000", 0.12)), skirting]

    def window(self, x: float, wide: float, outside: Drawn) -> Drawn:
        """A window on what is outside, round above or not, with curtains."""
        foot, scale, frame = 690, 0.62, self.paints["frame"]
        above = f"V320C{x} 90 {x + wide} 90 {x + wide} 320" if self.hand.chance(0.4) else f"V130H{x + wide}"
        outline, bar = f"M{x} {foot}{above}V{foot}Z", 330 if self.hand.chance(0.5) else foot
        scene = at(x + wide / 2 - WIDTH * scale / 2, foot + 26 - HEIGHT * scale, scale, "".join(outside[1]))
        bars = rect(x + wide / 2 - 6, 90, 12, 600, frame) + rect(x, bar, wide, 10, frame)
        shapes = [f'<g clip-path="url(#pane)">{scene}{bars}</g>', stroke(outline, frame, 16)]
        shapes += [
            rect(x - 26, foot, wide + 52, 18, frame),
            rect(x - 90, 82, wide + 180, 12, self.paints["wood"]),
        ]
        shapes += [self.put("curtain", edge, 90) for edge in (x - 60, x + wide - 40)]
        return [*outside[0], f'<clipPath id="pane"><path d="{outline}"/></clipPath>'], shapes


def room(inside: Inside, outside: Drawn, kinds: Sequence[str]) -> Drawn:
    """A bedroom with its beds, each of its kind; without any, a place to sit."""
    left = inside.hand.chance(0.5)
    needed = sum(_BEDS.get(kind, _OTHER)[2] + _GAP for kind in kinds) - _GAP
    # Many beds get more of the wall, and the window less of it.
    wide = 620 if needed <= 900 else 330 if needed <= 2000 else 0
    free = WIDTH - 130 - (wide + 200 if wide else 0)
    scale = min(1.0, free / max(needed, 1))
    start = 220.0 + wide if left and wide else 65.0
    x = begin = start + (free - needed * scale) / 2
    end, foot = begin + needed * scale, 940 - (1 - scale) * 70
    defs, shapes = outside[0], inside.shell(inside.paints["floor"])
    if wide:
        defs, window = inside.window(100 if left else WIDTH - 100 - wide, wide, outside)
        shapes += window
    if needed < 700 and "bunk" not in kinds:
        shapes.append(inside.put("painting", (begin + end) / 2, 150))
    shapes.append(ellipse((begin + end) / 2, foot, (end - begin) / 2 + 40, 20, "#000000", 'opacity=".12"'))
    for kind in kinds:
        name, drawn, wide = _BEDS.get(kind, _OTHER)
        shapes.append(inside.put(name, x, foot - 930 * scale, scale, wide / drawn))
        x += (wide + _GAP) * scale
    if not kinds:
        shapes.append(inside.put("chair", start + free * 0.62, 930))
    if needed + 220 < free:
        lamp_x = start + free * 0.3 if not kinds else begin - 80 if left else end + 80
        shapes += [inside.put("lamp", lamp_x, 0), inside.put("plant", 1520 if left else 80, 910)]
        if inside.light.dusk:
            shapes.append(ellipse(lamp_x, 590, 460, 460, "url(#glow)", 'opacity=".4"'))
    return defs, shapes


def bathroom(inside: Inside, _outside: Drawn, _kinds: Sequence[str]) -> Drawn:
    """A basin under a mirror, towels, and a shower behind glass."""
    scene = figure("bathroom", inside.light, inside.paints) + inside.put("plant", 120, 930)
    turned = at(0, 0, 1, scene) if inside.hand.chance(0.5) else at(WIDTH, 0, 1, scene, -1)
    floor = mix(inside.paints["stone"], inside.paints["wood"], 0.3)
    return [glow(inside.light.sun)], [*inside.shell(floor), turned]


def lobby(inside: Inside, outside: Drawn, _kinds: Sequence[str]) -> Drawn:
    """The reception with its keys, lamps above it, and chairs at a window."""
    left = inside.hand.chance(0.5)
    defs, window = inside.window(110 if left else 1030, 460, outside)
    scene = figure("reception", inside.light, inside.paints)
    for name, x, y, scale in (
        *(("vase", 700, 572, 1), ("vase", 1260, 832, 1), ("plant", 52, 910, 1)),
        *(("chair", 1070, 935, 0.84), ("chair", 1450, 935, 0.84)),
    ):
        scene += inside.put(name, x, y, scale)
    turned = at(WIDTH, 0, 1, scene, -1) if left else scene
    return defs, [*inside.shell(inside.paints["pine"]), *window, turned]


def breakfast(inside: Inside, outside: Drawn, _kinds: Sequence[str]) -> Drawn:
    """A laid table before the window."""
    defs, window = inside.window(420, 760, outside)
    paintings = [inside.put("painting", x, 240) for x in (170, 1430)]
    laid = figure("table", inside.light, inside.paints) + inside.put("vase", 1390, 880, 1.2)
    return defs, [rect(0, 0, WIDTH, HEIGHT, inside.paints["wall"]), *window, *paintings, laid]


ROOMS = {"lobby": lobby, "bathroom": bathroom, "breakfast": breakfast}
