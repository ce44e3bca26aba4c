"""Texts that people write, as HTML: CommonMark and tables, by markdown-it-py. HTML in the text is shown as
text, a picture becomes a link, and links lead nowhere but to http, https, mail and telephone addresses."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markupsafe import Markup

_LINK = re.compile(r"(?:https?://|mailto:|tel:|/(?!/)|#)", re.IGNORECASE)


@lru_cache(maxsize=64)  # a page is read far more often than written
def as_html(text: str) -> Markup:
    """The text as safe HTML. Its headings begin at the second level: the page has a title already."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704  # html=False escapes


@lru_cache(maxsize=4)
def document_as_html(text: str) -> Markup:
    """A document of ours, without its title, as HTML: its chapters are found by what GitHub makes of their
    headings, and a wide table is scrolled by itself."""
    parser = _parser()
    tokens = parser.parse(text)
    for token, inside in pairwise(tokens):
        if token.type == "heading_open":
            words = re.sub(r"[^\w\- ]", "", inside.content.lower())
            token.attrSet("id", words.replace(" ", "-"))
    html = parser.renderer.render(tokens, parser.options, {})
    # What looks like a tag in the text is escaped: these are the renderer's own.
    wrapped = html.replace("<table>", '<div class="table-wrap"><table>').replace("</table>", "</table></div>")
    return Markup(wrapped)  # noqa: S704  # html=False escapes


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    # The library's own way to set it.
    parser.validateLink = lambda url: _LINK.match(url) is not None  # type: ignore[method-assign]
    return parser
