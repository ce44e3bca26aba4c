"""Names, texts, telephone numbers and typed numbers: what is taken, in which form, and what is refused."""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

import unicodedata

import pytest

from hotel_booking.core.errors import Invalid
from hotel_booking.core.names import clean_name, clean_text, full_name
from hotel_booking.core.phone import LONGEST, is_read, phone_shown, phone_to_keep
from hotel_booking.core.typed_numbers import number_list, plain_digits


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("علی\u200cرضا", "علی\u200cرضا"),  # Persian: a joiner that keeps letters apart
        ("ක්\u200dෂණ", "ක්\u200dෂණ"),  # Sinhala: a joiner that joins them
        ("ন্\u200dর", "ন্\u200dর"),
        ("നന്\u200dമ", "നന്\u200dമ"),
        ("ಶ್ರೀ\u200c", "ಶ್ರೀ"),
        ("Jean\u00a0Luc", "Jean Luc"),
        ("山田\u3000太郎", "山田 太郎"),
        ("\u200fמשה\u200e", "משה"),
        ("أ\u061cحمد", "أحمد"),
        ("\ufeffAna\u200b", "Ana"),
        ("\u2068Ana\u2069", "Ana"),
        ("\u202aAna\u202c", "Ana"),
        # Marks that turn text around, pasted along from elsewhere: nobody sees them, and no name has them.
        *(
            (f"An{chr(mark)}a", "Ana")
            for mark in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
        ),
        ("\u2068Ana\u2069 \u2067משה\u2069", "Ana משה"),
        ("e\u200e\u0301", "é"),
        ("  Ana   Maria ", "Ana Maria"),
        (unicodedata.normalize("NFD", "Zoë Nguyễn"), "Zoë Nguyễn"),
        ("O’Brien-Ñandú, Jr.", "O’Brien-Ñandú, Jr."),
        ("X Æ A-12", "X Æ A-12"),
        ("😀\u200d💻", "😀\u200d💻"),
        (".", "."),
        ("𠮷野", "𠮷野"),
        ("x" * 100, "x" * 100),
        ("𠮷" * 100, "𠮷" * 100),
        ("e\u0301" * 100, "é" * 100),
    ],
)
def test_names_are_taken_as_people_have_them(given: str, kept: str) -> None:
    assert clean_name(given, field="name") == kept
    assert clean_name(kept, field="name") == kept


@pytest.mark.parametrize(
    "given",
    [
        "a\nb", "a\r\nb", "Ana\n", "a\tb", "a\x00b", "a\x1bb", "a\x85b", "a\u2028b", "a\u2029b", "a\ud800",
        "a\uffff", "", " ", "\u200d", "\u200f \u00a0", "\u2066\u2069\u202e", "\u0301", "x" * 101,
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused_with_its_field(given: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_name(given, field="guest.name")
    assert refused.value.field == "guest.name"
    assert refused.value.fix


def test_a_name_that_need_not_be_there_may_be_empty() -> None:
    assert clean_name(" \u200f", field="name", required=False) == ""


def test_texts_have_lines_but_nothing_that_turns_them() -> None:
    assert clean_text(" a\r\nb\rc\td\u2028e \n", field="t", longest=20) == "a\nb\nc\td\ne"
    assert clean_text("أ\u200f (12) \u2066x\u2069", field="t", longest=20) == "أ\u200f (12) \u2066x\u2069"
    assert clean_text("\u202ea\u202db\nc\u202e", field="t", longest=20) == "ab\nc"
    for text in ("a\x00", "a\x1b[0m", "a\ud800", "x" * 21):
        with pytest.raises(Invalid):
            clean_text(text, field="t", longest=20)


@pytest.mark.parametrize(
    ("typed", "country", "kept", "shown"),
    [
        ("+49 (0)30 123456", None, "+4930123456", "+49 30 123456"),
        ("030 123456", "DE", "+4930123456", "+49 30 123456"),
        ("030/12 34-56", "DE", "+4930123456", "+49 30 123456"),
        ("0049 30 123456", None, "+4930123456", "+49 30 123456"),
        ("\u202a+49\u00a030\u2011123456\u202c", None, "+4930123456", "+49 30 123456"),
        ("tel:+49-30-123456", None, "+4930123456", "+49 30 123456"),
        ("+٤٩٣٠١٢٣٤٥٦", None, "+4930123456", "+49 30 123456"),
        ("۰۹۱۲۳۴۵۶۷۸۹", "IR", "+989123456789", "+98 912 345 6789"),
        ("＋８１－３－１２３４－５６７８", None, "+81312345678", "+81 3-1234-5678"),
        ("०९८७६५४३२१०", "IN", "+919876543210", "+91 98765 43210"),
        ("(212) 555-0100 x12", "US", "+12125550100;ext=12", "+1 212-555-0100 ext. 12"),
        ("+1 212-555-0100 ext. 12", None, "+12125550100;ext=12", "+1 212-555-0100 ext. 12"),
        ("+12125550100;ext=12", None, "+12125550100;ext=12", "+1 212-555-0100 ext. 12"),
        ("+33 1 23 45 67 89 poste 12", None, "+33123456789;ext=12", "+33 1 23 45 67 89 ext. 12"),
        ("+390612345678", None, "+390612345678", "+39 06 1234 5678"),
        # Not understood, and kept: somebody will read it.
        ("030 123456", None, "030 123456", "030 123456"),
        ("Teléfono: 030 123456", "DE", "+4930123456", "+49 30 123456"),
        ("هاتف: ٠٣٠ ١٢٣٤٥٦", "DE", "+4930123456", "+49 30 123456"),
        ("+49 30 123456 / 170 1234567", None, "+49 30 123456 / 170 1234567", None),
        ("12", "DE", "12", "12"),
        ("1\n2\x003", None, "1 23", "1 23"),
        ("(030) 12–34", None, "(030) 12–34", "(030) 12–34"),
        ("12 ext. 7", None, "12 ext. 7", "12 ext. 7"),
        ("9" * 500, "DE", "9" * LONGEST, None),
    ],
)
def test_telephone_numbers_are_read_as_people_write_them(
    typed: str, country: str | None, kept: str, shown: str | None
) -> None:
    assert phone_to_keep(typed, country) == kept
    assert phone_to_keep(kept, country) == kept
    assert phone_shown(kept) == (shown if shown is not None else kept)
    assert is_read(kept) == kept.startswith("+" if " " not in kept else "no")


@pytest.mark.parametrize(
    "typed",
    [
        "call me 📞 after six", "call my wife", "abc", "none", "+49 30 123456 or +49 170 1234567",
        "1-800-FLOWERS", "030 123456 📞", "ana@example.com", "-", "()", "ext. 12", "12 & 13",
    ],
)  # fmt: skip
def test_what_is_written_as_no_telephone_number_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        phone_to_keep(typed, "XX", field="guest.phone")
    assert refused.value.field == "guest.phone"
    assert "digits, spaces, + ( ) - . / and an extension" in refused.value.detail
    assert refused.value.fix is not None
    assert "or leave it empty" in refused.value.fix


def test_no_number_is_none_and_a_second_country_helps_where_the_first_does_not() -> None:
    assert phone_to_keep(None) is phone_to_keep("") is phone_to_keep(" \u200e") is None
    assert phone_to_keep("01 23 45 67 89", None, "FR") == "+33123456789"


def test_numbers_are_read_in_every_scripts_digits() -> None:
    assert plain_digits("١٢ ۳ ４ ५ −6") == "12 3 4 5 -6"
    assert plain_digits("\u200f٣\u200e") == "3"
    assert (
        number_list("٤، ٩")
        == number_list("4,9")
        == number_list("4、９")
        == number_list(" 4 ;9 ")
        == ["4", "9"]
    )
    for typed in ("4 and 9", "4 und 9", "4 ET 9", "4 y 9", "٤ و٩", "4 & 9"):
        assert number_list(typed) == ["4", "9"], typed
    assert number_list("4 yen 9") == ["4", "yen", "9"]
    assert number_list("") == []
    assert number_list("4, x") == ["4", "x"]


@pytest.mark.parametrize(
    ("given", "family", "both"),
    [
        ("Ana", "Silva", "Ana Silva"),
        ("太郎", "山田", "山田太郎"),
        ("さくら", "佐々木", "佐々木さくら"),
        ("小明", "王", "王小明"),
        ("민준", "김", "김민준"),
        # Written as those do who read them, in the order that they gave; so is a foreign name in katakana.
        ("Taro", "Yamada", "Taro Yamada"),
        ("János", "Kovács", "János Kovács"),
        ("ジョン", "スミス", "ジョン スミス"),
        ("Mei", "陳", "Mei 陳"),
        ("", "", ""),
        ("", "山田", "山田"),
    ],
)
def test_a_family_s_name_comes_first_where_the_script_has_it_so(given: str, family: str, both: str) -> None:
    assert full_name(given, family) == both
