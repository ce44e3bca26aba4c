"""What is counted stands in the form that its number asks for, in every language."""

from __future__ import annotations

import pytest

from hotel_booking.domains.authentication.errors import LockedOut, PasswordTooWeak
from hotel_booking.domains.rates.restrictions import Reason
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form
from hotel_booking.web.account.messages import longest_name, longest_text, words_of
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.i18n.refusals import Refusals, longest_stay


@pytest.mark.parametrize(
    ("language", "sleeps", "said"),
    [
        ("en", (3, 2, 1), "For up to 3 guests: up to 2 adults, up to 1 child"),
        ("en", (3, 1, 2), "For up to 3 guests: up to 1 adult, up to 2 children"),
        ("de", (3, 2, 1), "Für höchstens 3 Gäste: bis zu 2 Erwachsene, bis zu 1 Kind"),
        ("fr", (3, 2, 1), "Pour 3 voyageurs au plus\xa0: jusqu’à 2 adultes, jusqu’à 1 enfant"),
        ("es", (3, 2, 1), "Para 3 huéspedes como máximo: hasta 2 adultos, hasta 1 niño"),
        ("ar", (3, 2, 1), "لـ3 نزلاء على الأكثر: حتى بالغَين، حتى طفل واحد"),
        ("ar", (14, 11, 3), "لـ14 نزيلًا على الأكثر: حتى 11 بالغًا، حتى 3 أطفال"),
    ],
)
def test_adults_and_children_are_counted_each(language: str, sleeps: tuple[int, int, int], said: str) -> None:
    tell = Refusals(language, translations(language))
    assert tell.reasons([Reason("occupancy", None, "")], sleeps=sleeps) == [said]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "1 adult, 1 child (age 1)"),
        ("de", "1 Erwachsener, 1 Kind (Alter: 1)"),
        ("fr", "1 adulte, 1 enfant (âge\xa0: 1)"),
        ("es", "1 adulto, 1 niño (edad: 1)"),
    ],
)
def test_a_child_of_one_is_not_one_years(language: str, said: str) -> None:
    assert Phrases(language, translations(language)).occupancy(Occupancy(1, (1,))) == said


def test_arabic_counts_characters_seconds_and_nights() -> None:
    assert "لا يتجاوز 100 حرف." in longest_name(100, "ar")
    assert "لا يتجاوز 11 حرفًا." in longest_name(11, "ar")
    assert "حتى 2000 حرف،" in longest_text(2000, "ar")
    assert "366 ليلة" in longest_stay(translations("ar"))
    assert "6 ثوانٍ" in words_of(LockedOut(6), "ar")
    assert "10 أحرف" in words_of(PasswordTooWeak("weak"), "ar", Form.of(password="short"))
