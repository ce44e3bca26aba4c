"""Names as people have them: of guests, of staff, of hotels and agencies, and the subjects of messages. One
rule for all of them, at every door.

Taken in any script. Normalised: NFC, every kind of blank a blank, one between words; marks of direction,
what turns the text around it (overrides, embeddings, isolates), and characters without a look that are no
part of spelling, dropped: they come along unseen from address books and messengers; joiners kept between
letters, where Persian, Bengali, Sinhala or Malayalam spell with them. Refused: line breaks and other
controls.
"""

from __future__ import annotations

import re
import unicodedata

from hotel_booking.core.errors import Invalid

# Marks of direction and what turns text around, zero-width spaces, soft hyphens, word joiners, byte order
# marks, deprecated format characters.
_DROPPED = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_JOINERS = "\u200c\u200d"
# A joiner that joins nothing: at an end, or beside a blank.
_LOOSE = re.compile(f"(?<![^ ])[{_JOINERS}]+|[{_JOINERS}]+(?![^ ])")
# Controls, ends of lines and halves of characters: in no line of a mail's head, nor in a subject.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
# What a terminal takes for a command: colours, places of the cursor (ECMA-48), a window's title.
_COMMANDS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x9b[0-?]*[ -/]*[@-~]")
_LOOKS = ("L", "N", "P", "S")
# Where a family's name comes first and no blank follows: in Han and Hangul, and a given name also in kana.
_HAN_OR_HANGUL = (
    "\\u3005\\u3007\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3\\uf900-\\ufaff\\U00020000-\\U0003ffff"
)
_WITH_KANA = f"{_HAN_OR_HANGUL}\\u3040-\\u30ff"
_FAMILY_FIRST, _GIVEN_BEHIND = re.compile(f"^[{_HAN_OR_HANGUL}]+$"), re.compile(f"^[{_WITH_KANA}]+$")
FULL_NAME = (
    f"CASE WHEN g.family_name ~ '{_FAMILY_FIRST.pattern}' AND g.given_name ~ '{_GIVEN_BEHIND.pattern}'"
    " THEN g.family_name || g.given_name ELSE g.given_name || ' ' || g.family_name END"
)
"""`full_name` in SQL, of the table `guest` as g."""


def full_name(given: str, family: str) -> str:
    """Both names of a person as they are written together: 山田太郎, and Ana Silva. In Latin letters also
    those whose family name comes first at home are written in either order, and stay as they were given."""
    if _FAMILY_FIRST.match(family) and _GIVEN_BEHIND.match(given):
        return f"{family}{given}"
    return f"{given} {family}".strip()


def clean_name(
    text: str,
    *,
    field: str,
    longest: int = 100,
    required: bool = True,
    error: type[Invalid] = Invalid,
) -> str:
    """The name as it is kept, at most `longest` code points. "" only where it is not `required`. Raises
    `error` for what no name has."""
    text = unicodedata.normalize("NFC", _DROPPED.sub("", text)).strip(" \u00a0\u3000")
    if any(_no_part_of_a_name(letter) for letter in text):
        raise error("a name is one line of visible characters", field=field, fix="leave the others out")
    text = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in text)
    text = _LOOSE.sub("", " ".join(text.split(" ")))
    text = " ".join(text.split())
    if not any(unicodedata.category(letter)[0] in _LOOKS or letter >= "\ue000" for letter in text):
        if required or text:
            raise error("a name has at least one visible character", field=field, fix="fill it in")
        return ""
    if len(text) > longest:
        raise error(f"a name has {longest} characters at most", field=field, fix="shorten it")
    return text


def clean_text(
    text: str, *, field: str, longest: int, error: type[Invalid] = Invalid, name: str = "the text"
) -> str:
    """Wishes, notes, messages: text of several lines as it is kept, at most `longest` code points. Line
    breaks and tabs stay, overrides of direction are dropped, other controls are refused."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    text = text.replace("\u202d", "").replace("\u202e", "").strip()
    if any(_control(letter) and letter not in "\n\t" for letter in text):
        raise error(f"{name} has characters that cannot be shown", field=field, fix="leave them out")
    if len(text) > longest:
        raise error(f"{name} has {longest} characters at most", field=field, fix="shorten it")
    return text


def without_controls(text: str) -> str:
    """What was pasted from a terminal or a log, which may not be refused in a hurry, as it can be shown on a
    terminal: without its colours and other commands. Line breaks and tabs stay, halves of characters become
    question marks."""
    text = _COMMANDS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\u202d", "").replace("\u202e", "").encode(errors="replace").decode()
    return "".join(letter for letter in text if letter in "\n\t" or not _control(letter))


def on_one_line(text: str) -> str:
    """The text without controls, which are spaces then: nothing that could end a header or begin another."""
    return _CONTROLS.sub(" ", text).strip()


def has_unshown(text: str) -> bool:
    """Whether a name or a text has a character that cannot be shown: to say why it was refused. A line break
    is none, and what turns text around is dropped."""
    return any(_control(letter) and letter not in "\n\r\t" for letter in text)


def _no_part_of_a_name(letter: str) -> bool:
    return _control(letter) or letter in "\u2028\u2029"


def _control(letter: str) -> bool:
    # Surrogates and non-characters cannot be stored, or mean something to programs alone.
    return unicodedata.category(letter) in ("Cc", "Cs") or (ord(letter) & 0xFFFE) == 0xFFFE
