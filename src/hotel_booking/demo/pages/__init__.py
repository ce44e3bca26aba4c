"""What the demo group writes on its own pages: a file a language, `@@ kind` before each page."""

from __future__ import annotations

from importlib.resources import files

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.properties.group_pages import KINDS, Kind


def texts() -> dict[tuple[Kind, str], str]:
    """All of them, by kind and language."""
    found: dict[tuple[Kind, str], str] = {}
    for language in LANGUAGES:
        written = files(__name__).joinpath(f"{language}.md").read_text(encoding="utf-8")
        for part in written.split("@@ ")[1:]:
            name, _, body = part.partition("\n")
            found[next(kind for kind in KINDS if kind == name.strip()), language] = body.strip()
    return found
