"""Messages from templates: one file a language, a section a message, blocks divided by empty lines.

    = label | address          a button
    * label :: value           a line of the table of facts
    ?? condition               as a block's first line: the block is only for then
    @@ list                    as a block's first line: the block once for each of a list, with its values
                               (facts: one table of all of them)
    anything else              a paragraph

Both parts, text and HTML, come from the same blocks. A block is taken apart before its values are filled in,
so whatever a guest is called stays text: it can become neither a button nor mark-up nor a header. Where a
value is written in the other direction than the message it is isolated (U+2068 to U+2069, `<bdi>` in HTML),
so that a name turns no reference or amount beside it around.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import cache, partial
from importlib.resources import files
from typing import Any, Literal

import msgspec
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from hotel_booking.core import bidi, formats
from hotel_booking.core.languages import COLONS, DEFAULT, LANGUAGES, LOCALES, RIGHT_TO_LEFT
from hotel_booking.core.locales import locale_named
from hotel_booking.core.moments import clock, hour, long_date, moment
from hotel_booking.core.names import on_one_line
from hotel_booking.domains.notifications.types import Link, Message, Rendered

_FOLDER = files("hotel_booking.domains.notifications") / "templates"
_OPENING = re.compile(r"[\u2066-\u2068]")
_ELEMENTS = {
    bidi.FIRST_STRONG: "<bdi>",
    bidi.LEFT_TO_RIGHT: '<bdi dir="ltr">',
    bidi.RIGHT_TO_LEFT: '<bdi dir="rtl">',
    bidi.END: "</bdi>",
}
_SECTION = re.compile(r"^## (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_NO_MESSAGES = frozenset({"frame", "meals", "notices"})


class _Block(msgspec.Struct, frozen=True):
    kind: Literal["paragraph", "button", "facts"]
    # Pairs for facts and buttons, a single one with an empty second half for a paragraph.
    parts: tuple[tuple[Template, Template], ...]
    condition: Any = None
    each: Any = None


class _Source(msgspec.Struct, frozen=True):
    subject: Template
    blocks: tuple[_Block, ...]


class _Language(msgspec.Struct, frozen=True):
    messages: dict[str, _Source]
    frame: dict[str, Template]
    notices: dict[str, str]
    meals: dict[int, str]  # by the OpenTravel meal plan


def names() -> list[str]:
    """All messages that there are."""
    return sorted(_language("en").messages)


def notices() -> list[str]:
    """What a security notice can tell."""
    return sorted(_language("en").notices)


def render(template: str, language: str, data: dict[str, Any], *, sender: str = "") -> Rendered:
    """A message in a language, English where there is no such one. `data` is what `queue` was given: money
    in minor units, dates and times in ISO 8601. `sender` is who writes; the site itself where it
    is empty. Raises `KeyError` for a message that there is not, and jinja2's `UndefinedError` for data that
    lacks something."""
    if language not in LANGUAGES:
        language = DEFAULT
    known = _language(language)
    source = known.messages[template]
    sender = on_one_line(bidi.unturned(sender or known.frame["site"].render()))
    # What was queued by a release that did not tell of its rooms may be about several.
    values = {
        **data,
        "sender": sender,
        "notices": known.notices,
        "meals": known.meals,
        "number_of_rooms": len(data.get("parties", ())) or 3,
    }
    lines: list[str] = []
    parts: list[Markup] = []
    for block in source.blocks:
        if block.condition is not None and not block.condition(**values):
            continue
        told = [
            [
                (on_one_line(a.render(values | item)), on_one_line(b.render(values | item)))
                for a, b in block.parts
            ]
            for item in ([{}] if block.each is None else block.each(**values))
        ]
        if block.kind == "facts":
            # One table, also of facts about each of a list; one that has nothing to say is left out.
            facts = [pair for pairs in told for pair in pairs if pair[1]]
            told = [facts] if facts else []
        for pairs in told:
            lines += [*_as_text(block.kind, pairs, colon=COLONS.get(language, ":")), ""]
            parts.append(_as_html(block.kind, pairs))
    footer = [on_one_line(known.frame[name].render(values)) for name in ("reason", "footer")]
    subject = on_one_line(source.subject.render(values))[:200]
    subject += bidi.END * (len(_OPENING.findall(subject)) - subject.count(bidi.END))
    html = _HTML.render(
        language=language,
        rtl=language in RIGHT_TO_LEFT,
        subject=bidi.unturned(subject),
        style=Markup(STYLE),  # noqa: S704  # ours, a constant
        sender=sender,
        parts=parts,
        footer=[_marked_up(line) for line in footer],
    )
    return Rendered(
        subject, "\n".join([*lines, "--", *footer, ""]), html, language, language in RIGHT_TO_LEFT
    )


def rendered_message(message: Message, link: Link) -> Rendered:
    """A message of the outbox as it is sent. Raises what `render` raises."""
    data = message.data
    if "path" in data:
        # Who a booking is written about may be corrected: then what went to the address before opens nothing.
        data = {**data, "link": link(data["path"], message.recipient if message.booking_id else "")}
    if "bookings" in data and isinstance(data["bookings"], list):
        data = {
            **data,
            "bookings": [
                {**booking, "link": link(booking["path"], message.recipient)} for booking in data["bookings"]
            ],
        }
    rendered = render(message.template, message.language, data, sender=str(data.get("property") or ""))
    if "unsubscribe" not in data:
        return rendered
    return msgspec.structs.replace(rendered, unsubscribe=link(data["unsubscribe"]))


def _as_text(kind: str, pairs: list[tuple[str, str]], *, colon: str) -> Iterator[str]:
    for first, second in pairs:
        match kind:
            case "button":
                yield f"{first}{colon}"
                yield second
            case "facts":
                yield f"{first}{colon} {second}"
            case _:
                yield first


def _as_html(kind: str, pairs: list[tuple[str, str]]) -> Markup:
    match kind:
        case "button":
            label, address = pairs[0]
            return Markup('<p><a class="button" href="{1}">{0}</a></p>').format(_marked_up(label), address)
        case "facts":
            rows = (
                Markup('<tr><th scope="row">{}</th><td><bdi>{}</bdi></td></tr>').format(
                    *map(_marked_up, pair)
                )
                for pair in pairs
            )
            return Markup("<table>{}</table>").format(Markup("").join(rows))
    return Markup("<p>{}</p>").format(_marked_up(pairs[0][0]))


def _marked_up(text: str) -> Markup:
    """The text as HTML, its isolated parts as elements."""
    marked = str(escape(text))
    for mark, element in _ELEMENTS.items():
        marked = marked.replace(mark, element)
    return Markup(marked)  # noqa: S704  # escaped


def _isolated(value: Any, *, rtl: bool) -> Any:
    """What a template shows of a value: isolated where it goes the other way than the message."""
    return bidi.isolated(value, rtl=rtl) if isinstance(value, str) else value


def _country(code: str, address: str, locale: str) -> str:
    """The country as it stands behind an address; "" where the message does not know it."""
    name = locale_named(locale).territories.get(code, code)
    comma = "\N{ARABIC COMMA} " if locale in RIGHT_TO_LEFT else ", "
    return f"{comma}{name}" if name and address else name


@cache
def _language(language: str) -> _Language:
    locale = LOCALES[language]
    environment = Environment(  # nosec B701  # escaped by `_as_html`
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # escaped by `_as_html`
        finalize=partial(_isolated, rtl=language in RIGHT_TO_LEFT),
    )
    environment.filters |= {
        "day": lambda value: long_date(date.fromisoformat(value), language),
        "time": lambda value: hour(time.fromisoformat(value), language),
        "moment": lambda value, zone: moment(datetime.fromisoformat(value), zone, language),
        "clock": lambda value, zone: clock(datetime.fromisoformat(value), zone, language),
        "money": lambda value, currency: formats.money(value, currency, locale),
        "country": lambda code, address: _country(code, address, locale),
    }
    text = _COMMENT.sub("", (_FOLDER / f"{language}.txt").read_text("utf-8"))
    pieces = _SECTION.split(text)[1:]
    sections = dict(zip(pieces[::2], (body.strip() for body in pieces[1::2]), strict=True))
    return _Language(
        messages={
            name: _source(environment, body) for name, body in sections.items() if name not in _NO_MESSAGES
        },
        frame={key: environment.from_string(value) for key, value in _pairs(sections["frame"])},
        notices=dict(_pairs(sections["notices"])),
        meals={int(code): name for code, name in _pairs(sections["meals"])},
    )


def _pairs(body: str) -> Iterator[tuple[str, str]]:
    for line in body.splitlines():
        key, _, value = line.partition(": ")
        yield key, value


def _source(environment: Environment, body: str) -> _Source:
    head, _, rest = body.partition("\n\n")
    return _Source(
        environment.from_string(head.removeprefix("subject: ")),
        tuple(_block(environment, block.strip()) for block in rest.split("\n\n")),
    )


def _block(environment: Environment, text: str) -> _Block:
    if text.startswith("@@ "):
        expression, _, text = text.partition("\n")
        each = environment.compile_expression(expression.removeprefix("@@ "), undefined_to_none=False)
        return msgspec.structs.replace(_block(environment, text), each=each)
    condition = None
    if text.startswith("?? "):
        expression, _, text = text.partition("\n")
        condition = environment.compile_expression(expression.removeprefix("?? "), undefined_to_none=False)
    lines = text.splitlines()
    if lines[0].startswith("= "):
        label, _, address = lines[0].removeprefix("= ").partition(" | ")
        # An address is no text: it goes as it is.
        plain = environment.overlay(finalize=None)
        pair = environment.from_string(label), plain.from_string(address)
        return _Block("button", (pair,), condition)
    if lines[0].startswith("* "):
        facts = [line.removeprefix("* ").partition(" :: ") for line in lines]
        return _Block(
            "facts", tuple(_templates(environment, label, value) for label, _, value in facts), condition
        )
    return _Block("paragraph", (_templates(environment, " ".join(lines), ""),), condition)


def _templates(environment: Environment, first: str, second: str) -> tuple[Template, Template]:
    return environment.from_string(first), environment.from_string(second)


STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 24px 12px; background: #f4f3f0; color: #22211f;
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 560px; margin: 0 auto; padding: 28px 28px 12px; background: #fff; border-radius: 12px; }
h1, p, td { overflow-wrap: anywhere; }
h1 { margin: 0 0 20px; font-size: 15px; letter-spacing: .02em; color: #6d6a63; font-weight: 600; }
p { margin: 0 0 16px; }
table { width: 100%; margin: 0 0 20px; border-collapse: collapse; }
th, td { padding: 8px 0; border-bottom: 1px solid #e4e1da; text-align: start; vertical-align: top; }
th { width: 40%; padding-inline-end: 12px; font-weight: 400; color: #6d6a63; }
a.button { display: inline-block; padding: 12px 22px; border-radius: 8px; background: #17564a; color: #fff;
           font-weight: 600; text-decoration: none; }
footer { max-width: 560px; margin: 16px auto 0; padding: 0 28px; font-size: 13px; color: #6d6a63; }
@media (prefers-color-scheme: dark) {
  body { background: #171614; color: #eceae5; }
  main { background: #22211e; }
  h1, th, footer { color: #a5a197; }
  th, td { border-color: #3a3833; }
  a.button { background: #7fd1bd; color: #10231f; }
}
"""
# For the panel's preview, whose policy lets no other style in.
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

_HTML = Environment(undefined=StrictUndefined, autoescape=True).from_string(
    '<!doctype html>\n<html lang="{{ language }}" dir="{{ "rtl" if rtl else "ltr" }}">\n<head>\n'
    '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<title>{{ subject }}</title>\n<style>{{ style }}</style>\n</head>\n<body>\n<main>\n"
    "<h1><bdi>{{ sender }}</bdi></h1>\n{% for part in parts %}{{ part }}\n{% endfor %}</main>\n"
    "<footer>{% for line in footer %}<p>{{ line }}</p>{% endfor %}</footer>\n</body>\n</html>\n"
)
