"""The site speaks every language it offers: a text without a translation fails here."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from hotel_booking import web
from hotel_booking.web.i18n.language import DEFAULT, LANGUAGES

ROOT = Path(web.__file__).parent
_METHODS = {".py": "python", ".html": "jinja2.ext.babel_extract"}
_WORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}


def messages() -> dict[object, str]:
    """Every text of the site's code and templates, and where it stands first."""
    found: dict[object, str] = {}
    for path in sorted(ROOT.rglob("*")):
        if path.suffix not in _METHODS:
            continue
        source = BytesIO(path.read_bytes())
        options = {"trimmed": "true"}
        for line, text, _comments, _context in extract(
            _METHODS[path.suffix], source, _WORDS, options=options
        ):
            if text and (isinstance(text, str) or text[0]):
                found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
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
