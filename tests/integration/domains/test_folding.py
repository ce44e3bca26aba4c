"""Texts are compared alike in Python and in the database, in every script."""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

import sys
import unicodedata

import pytest

from hotel_booking.core import folding
from hotel_booking.core.db import Database
from hotel_booking.core.later_characters import is_later

pytestmark = pytest.mark.postgresql

_SAME = [
    ("Müller", "MULLER"),
    ("Łódź", "lodz"),
    ("Søren", "soren"),
    ("Straße", "STRASSE"),
    ("Þór", "thor"),
    ("ırmak", "IRMAK"),
    ("İzmir", "izmir"),
    ("ΓΙΏΡΓΟΣ", "γιωργος"),
    ("Ёлка", "елка"),
    ("أحمد", "احمد"),
    ("فاطمة", "فاطمه"),
    ("مُحَمَّد", "محـمد"),
    ("علی", "علي"),
    ("علی‌رضا", "علیرضا"),
    ("ﾔﾏﾀﾞ", "ヤマダ"),
    ("ヤマダ", "やまだ"),
    ("Ｓｍｉｔｈ", "smith"),
    ("김", unicodedata.normalize("NFD", "김")),
    ("١٢", "12"),
    ("\u200eAna\u200f", "ana"),
]
_DIFFERENT = [("が", "か"), ("कि", "की"), ("ড়", "ড"), ("Ana", "Anna"), ("Jon", "Joen"), ("กู", "กุ")]


@pytest.mark.parametrize(("one", "other"), _SAME)
def test_what_people_type_finds_what_is_written(one: str, other: str) -> None:
    assert folding.fold(one) == folding.fold(other)
    assert folding.fold(folding.fold(one)) == folding.fold(one)


@pytest.mark.parametrize(("one", "other"), _DIFFERENT)
def test_other_letters_stay_others(one: str, other: str) -> None:
    assert folding.fold(one) != folding.fold(other)


def test_a_character_that_the_database_does_not_know_stays_as_it_is_whatever_the_python() -> None:
    mark, capital, letter, digit = "\U00010efd", "\ua7cb", "\U0001e4d0", "\U00011f50"
    for later in (mark, capital, letter, digit):
        assert folding.fold(f"x{later}x") == folding.small(f"x{later}X") == f"x{later}x"


def test_a_name_has_its_other_spelling() -> None:
    assert folding.fold_spelled("Müller") == folding.fold("MUELLER")
    assert folding.fold_spelled(unicodedata.normalize("NFD", "Søren Åse")) == "soeren aase"


def test_words_part_at_blanks_and_punctuation_but_not_at_apostrophes() -> None:
    assert folding.fold_words("Saint-Denis, L’Aquila\u3000O´Brien") == ["saint", "denis", "laquila", "obrien"]
    assert folding.fold_words(" -- ") == []
    # What is ASCII goes a shorter way.
    for letter in map(chr, range(128)):
        assert [*folding.fold_words(f"A{letter}b"), "e"] == folding.fold_words(f"A{letter}b é"), ascii(letter)


def test_lists_sort_by_the_language_of_the_page() -> None:
    def in_order(language: str, *names: str) -> list[str]:
        return sorted(names, key=lambda name: (folding.sort_form(name, language), name))

    assert in_order("de", "Zug", "Österreich", "Oslo", "Ägypten", "Algier") == [
        "Ägypten", "Algier", "Oslo", "Österreich", "Zug",
    ]  # fmt: skip
    assert in_order("es", "Ñuñoa", "Nuria", "Nz", "Oslo") == ["Nuria", "Nz", "Ñuñoa", "Oslo"]
    assert in_order("en", "Ñuñoa", "Nuria", "Nz") == ["Ñuñoa", "Nuria", "Nz"]
    assert in_order("ar", "Zug", "أثينا", "الأردن", "Algier") == ["أثينا", "الأردن", "Algier", "Zug"]
    assert in_order("en", "أثينا", "Ζάκυνθος", "Zug") == ["Zug", "Ζάκυνθος", "أثينا"]


def _worth_comparing(letter: str) -> bool:
    """What is assigned; of the tens of thousands of ideographs and syllables a sample."""
    if unicodedata.category(letter) in ("Cn", "Co", "Cs"):
        return False
    many = unicodedata.category(letter) == "Lo" and ord(letter) > 0x3400
    return not many or ord(letter) % 50 == 0


async def test_the_database_compares_as_python_does_character_by_character(db: Database) -> None:
    """All of Unicode that this Python and the server both know; each between letters, as marks are. Of what
    came after Unicode 14 (symbols above all) it is not settled whether it stands between words."""
    texts = [f"x{letter}X" for letter in map(chr, range(1, sys.maxunicode + 1)) if _worth_comparing(letter)]
    rows = []
    async with db.transaction() as tx:
        for start in range(0, len(texts), 5000):
            rows += await tx.fetch(
                "SELECT folded(t) AS folded, coalesce(folded_spelled(t), folded(t)) AS spelled,"
                "       folded_words(t) AS words, small(t) AS small FROM unnest($1::text[]) AS t",
                texts[start : start + 5000],
            )
    wrong: dict[str, object] = {}
    for text, row in zip(texts, rows, strict=True):
        ours = (folding.fold(text), folding.fold_spelled(text), folding.small(text), folding.fold_words(text))
        theirs = (row["folded"], row["spelled"], row["small"], row["words"])
        if ours[:3] != theirs[:3] or (ours[3] != theirs[3] and not is_later(text[1])):
            wrong[f"{ord(text[1]):x}"] = (ours, theirs)
    assert wrong == {}


async def test_the_database_sorts_as_python_does(db: Database) -> None:
    names = ["Ñuñoa", "Nz", "أثينا", "Zug", "Österreich", "ßa", "S-a", "", "١", "ﾔﾏﾀﾞ", "n\u0303a", "𞤀𞤣"]
    async with db.transaction() as tx:
        for language in ("en", "es", "ar"):
            rows = await tx.fetch(
                'SELECT t FROM unnest($1::text[]) AS t ORDER BY sort_form(t, $2) COLLATE "C", t COLLATE "C"',
                names,
                language,
            )
            ours = sorted(names, key=lambda name: (folding.sort_form(name, language), name))
            assert [row["t"] for row in rows] == ours


async def test_the_database_depends_on_no_locale(db: Database) -> None:
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT folded('TITLE I') || folded('ΙΏΣΗΦ ŞİRIN')") == "title iιωσηφ sirin"
