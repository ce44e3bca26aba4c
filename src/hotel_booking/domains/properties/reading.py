"""How a destination that somebody typed can be read, besides as one name. Pure; all texts are in the form
that names are compared in."""

from __future__ import annotations

import re

from hotel_booking.core.folding import fold_words

# So many words are read as a place and where that lies: "Rio de Janeiro, Rio de Janeiro, Brazil" has seven.
MOST_OF_PLACE = 8
# A hotel's own name is longer: "Bay Window San Francisco, San Francisco, United States".
MOST_OF_HOTEL = 14
# What a hotel is called in some languages, and what stands between that and a place, before or after it.
_HOTEL = frozenset(
    word
    for written in (
        "hotel hotels hoteles hotell hotelli hotellit hoteller otel oteller otelleri hoteis albergo alberghi",
        "hotele hotely hotelek szalloda szallodak hoteluri viesbutis viesnica hotellid فندق فنادق الفندق",
        "الفنادق هتل هتلهای ہوٹل отель отели готель готелі гостиница гостиницы хотел хотели",
        "ξενοδοχείο ξενοδοχεία",
        "מלון מלונות בתי־מלון होटल হোটেল ஹோட்டல் სასტუმრო հյուրանոց",
    )
    for word in fold_words(written)
)
_IN = frozenset(
    fold_words(
        "in im à a au aux en em в at near bei near nahe cerca près i w v we ve di da στην στη στο σε"
        " في قرب در में"
    )
)
# The same in scripts that leave no gap between words: "東京のホテル", "在东京的酒店", "โรงแรมในกรุงเทพ".
_GAPLESS = tuple(
    word
    for written in ("ホテル 旅館 旅馆 酒店 飯店 饭店 賓館 宾馆 호텔 โรงแรม ໂຮງແຮມ សណ្ឋាគារ ဟိုတယ်",)
    for word in fold_words(written)
)
_GAPLESS_WORD = re.compile(f"({'|'.join(_GAPLESS)})")
_BEFORE_HOTEL = ("の", "的", "之", "의")
_BEFORE_PLACE = ("ใน", "ที่", "在")
# "In" is written as the first letter of the place itself: "מלונות בפריז", "فنادق بباريس".
_IN_AS_LETTER = ("ב", "ب")
# Two words in Vietnamese.
_KHACH_SAN = "khach san"


def parts(form: str, most: int) -> list[tuple[str, str, str]]:
    """The ways to read it as a name, what that lies in, and the country or region around both, which may be
    left out; none where it has one word or more than `most`."""
    words = form.split()
    if not 1 < len(words) <= most:
        return []
    return [
        (" ".join(words[:first]), " ".join(words[first:second]), " ".join(words[second:]))
        for first in range(1, len(words))
        for second in range(first + 1, len(words) + 1)
    ]


def without_hotel(form: str) -> list[str]:
    """It without the word that says what everything here is, in the ways it may be meant: "hotels in lisbon",
    "cheap hotels in lisbon", "hotel sea view" and "sea view hotel" are "lisbon" and "sea view". None where
    the word is not there, or nothing else is."""
    words = _apart(form).split()
    for at, word in enumerate(words[:-2]):
        if word in _HOTEL and words[at + 1] in _IN:
            more = [" ".join(words[1:])] if at == 0 else []  # a name may begin so: "hotel da Vinci"
            return [" ".join(words[at + 2 :]), *more]
    if len(words) > 1 and words[0] in _HOTEL:
        rest = " ".join(words[1:])
        return [rest, rest[1:]] if rest.startswith(_IN_AS_LETTER) and len(rest) > 2 else [rest]
    if len(words) > 1 and words[-1] in _HOTEL:
        return [" ".join(words[: -2 if len(words) > 2 and words[-2] in _IN else -1])]
    return []


def is_hotel(form: str) -> bool:
    """Whether it is nothing but the word for a hotel."""
    return _apart(form) in _HOTEL


def _apart(form: str) -> str:
    """The text with a gap around the word for a hotel where its script leaves none, or it is two."""
    if form.isascii():
        return form.replace(_KHACH_SAN, "hotel") if _KHACH_SAN in form else form
    pieces = [piece.strip() for piece in _GAPLESS_WORD.split(form)]
    if len(pieces) == 1:
        return form
    before, after = "".join(pieces[:1]), " ".join(pieces[2:])
    for word in _BEFORE_HOTEL:
        before = before.removesuffix(word)
    for word in _BEFORE_PLACE:
        before, after = before.removeprefix(word), after.removeprefix(word)
    return " ".join(part.strip() for part in (before, "hotel", after) if part.strip())
