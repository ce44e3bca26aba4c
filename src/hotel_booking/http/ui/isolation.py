"""Templates whose values are isolated by themselves: what a template writes between its tags is wrapped in
`<bdi>` where it goes the other way than the page, and so no template can forget a name.

The environment knows from the template's own text where a value stands. Between tags it becomes an element;
in titles, in drawings and in what a translated sentence is filled with, a pair of Unicode's isolates; in
attributes, scripts, styles, text areas and options, and in macros without tags, nothing: programs may read
those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, nodes
from markupsafe import Markup

from hotel_booking.core import bidi

_READ_BY_PROGRAMS = ("script", "style", "textarea", "option")
_PLAIN_TEXT = ("title", "text", "tspan")  # of a page, of a drawing
_WORDS = ("_", "gettext", "ngettext")
_INDENT = re.compile(r"\n\s+")  # of no meaning to a browser, and a twentieth of a page
_TAG_NAME = re.compile(r"[a-z][a-z0-9-]*")


class IsolatingEnvironment(Environment):
    """Jinja2 with isolated values. `rtl` says how the page is written; an overlay has its own."""

    rtl = False

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        _Rewriter().visit(source)
        source.set_environment(self)
        return super()._generate(source, name, filename, defer_init)


def element_of(*, rtl: bool) -> Callable[[Any], Any]:
    """What makes a text an element of its own where it needs one, on pages of one direction."""

    def element(value: Any) -> Any:
        if not isinstance(value, str) or isinstance(value, Markup):
            return value
        match bidi.needs(value, rtl=rtl):
            case "own":
                return Markup("<bdi>{}</bdi>").format(value)
            case "page":
                return Markup('<bdi dir="{}">{}</bdi>').format("rtl" if rtl else "ltr", value)
        return value

    return element


def filters(*, rtl: bool) -> dict[str, Any]:
    """What the environment wraps values in, for pages of one direction."""

    def text(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if isinstance(value, Markup):  # escaped already
            # It was escaped, or has no markup.
            return value if "<" in value else Markup(bidi.isolated(str(value), rtl=rtl))  # noqa: S704
        return bidi.isolated(value, rtl=rtl)

    return {"isolated": element_of(rtl=rtl), "isolated_text": text}


class _Rewriter:
    """Walks a template in the order it is written, and so knows what each value stands in."""

    def __init__(self) -> None:
        self._tag = ""  # "" between tags; else what of the tag was read
        self._quote = ""
        self._raw = ""  # the element whose text is no markup

    def visit(self, node: nodes.Node) -> None:
        """Wrap the values below a node."""
        if isinstance(node, nodes.Output):
            node.nodes = [self._value(part) for part in node.nodes]
            return
        before = self._raw
        if isinstance(node, nodes.Block) and node.name == "title":
            self._raw = "title"
        elif isinstance(node, (nodes.Block, nodes.Macro, nodes.AssignBlock)) and not _has_tags(node):
            self._raw = "option"  # may be put into an attribute
        for child in node.iter_child_nodes():
            self.visit(child)
        self._raw = before
        if isinstance(node, nodes.Call):
            _fill_isolated(node)

    def _value(self, part: nodes.Expr) -> nodes.Expr:
        if isinstance(part, nodes.TemplateData):
            if not self._raw and not self._quote:
                part.data = _INDENT.sub("\n", part.data)
            self._read(part.data)
            return part
        self.visit(part)
        if self._tag:
            return part
        if not self._raw:
            return _filtered(part, "isolated")
        return _filtered(part, "isolated_text") if self._raw in _PLAIN_TEXT else part

    def _read(self, text: str) -> None:
        for letter in text:
            if self._quote:
                self._quote = "" if letter == self._quote else self._quote
            elif self._tag:
                self._in_tag(letter)
            elif letter == "<":
                self._tag = "<"

    def _in_tag(self, letter: str) -> None:
        if letter == ">":
            self._close()
        elif self._tag == "<" and not (letter.isalpha() or letter in "/!"):
            self._tag = ""  # a sign, and no tag
        elif letter in "\"'":
            self._quote = letter
        elif len(self._tag) < 20:
            self._tag += letter.lower()

    def _close(self) -> None:
        named = self._tag[1:]
        closing = named.startswith("/")
        found = _TAG_NAME.match(named.removeprefix("/"))
        name = found[0] if found else ""
        if self._raw:
            self._raw = "" if closing and name == self._raw else self._raw
        elif not closing and name in (*_READ_BY_PROGRAMS, *_PLAIN_TEXT):
            self._raw = name
        self._tag = ""


def _has_tags(node: nodes.Node) -> bool:
    return any("<" in data.data for data in node.find_all(nodes.TemplateData))


def _is_sentence(part: nodes.Expr) -> bool:
    """A translated text, whose direction is the page's."""
    return isinstance(part, nodes.Call) and isinstance(part.node, nodes.Name) and part.node.name in _WORDS


def _fill_isolated(call: nodes.Call) -> None:
    """Isolate what a translated text is filled with: `_("...").format(name=...)`."""
    if isinstance(call.node, nodes.Getattr) and call.node.attr == "format":
        call.args = [_filtered(value, "isolated_text") for value in call.args]
        for keyword in call.kwargs:
            keyword.value = _filtered(keyword.value, "isolated_text")


def _filtered(part: nodes.Expr, name: str) -> nodes.Expr:
    """The value as the filter leaves it; of what is put together of several, each by itself."""
    if isinstance(part, nodes.Concat):
        part.nodes = [_filtered(one, name) for one in part.nodes]
        return part
    if isinstance(part, nodes.CondExpr):
        part.expr1 = _filtered(part.expr1, name)
        part.expr2 = None if part.expr2 is None else _filtered(part.expr2, name)
        return part
    if isinstance(part, nodes.Const) or _is_sentence(part):
        return part
    return nodes.Filter(part, name, [], [], None, None, lineno=part.lineno)
