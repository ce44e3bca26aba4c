"""A booking's reference, as people type and copy it."""

from __future__ import annotations

import pytest

from hotel_booking.domains.bookings.reference import encode, new_reference, normalise

REFERENCE = encode(0x1_0A5B_C9D3_77)


@pytest.mark.parametrize(
    "typed",
    [
        "{lower}",
        "{plain}",
        " {first} {last} ",
        "{first} - {last}",
        "#{whole}",
        "{whole}.",
        "«{whole}»",
        "Booking {whole}",
        "Buchung\u00a0{whole} · Hotel",
        "\u200e{whole}\u200e",
        "\u2068{whole}\u2069",  # as an Arabic sentence has it
        "\ufeff{whole}\n",
        "{first}\u2011{last}",
        "{first}–{last}",  # noqa: RUF001 - a dash that a word processor made of it
        "{first}\u00a0{last}",
        "{first}\u00ad-{last}",
        "{wide}",
        "{arabic}",
        "{misread}",
    ],
)
def test_a_reference_is_read_however_it_is_typed_or_copied(typed: str) -> None:
    first, last = REFERENCE.split("-")
    wide = "".join(chr(ord(one) + 0xFEE0) for one in REFERENCE)
    arabic = "".join(chr(0x660 + int(one)) if one.isdigit() else one for one in REFERENCE)
    misread = REFERENCE.replace("1", "l").replace("0", "o")
    assert (
        normalise(
            typed.format(
                whole=REFERENCE,
                lower=REFERENCE.lower(),
                plain=first + last,
                first=first,
                last=last,
                wide=wide,
                arabic=arabic,
                misread=misread,
            )
        )
        == REFERENCE
    )


def test_what_is_none_is_read_as_none() -> None:
    first, last = REFERENCE.split("-")
    wrong = "3" if first[0] != "3" else "4"
    for typed in (
        *("", "-", "x", first, "U" * 10, "ß" * 5, "\x00", "\ud800", "東京のホテルを予約した"),
        *(f"{first}-{last[:-1]}", f"{wrong}{first[1:]}-{last}", f"{first}-{last}7"),
    ):
        assert normalise(typed) is None, typed
    for _ in range(50):
        new = new_reference()
        assert normalise(new) == new
