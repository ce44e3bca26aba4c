"""What the placeholder art is drawn with: colours that mix, shapes that are SVG, and one seeded hand.

The same words draw the same picture, on any machine and in any release of Python.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

WIDTH = 1600
HEIGHT = 1000

_T = TypeVar("_T")
Point = tuple[float, float]


class Palette(NamedTuple):
    """The light of a picture: the sky from above to the horizon, sun or moon, what is far (hazy) and near,
    walls in that light, roofs, and windows (lit at dusk)."""

    sky: str
    horizon: str
    sun: str
    far: str
    near: str
    leaf: str
    wall: str
    roof: str
    window: str
    dusk: bool


def _light(colours: str, *, dusk: bool) -> Palette:
    sky, horizon, sun, far, near, leaf, wall, roof, window = (f"#{colour}" for colour in colours.split())
    return Palette(sky, horizon, sun, far, near, leaf, wall, roof, window, dusk)


DAY = (
    _light("a9cfdd f4ead6 fffaf0 b9cdcf 3f6672 4f7a66 f7efe2 b9654a 7d98a1", dusk=False),
    _light("b5d3e6 f6e9dd fff8ea bccbd6 45617b 57806a fbf4ea 8c5a52 8197a8", dusk=False),
    _light("c4dfd8 f8efd8 fffbee c0d3c3 3f6d62 5b8457 f8f0df c07b52 86a09a", dusk=False),
    _light("d3dcec fbe6d5 fff6e8 cbcbd6 566783 6b8567 fdf3e8 a8594e 8c9bb0", dusk=False),
)
DUSK = (
    _light("39456b eeb08d ffe2b3 94819c 262f4d 2f4450 c9a79a 5d3f4c ffd58a", dusk=True),
    _light("2c4763 f2bf94 ffe9c2 8b8c9d 1f3147 294549 bfa699 50414d ffdc94", dusk=True),
    _light("4a4170 f1a59a ffdcc0 a3829f 2f2a50 37405a cfa3a3 603a55 ffd08f", dusk=True),
    _light("1f2f4f 8ea3bd f4f1e4 6a7d98 182540 21384a 9aa3b3 3a3f56 ffd994", dusk=True),
)


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

    def one_of(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[int(self._random() * len(choices))]

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self._random() < share


def mix(one: str, other: str, share: float) -> str:
    """`share` of the other colour in the one: 0 is the one, 1 the other. Colours are #rrggbb."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def gradient(name: str, above: str, below: str, *, middle: str | None = None) -> str:
    """A gradient from top to bottom, to be filled with by `url(#name)`."""
    between = f'<stop offset=".55" stop-color="{middle}"/>' if middle else ""
    return (
        f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1"><stop stop-color="{above}"/>{between}'
        f'<stop offset="1" stop-color="{below}"/></linearGradient>'
    )


def glow(name: str, colour: str) -> str:
    """A light that fades outwards."""
    return (
        f'<radialGradient id="{name}"><stop stop-color="{colour}" stop-opacity=".85"/>'
        f'<stop offset=".35" stop-color="{colour}" stop-opacity=".28"/>'
        f'<stop offset="1" stop-color="{colour}" stop-opacity="0"/></radialGradient>'
    )


def rect(
    x: float, y: float, width: float, height: float, fill: str, *, rounded: float = 0, more: str = ""
) -> str:
    """A rectangle; `more` are further attributes."""
    corners = f' rx="{_n(rounded)}"' if rounded else ""
    size = f'width="{_n(width)}" height="{_n(height)}"{corners}'
    return f'<rect x="{_n(x)}" y="{_n(y)}" {size} fill="{fill}"{_more(more)}/>'


def circle(x: float, y: float, radius: float, fill: str, more: str = "") -> str:
    """A circle."""
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{fill}"{_more(more)}/>'


def ellipse(x: float, y: float, wide: float, high: float, fill: str, more: str = "") -> str:
    """An ellipse by its half axes."""
    return f'<ellipse cx="{_n(x)}" cy="{_n(y)}" rx="{_n(wide)}" ry="{_n(high)}" fill="{fill}"{_more(more)}/>'


def polygon(points: Iterable[Point], fill: str, more: str = "") -> str:
    """Straight lines from point to point."""
    corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return f'<polygon points="{corners}" fill="{fill}"{_more(more)}/>'


def path(d: str, fill: str, more: str = "") -> str:
    """Any path."""
    return f'<path d="{d}" fill="{fill}"{_more(more)}/>'


def line(points: Sequence[Point], colour: str, width: float, more: str = "") -> str:
    """A line, not filled."""
    corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return (
        f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="{_n(width)}"'
        f' stroke-linecap="round"{_more(more)}/>'
    )


def land(
    points: Sequence[Point], fill: str, *, bottom: float = HEIGHT, smooth: bool = False, more: str = ""
) -> str:
    """Ground below a line of points from left to right, smooth as hills or straight as rocks."""
    first_x, first_y = points[0]
    d = f"M{_n(first_x)} {_n(bottom)}V{_n(first_y)}"
    if smooth:
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            half = (x1 + x2) / 2
            d += f"C{_n(half)} {_n(y1)} {_n(half)} {_n(y2)} {_n(x2)} {_n(y2)}"
    else:
        d += "L" + " ".join(f"{_n(x)} {_n(y)}" for x, y in points[1:])
    return path(f"{d}V{_n(bottom)}Z", fill, more)


def at(x: float, y: float, scale: float, shape: str) -> str:
    """A shape that was drawn around 0, 0 in a size of 100, moved and scaled to its place."""
    return f'<g transform="translate({_n(x)} {_n(y)}) scale({scale / 100:.3f})">{shape}</g>'


def group(parts: Iterable[str], more: str = "") -> str:
    """Shapes that belong together."""
    return f"<g{_more(more)}>{''.join(parts)}</g>"


def _more(attributes: str) -> str:
    return f" {attributes}" if attributes else ""


def _n(value: float) -> str:
    """A number as short as it is exact enough."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
