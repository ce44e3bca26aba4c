"""Guests who obviously do not exist, and what they ask for."""

from __future__ import annotations

import random

import msgspec

_GIVEN = (
    "Marigold Fennel Juniper Barnaby Clementine Rufus Saffron Tarragon Quill Olive Basil Wren Hazel "
    "Cosmo Dill Peony Larch Sorrel Ember Figaro Plum Rowan Poppy Thistle Cricket Maple Sage Comet "
    "Bramble Pippin"
).split()
_FAMILY = (
    "Teacup Lampwright Pebblebrook Moonwhistle Thistledown Marmalade Inkpot Featherstitch Puddlejump "
    "Buttonhole Starling-Hatt Cobblepot Snowdrop Gingerbread Umbrella Windmill Paperclip Haystack "
    "Candlewick Nutmeg Tumbledown Raincoat Dumpling Sandcastle Applecart Woolsack Kettledrum Periwinkle"
).split()
_COUNTRIES = (
    "DE FR GB US ES IT NL PT AT CH SE DK NO PL CZ IE BE JP AU CA BR MX SG ZA MA TR IN KR AR GR"
).split()
_REQUESTS = (
    "A quiet room, please.",
    "We arrive late, around 23:00.",
    "A baby cot, if there is one.",
    "High floor, away from the lift.",
    "It is our anniversary.",
    "Two keys, please.",
    "Feather-free pillows, please.",
    "We come by bicycle; is there a place to keep them?",
)


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
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    email = f"{given}.{family}.{rng.randrange(1000, 10_000)}@example.com".lower()
    return Person(given, family, email, rng.choice(_COUNTRIES))


def request(rng: random.Random) -> str | None:
    """What one guest in six adds to the booking."""
    return rng.choice(_REQUESTS) if rng.randrange(6) == 0 else None
