"""The anchors of a Markdown page."""

from __future__ import annotations

import re
from pathlib import Path


def headings(page: Path) -> set[str]:
    """What may stand behind the `#`, made of the headings as GitHub does."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"^#+ +(.+?) *$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
