"""Chance, the same every time: each part of each property has a generator of its own, so that changing one
part leaves the others as they were."""

from __future__ import annotations

import random


def draws(seed: int, *about: str) -> random.Random:
    """A generator for one purpose. Text seeds go through SHA-512, so they are the same in every process."""
    return random.Random("/".join((str(seed), *about)))  # noqa: S311  # nothing here is a secret
