"""Money is shown as it is charged: ISO 4217's digits, in every currency, language and surface."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from babel import Locale
from babel.numbers import format_decimal, parse_pattern
from hypothesis import given, settings
from hypothesis import strategies as st

from hotel_booking.core import bidi, formats
from hotel_booking.core.iso_codes import CURRENCIES
from hotel_booking.core.languages import LOCALES
from hotel_booking.core.money import divide, exponent, per_night, share, step, to_decimal
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui import render
from hotel_booking.web.i18n.formats import Formats
from hotel_booking.web.i18n.written import written_in
from hotel_booking.web.templating import templates_in


def minor_units(text: str) -> str:
    return "".join(str(unicodedata.decimal(sign)) for sign in text if unicodedata.category(sign) == "Nd")


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_every_surface_shows_every_minor_unit(language: str) -> None:
    site = templates_in(language).filters["money"]
    for currency in sorted(CURRENCIES):
        shown = formats.money(1_234_567, currency, LOCALES[language])
        assert minor_units(shown) == "1234567", currency
        assert (
            shown
            == site(1_234_567, currency)
            == Formats(language, translations(language)).money(1_234_567, currency)
        )
        assert language != "en" or shown == render.money(1_234_567, currency)


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_amounts_are_written_as_html_as_any_text_is(language: str) -> None:
    write = written_in(language)
    for currency in sorted(CURRENCIES):
        for amount in (0, 7, 99_999, 1_234_567, -1_234_567):
            as_text = write.text(formats.money(amount, currency, LOCALES[language]))
            assert write.money(amount, currency) == as_text


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "shown"),
    [
        (123_456, "RSD", "de_DE", "1.234,56 RSD"),
        (129_000, "IQD", "en_GB", "IQD 129.000"),
        (150_050, "MMK", "en_GB", "MMK 1,500.50"),
        (1_234, "JPY", "de_DE", "1.234 ¥"),
        (12_900, "CHF", "en_GB", "CHF 129.00"),
        (12_900, "EUR", "en_GB", "€129.00"),
        (-12_900, "EUR", "en_GB", "-€129.00"),
        # The sign stays behind its letters on a page from right to left.
        (12_900, "USD", "ar", "\u200f129.00 US$\u200e"),
        (12_900, "JPY", "ar", "\u200f12,900 JP¥\u200e"),
        (12_900, "BRL", "ar", "\u200f129.00 R$\u200e"),
        (12_900, "EUR", "ar", "\u200f129.00 €"),
        (12_900, "CHF", "ar", "\u200f129.00 CHF"),
        # A discount: its minus stands before its number, as CLDR has it.
        (-1_290_000, "EUR", "ar", "\u200f\u200e-12,900.00\u200f €"),
        (-12_900, "USD", "ar", "\u200f\u200e-129.00\u200f US$\u200e"),
    ],
)
def test_money_as_a_language_writes_it(amount: int, currency: str, locale: str, shown: str) -> None:
    assert formats.money(amount, currency, locale).replace("\u00a0", " ") == shown


def test_money_in_its_other_forms() -> None:
    assert formats.money(12_900, "EUR", "en_GB", whole=True) == "€129"
    assert formats.money(12_950, "EUR", "en_GB", whole=True) == "€129.50"
    assert formats.english(129_000, "EUR") == "€1,290.00"
    assert formats.bare(-129_050, "EUR") == "-1,290.50"
    assert [formats.tight(n, "EUR") for n in (12_900, 12_950)] == ["129", "129.50"]
    assert [formats.for_field(n, "KWD") for n in (1_200, 1_234, None)] == ["1.20", "1.2340", ""]
    assert [formats.rounded(n, "EUR", "en_GB") for n in (12_950, 12_849, 120_000_000)] == [
        "130",
        "128",
        "1.2M",
    ]


def test_shares_and_averages_are_rounded_once_and_can_be_charged() -> None:
    assert share(10_000, 333_333, 1_000_000, "EUR") == 3_333
    assert share(12_340, 333_333, 1_000_000, "KWD") == 4_110
    assert all(share(99_990, ppm, 1_000_000, "KWD") % 10 == 0 for ppm in range(0, 1_000_001, 7_919))
    assert per_night(10_001, nights=2) == 5_001  # half a cent goes up, as on an invoice
    assert per_night(50_000, nights=3, rooms=2) == 8_333
    # A float would lose the last figures of an amount as large as this.
    assert per_night(9_007_199_254_740_993, nights=1) == 9_007_199_254_740_993


def test_every_currency_has_a_step_that_its_digits_can_show() -> None:
    for currency in CURRENCIES:
        assert step(currency) == 1 or step(currency) % 10 == 0
        assert exponent(currency) != 3 or step(currency) == 10


@settings(deadline=None)
@given(
    st.integers(-(10**12), 10**12) | st.integers(-2_000, 2_000),
    st.sampled_from(sorted(CURRENCIES)),
    st.sampled_from([*sorted(LOCALES.values()), "hi_IN", "fa_IR", "de_CH"]),
    st.booleans(),
)
def test_amounts_are_written_as_babel_writes_them(
    amount: int, currency: str, locale: str, whole: bool
) -> None:
    """By threes and by two, with digits of their own, signs before and behind."""
    digits = 0 if whole and amount % 10 ** exponent(currency) == 0 else exponent(currency)
    standard = Locale.parse(locale).currency_formats["standard"].pattern
    pattern = parse_pattern(standard.replace("0.00", f"0.{'0' * digits}" if digits else "0"))
    said = pattern.apply(to_decimal(amount, currency), locale, currency, currency_digits=False)
    if locale in ("ar", "fa_IR"):
        said = re.sub(r"([A-Z])([$£¥])", "\\1\\2\u200e", said)
        said = re.sub(r"-([0-9.,]+)", "\u200e-\\1\u200f", said)
    assert formats.money(amount, currency, locale, whole=whole) == re.sub(
        r"([A-Za-z])(\d)", "\\1\u00a0\\2", said
    )
    units = divide(amount, 10 ** exponent(currency))
    if abs(units) < 100_000:
        assert formats.rounded(amount, currency, locale) == format_decimal(units, locale=locale)


def test_what_goes_from_right_to_left_is_known_of_every_character() -> None:
    for code in range(sys.maxunicode + 1):
        right = unicodedata.bidirectional(chr(code)) in ("R", "AL", "AN")
        assert (bidi.needs(f"a{chr(code)}", rtl=False) != "") == right
