"""Telephone numbers: read as people write them, kept as E.164 with an extension, shown in groups.

A number that cannot be read is kept as it was typed: it is for a person to read. What is written as none is
refused.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from hotel_booking.core.errors import Invalid

LONGEST = 40
_LONGEST_TYPED = 200
_EXTENSION = ";ext="
# What stands before an extension in the languages that guests write in.
_BEFORE_EXTENSION = re.compile(
    r"[\s,;(]*(?:;ext=|ext(?:ension|ensi\u00f3n)?|durchwahl|dw|poste|interno?|int|anexo|\u0434\u043e\u0431|\u5185\u7dda"
    r"|\u062a\u062d\u0648\u064a\u0644\u0629|\u062f\u0627\u062e\u0644\u064a|x|#)[\s.:]*(\d{1,11})\s*\)?$",
    re.IGNORECASE,
)
# What stands before a number in those languages.
_MARK = re.compile(
    r"^(?:tel(?:[ée]phone|efon|[ée]fono)?|(?:tele)?phone|(?:tele)?fon|mobile?|m[óo]vil|portable|handy|cell"
    r"|\u0647\u0627\u062a\u0641|\u062c\u0648\u0627\u0644)?[\s.:]*",
    re.IGNORECASE,
)
# Beside digits: dashes of every kind are added to these.
_SIGNS = frozenset(" +()-./\uff0b\uff08\uff09\uff0e\uff0f\u2212\u30fc\u00b7\u2022\u30fb")
_FEWEST = 6  # digits of a number that is in no list of ranges yet


def read_phone(text: str, country: str | None = None) -> str | None:
    """The number as +4930123456, with ;ext=12 where it has an extension; a national number is one of
    `country` (ISO 3166 alpha-2). None where it cannot be read, or where more is written than a number."""
    typed = _MARK.sub("", _one_line(text))
    match = _BEFORE_EXTENSION.search(typed)
    main = typed[: match.start()] if match else typed
    # Words, or two numbers in one field, are for a person to read.
    if any(letter.isalpha() for letter in main):
        return None
    number = _parsed(main, country)
    if number is None:
        return None
    whole = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    # What was read must be all that was written, but for a trunk prefix.
    if sum(letter.isdecimal() for letter in main) > len(whole) - 1 + 3:
        return None
    return whole + (f"{_EXTENSION}{''.join(str(unicodedata.decimal(d)) for d in match[1])}" if match else "")


def _parsed(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    plus = re.sub(r"^\s*[(]?00[)]?", "+", "".join(_ascii_digit(letter) for letter in text))
    for asked in (text, plus):
        try:
            number = phonenumbers.parse(asked, country.upper() if country else None)
        except NumberParseException:
            continue
        few = len(phonenumbers.national_significant_number(number)) < _FEWEST
        if phonenumbers.is_valid_number(number) or (phonenumbers.is_possible_number(number) and not few):
            return number
    return None


def _ascii_digit(letter: str) -> str:
    return str(unicodedata.decimal(letter)) if letter.isdecimal() else letter


def phone_to_keep(
    text: str | None, *countries: str | None, field: str = "phone", error: type[Invalid] = Invalid
) -> str | None:
    """What is kept of what somebody typed: the number as `read_phone` reads it, by the first country where
    it is one; else the text itself on one line, cut to `LONGEST`; None where there is none. Raises `error`
    for what is written as no number."""
    typed = _one_line(text or "")
    if not typed:
        return None
    for country in (*(known for known in countries if known), None):
        read = read_phone(typed, country)
        if read is not None:
            return read
    if not _written_as_number(typed):
        raise error(
            "a telephone number has digits, spaces, + ( ) - . / and an extension, nothing else",
            field=field,
            fix="write one such as +351 21 123 4567 or +1 212 555 0100 ext. 12, or leave it empty",
        )
    return typed[:LONGEST].strip()


def _written_as_number(typed: str) -> bool:
    number = _BEFORE_EXTENSION.sub("", _MARK.sub("", typed))
    return any(letter.isdecimal() for letter in number) and all(
        letter.isdecimal() or letter in _SIGNS or unicodedata.category(letter) == "Pd" for letter in number
    )


def is_read(kept: str | None) -> bool:
    """Whether a number was understood as one, and not only kept as it was typed."""
    return bool(kept) and read_phone(kept or "") == kept


def phone_shown(kept: str | None) -> str:
    """The number in groups with its country's code, as one dials it from anywhere; as typed where it was not
    understood; "" where there is none."""
    if not kept or not kept.startswith("+"):
        return kept or ""
    try:
        number = phonenumbers.parse(kept, None)
    except NumberParseException:
        return kept
    shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    return shown if is_read(kept) else kept


def _one_line(text: str) -> str:
    """Without controls and marks of direction, which come along from address books; blanks as blanks."""
    parts = []
    for letter in unicodedata.normalize("NFC", text[:_LONGEST_TYPED]):
        kind = unicodedata.category(letter)
        if kind[0] == "Z" or letter in "\t\n\r":
            parts.append(" ")
        elif kind not in ("Cf", "Cs", "Cc"):
            parts.append(letter)
    return " ".join("".join(parts).split())
