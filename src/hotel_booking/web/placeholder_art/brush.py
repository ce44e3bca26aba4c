"""What the placeholder art is drawn with: colours that mix, shapes that are SVG, and one seeded hand.

The same words draw the same picture, on any machine and in any release of Python.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple, TypeVar

import msgspec.toml

WIDTH, HEIGHT = 1600, 1000

_T = TypeVar("_T")
Point = tuple[float, float]
Drawn = tuple[list[str], list[str]]  # definitions, shapes


class Palette(NamedTuple):
    """The light of a picture: the sky from above to the horizon, sun or moon, what is far (hazy) and near,
    leaves, water, and windows (lit at dusk)."""

    sky: str
    horizon: str
    sun: str
    far: str
    near: str
    leaf: str
    water: str
    window: str
    dusk: bool

    @classmethod
    def chosen(cls, hand: Hand, light: str) -> Palette:
        """One of the palettes of a light by its name; `dusk` is one of them."""
        sky, *more = (f"#{colour}" for colour in hand.one_of(colours().light[light]).split())
        return cls._make((sky, *more, light == "dusk"))

    def lit(self, colour: str) -> str:
        """A thing's own colour in this light."""
        return mix(colour, self.near, 0.42) if self.dusk else mix(colour, self.horizon, 0.08)


class Colours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """palette.toml, where the fields are described."""

    light: dict[str, list[str]]
    things: dict[str, list[str]]
    mixes: dict[str, tuple[str, str, float]]


def data(name: str) -> str:
    """The text of a file beside this one."""
    return (files("hotel_booking.web.placeholder_art") / name).read_text(encoding="utf-8")


@cache
def colours() -> Colours:
    """The colours of the art."""
    return msgspec.toml.decode(data("palette.toml"), type=Colours)


class Hand:
    """Draws by chance, the same every time for the same words."""

    def __init__(self, *words: str) -> None:
        seed = hashlib.sha256("\0".join(words).encode()).digest()
        self._state = int.from_bytes(seed[:8], "big")

    def _random(self) -> float:
        """From 0 to below 1: the high bits of Knuth's linear congruential generator (MMIX)."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 11) / 2**53

    def between(self, low: float, high: float) -> float:
        """Any number from `low` to `high`."""
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def thing(self, name: str) -> str:
        """One of the colours that a thing may have."""
        return self.one_of(colours().things[name])

    def one_of(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[int(self._random() * len(choices))]

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self._random() < share


def mix(one: str, other: str, share: float) -> str:
    """`share` of the other colour in the one: 0 is the one, 1 the other. Colours are #rrggbb."""
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def gradient(name: str, above: str, below: str) -> str:
    """A gradient from top to bottom, to be filled with by `url(#name)`."""
    stops = f'<stop stop-color="{above}"/><stop offset="1" stop-color="{below}"/>'
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{stops}</linearGradient>'


def glow(colour: str) -> str:
    """A light that fades outwards, `url(#glow)`."""
    stops = "".join(
        f'<stop offset="{at}" stop-color="{colour}" stop-opacity="{opacity}"/>'
        for at, opacity in ((0, 0.85), (0.35, 0.28), (1, 0))
    )
    return f'<radialGradient id="glow">{stops}</radialGradient>'


def rect(x: float, y: float, w: float, h: float, fill: str, more: str = "") -> str:
    """A rectangle; `more` are further attributes, here and below."""
    return path(f"M{_n(x)} {_n(y)}h{_n(w)}v{_n(h)}h{_n(-w)}z", fill, more)


def ellipse(x: float, y: float, wide: float, high: float, fill: str, more: str = "") -> str:
    """An ellipse by its half axes."""
    place = f'cx="{_n(x)}" cy="{_n(y)}" rx="{_n(wide)}" ry="{_n(high)}"'
    return f'<ellipse {place} fill="{fill}"{more and " " + more}/>'


def path(d: str, fill: str, more: str = "") -> str:
    """Any path."""
    return f'<path d="{d}" fill="{fill}"{more and " " + more}/>'


def polygon(points: Iterable[Point], fill: str, more: str = "") -> str:
    """Straight lines from point to point."""
    return path("M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "Z", fill, more)


def stroke(d: str, colour: str, width: float, more: str = "") -> str:
    """A line along a path."""
    return path(d, "none", f'stroke="{colour}" stroke-width="{_n(width)}" stroke-linecap="round" {more}')


def land(points: Sequence[Point], fill: str, *, bottom: float = HEIGHT, smooth: bool = True) -> str:
    """Ground below a line of points from left to right, smooth as hills or straight as rocks."""
    d = f"M{_n(points[0][0])} {_n(bottom)}V{_n(points[0][1])}"
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        half = _n((x1 + x2) / 2)
        d += f"C{half} {_n(y1)} {half} {_n(y2)} {_n(x2)} {_n(y2)}" if smooth else f"L{_n(x2)} {_n(y2)}"
    return path(f"{d}V{_n(bottom)}Z", fill)


def at(x: float, y: float, scale: float, shapes: str, wide: float = 1) -> str:
    """Shapes that were drawn around 0, 0, moved and scaled to their place; `wide` stretches them."""
    return f'<g transform="translate({_n(x)} {_n(y)}) scale({scale * wide:.3f} {scale:.3f})">{shapes}</g>'


@cache
def _figures() -> dict[str, str]:
    text = data("figures.svg")
    return {
        one[1]: " ".join(one[2].split())
        for one in re.finditer(r'<symbol id="(\w+)">(.*?)</symbol>', text, re.DOTALL)
    }


def figure(name: str, light: Palette, colours: Mapping[str, str]) -> str:
    """A figure of figures.svg in these colours; a colour of its own in this light."""

    def in_light(found: re.Match[str]) -> str:
        return f'{found[1]}="{light.lit(found[2]) if found[2][0] == "#" else colours[found[2]]}"'

    return re.sub(r'(fill|stroke)="(?!none|url)([^"]+)"', in_light, _figures()[name])


def _n(value: float) -> str:
    """A number as short as it is exact enough."""
    return f"{value:.1f}".removesuffix(".0")
