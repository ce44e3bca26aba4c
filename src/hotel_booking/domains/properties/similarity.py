"""How alike two names are, for misspellings. Pure."""

from __future__ import annotations

import re

from anyascii import anyascii

from hotel_booking.core.folding import Letters, fold_words

_SOUNDS = Letters(anyascii)  # of one letter at a time, as there is no other in it
_SHORT = 3  # of so few letters none may be wrong
# Thai, Lao, Burmese, Khmer, Japanese and Chinese: names are written without a gap between their words.
_WITHOUT_GAPS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def latin(form: str) -> str | None:
    """How a form in other letters sounds in Latin ones; None where it is in these already."""
    return None if form.isascii() else " ".join(fold_words(form.translate(_SOUNDS))) or None


def distance(one: str, other: str) -> int:
    """How many letters are wrong, missing, too many or swapped with their neighbour (optimal string
    alignment); in other scripts by their letters or by their sound, whichever is less."""
    sounds = (latin(one) or one, latin(other) or other)
    return min(_distance(one, other), _distance(*sounds)) if sounds != (one, other) else _distance(one, other)


def resembles(typed: str, name: str) -> bool:
    """Whether `typed` may be a slip of the pen for `name`, both as they are compared: a third of its letters
    may be wrong at most, in the whole or in each of its words, which then stand anywhere in the name. Shared
    trigrams alone are no likeness: "aaaa" is no way to write Aabenraa."""
    if distance(typed, name) <= _slips(typed):
        return True
    if _WITHOUT_GAPS.search(typed):
        return _within(typed, name) <= _slips(typed)
    there = name.split()
    wrong = [_wrong(word, there) for word in typed.split()]
    return None not in wrong and sum(filter(None, wrong)) <= _slips(typed)


def _wrong(word: str, there: list[str]) -> int | None:
    """How many letters are wrong in a word, if it is one of these; None where it is none of them."""
    if word in there:
        return 0
    least = min((distance(word, known) for known in there if len(known) > _SHORT), default=len(word))
    return least if len(word) > _SHORT and least * 2 <= len(word) else None


def _slips(word: str) -> int:
    return 0 if len(word) <= _SHORT else min(len(word) // 3, 4)


def _within(one: str, other: str) -> int:
    """The distance to the part of `other` that is nearest."""
    length = min(len(one), len(other))
    return min(_distance(one, other[at : at + length]) for at in range(len(other) - length + 1))


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
