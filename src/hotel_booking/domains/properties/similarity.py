"""How alike two names are, for misspellings. Pure."""

from __future__ import annotations

from anyascii import anyascii

from hotel_booking.core.folding import Letters, fold_words

_SOUNDS = Letters(anyascii)  # of one letter at a time, as there is no other in it


def latin(form: str) -> str | None:
    """How a form in other letters sounds in Latin ones; None where it is in these already."""
    return None if form.isascii() else " ".join(fold_words(form.translate(_SOUNDS))) or None


def distance(one: str, other: str) -> int:
    """How many letters are wrong, missing, too many or swapped with their neighbour (optimal string
    alignment); in other scripts by their letters or by their sound, whichever is less."""
    sounds = (latin(one) or one, latin(other) or other)
    return min(_distance(one, other), _distance(*sounds)) if sounds != (one, other) else _distance(one, other)


def _distance(one: str, other: str) -> int:
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, there in enumerate(other, 1):
            best = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == there:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]
