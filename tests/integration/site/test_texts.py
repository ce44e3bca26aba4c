"""The site speaks every language it offers: a text without a translation fails here."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from hotel_booking import status, web
from hotel_booking.core.languages import DEFAULT, LANGUAGES
from hotel_booking.demo import pages
from hotel_booking.http.i18n import code_names
from hotel_booking.http.i18n.catalogues import translations

ROOT = Path(web.__file__).parent
PLACES = (ROOT, Path(status.__file__).parent, Path(code_names.__file__).parent)
_METHODS = {".py": "python", ".html": "jinja2.ext.babel_extract"}
_WORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
_VALUES = re.compile(r"%\(\w+\)s|\{\w+\}")
_NUMBERS = {"%(num)s", "{number}"}


def messages() -> dict[object, str]:
    """Every text of the site's code and templates, and where it stands first."""
    found: dict[object, str] = {}
    for path in sorted(path for place in PLACES for path in place.rglob("*")):
        if path.suffix not in _METHODS:
            continue
        source = BytesIO(path.read_bytes())
        options = {"trimmed": "true"}
        for line, text, _comments, _context in extract(
            _METHODS[path.suffix], source, _WORDS, options=options
        ):
            if text and (isinstance(text, str) or text[0]):
                found.setdefault(text, f"{path.relative_to(ROOT.parent)}:{line}")
    return found


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {DEFAULT}))
def test_every_text_is_translated(language: str) -> None:
    translated: set[object] = set()
    for file in sorted((ROOT / "locale" / language).glob("*.po")):
        with file.open("rb") as source:
            for message in read_po(source, locale=language):
                key = message.id if isinstance(message.id, str) else tuple(message.id)
                strings = [message.string] if isinstance(message.string, str) else message.string
                if key and all(strings) and not message.fuzzy:
                    translated.add(key)
    missing = {str(text): where for text, where in messages().items() if text not in translated}
    assert missing == {}


def test_there_is_something_to_translate() -> None:
    assert len(messages()) > 200


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {DEFAULT}))
def test_a_translation_fills_in_what_its_message_does(language: str) -> None:
    """A form for one or two may spell its number out; nothing else is left out, and nothing invented."""
    wrong: list[str] = []
    for file in sorted((ROOT / "locale" / language).glob("*.po")):
        with file.open("rb") as source:
            for message in read_po(source, locale=language):
                plural = not isinstance(message.id, str)
                wanted = set(_VALUES.findall("".join(message.id)))
                for text in message.string if plural else [message.string]:
                    given = set(_VALUES.findall(str(text)))
                    if given - wanted or (wanted - given - (_NUMBERS if plural else set())):
                        wrong.append(f"{file.name}: {text}")
    assert wrong == []


def test_a_line_of_french_never_begins_with_a_colon() -> None:
    """Before its double marks, and within its quotation marks, stands a space at which no line breaks."""
    wrong: list[str] = []
    for file in sorted((ROOT / "locale" / "fr").glob("*.po")):
        with file.open("rb") as source:
            for message in read_po(source, locale="fr"):
                forms = [message.string] if isinstance(message.string, str) else message.string
                wrong += [str(text) for text in forms if message.id and re.search(" [:;?!»]|« ", str(text))]
    assert wrong == []


def test_no_mark_follows_a_word_without_the_language_having_a_say() -> None:
    """A colon after what a template writes is `{{ colon }}`: French has a space before it."""
    mark = re.compile(r"\}\}(?:</\w+>)*\s?[:;?!](?=\s|<)")
    folders = (ROOT / "templates", Path(status.__file__).parent / "templates")
    pages = [page for folder in folders for page in folder.rglob("*.html")]
    assert len(pages) > 30
    assert {page.name: found for page in pages if (found := mark.findall(page.read_text()))} == {}


def test_a_counted_noun_has_its_plural_forms() -> None:
    """Arabic has six: "10 أحرف", but "100 حرف"."""
    counted = re.compile(
        r"(?:\{\w+\}|%\(\w+\)s) "
        r"(?:characters?|seconds?|minutes?|nights?|days?|rooms?|adults?|child(?:ren)?|guests?|hotels?|checks?|years?)\b"
    )
    # From one to a number that is always more than ten; Arabic says it without the noun.
    fine = {"From 1 to {number} adults, please.", "From 1 to {number} rooms, please."}
    assert {text for text in messages() if isinstance(text, str) and counted.search(text)} == fine


def test_one_number_chooses_the_form_of_one_noun() -> None:
    """What else a text counts is a text of its own that is filled in."""
    two = re.compile(r"\{(?!number)\w+\} (?:adults|child(?:ren)?|guests|rooms|nights|checks)\b")
    assert [text for text in messages() if isinstance(text, tuple) and two.search(str(text))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_demos_privacy_page_names_the_account_page_as_it_is_called(language: str) -> None:
    named = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", pages.texts()["privacy", language])
    assert named == [translations(language).gettext("Your data")]
    assert named != [translations(language).gettext("Privacy")]
