"""Guests who obviously do not exist, and what they ask for."""

from __future__ import annotations

import random

import msgspec

GIVEN = (
    "Marigold Fennel Juniper Barnaby Clementine Rufus Saffron Tarragon Quill Olive Basil Wren Hazel "
    "Cosmo Dill Peony Larch Sorrel Ember Figaro Plum Rowan Poppy Thistle Cricket Maple Sage Comet "
    "Bramble Pippin"
).split()
FAMILY = (
    "Teacup Lampwright Pebblebrook Moonwhistle Thistledown Marmalade Inkpot Featherstitch Puddlejump "
    "Buttonhole Starling-Hatt Cobblepot Snowdrop Gingerbread Umbrella Windmill Paperclip Haystack "
    "Candlewick Nutmeg Tumbledown Raincoat Dumpling Sandcastle Applecart Woolsack Kettledrum Periwinkle"
).split()
COUNTRIES = (
    "DE FR GB US ES IT NL PT AT CH SE DK NO PL CZ IE BE JP AU CA BR MX SG ZA MA TR IN KR AR GR"
).split()
REQUESTS = (
    "A quiet room, please.",
    "We arrive late, around 23:00.",
    "A baby cot, if there is one.",
    "High floor, away from the lift.",
    "It is our anniversary.",
    "Two keys, please.",
    "Feather-free pillows, please.",
    "We come by bicycle; is there a place to keep them?",
)
# Families of a large chain's past: compounds, more than anyone could remember.
_FIRST_HALVES = (
    "Amber Apple Barley Berry Birch Blue Bramble Breeze Brook Button Candle Cherry Clover Copper Corn Daisy "
    "Dapple Dew Ember Feather Fern Fox Frost Ginger Goose Harvest Hazel Heather Honey Ink Ivy Jam Juniper "
    "Kettle Lamp Lark Lavender Linen Marble Maple Meadow Mint Moon Moss"
).split()
_SECOND_HALVES = (
    "bank barrow beam bell bloom bottom bridge brook burrow bush button cap castle cork cup down drop fellow "
    "field garden gate glen hatch hill holm kettle lane latch leaf light mantle mere patch pot shanks stile "
    "thorn wick wood worth"
).split()


def many_families() -> list[str]:
    """Family names, those of the everyday demo first."""
    return FAMILY + [first + second for first in _FIRST_HALVES for second in _SECOND_HALVES]


class Person(msgspec.Struct, frozen=True):
    """A guest."""

    given_name: str
    family_name: str
    email: str
    country: str

    @property
    def name(self) -> str:
        """As written on the door of a group's rooms."""
        return f"{self.given_name} {self.family_name}"


def somebody(rng: random.Random) -> Person:
    """A guest with an address that mail never reaches (RFC 2606)."""
    given, family = rng.choice(GIVEN), rng.choice(FAMILY)
    email = f"{given}.{family}.{rng.randrange(1000, 10_000)}@example.com".lower()
    return Person(given, family, email, rng.choice(COUNTRIES))


def request(rng: random.Random) -> str | None:
    """What one guest in six adds to the booking."""
    return rng.choice(REQUESTS) if rng.randrange(6) == 0 else None
