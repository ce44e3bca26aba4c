"""What a call accepts where something else was sent: in words that a developer acts on, made of the type.

msgspec says "Expected `array | null`, got `str`": its own language, and not what would be accepted. Its
message tells which rule was broken; what the field takes is said from the type at the field's path. What was
sent is not sent back, however long it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from msgspec import inspect

_LONGEST = 600  # characters of the words that are named
# A step of a path as msgspec writes it: `.name` of an object, `[0]` of a list, `[...]` of a dictionary, whose
# keys are `.<key>` here.
STEP = re.compile(r"\.([^.\[\]]+)|\[(?:\d+|\.\.\.)\]")

# The forms that texts have in the API's types, in words. A test finds every pattern here.
PATTERNS = {
    "^[A-Za-z0-9_-]{1,40}$": "1 to 40 letters from A to Z, digits, - and _",
    "^[a-z0-9]+(-[a-z0-9]+)*$": "lower-case letters from a to z, digits and single hyphens, such as sea-view",
    "^[A-Z]{2}$": "two capital letters, such as PT",
    "^[A-Z]{3}$": "three capital letters, such as EUR",
}
# A type that is a text of one form: what it is called, and how it is written.
_FORMS: dict[type[inspect.Type], tuple[str, str]] = {
    inspect.DateType: ("a date", "write the date as YYYY-MM-DD, such as 2030-05-01"),
    inspect.DateTimeType: ("a timestamp", "write 2030-05-01T12:00:00Z"),
    inspect.TimeType: ("a time of day", "write the time as HH:MM:SS, such as 15:00:00"),
    inspect.UUIDType: ("a valid id", "send the id exactly as you received it"),
}
_LISTS = (inspect.CollectionType, inspect.TupleType)
_OR_NULL = ", or null"
_GOT = re.compile(r", got `(\w+)`$")
# What JSON has, by msgspec's names.
_SENT = {
    "str": "text",
    "int": "a whole number",
    "float": "a number with decimals",
    "bool": "a boolean",
    "null": "null",
    "array": "a list",
    "object": "an object",
}


def refused(message: str, kind: Any, path: str) -> tuple[str, str | None]:
    """What is wrong, and what would work, where msgspec says this of the value at this path
    (`$.rooms[0].meal`) of a value of type `kind`."""
    arms = [arm for nested in at(kind, path) for arm in _arms(nested)]
    if _words(arms):
        return "is not one of the accepted values", sent_as(arms)
    broken = next((said(found) for rule, said in _BROKEN if (found := rule.match(message))), None)
    wanted = _either(_nouns(arms)) or "what is accepted here"
    if broken is not None:
        detail = broken
    elif (sent := _GOT.search(message)) and sent.group(1) in _SENT:
        detail = f"is {_SENT[sent.group(1)]}, not {wanted}"
    else:
        detail = f"is not {wanted}"
    return detail, sent_as(arms)


def required(kind: Any, path: str) -> str | None:
    """What to send in the member at this path, which is missing."""
    return sent_as([arm for nested in at(kind, path) for arm in _arms(nested)])


def known(kind: Any, path: str, name: str) -> str | None:
    """What the object at this path takes in the place of a member of this name, which it does not have."""
    arms = [arm for nested in at(kind, path) for arm in _arms(nested)]
    names = {field.encode_name for arm in arms if isinstance(arm, inspect.StructType) for field in arm.fields}
    near = get_close_matches(name.lower()[:80], names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"the fields here are {_cut(names)}" if names else None


def at(kind: Any, path: str) -> list[inspect.Type]:
    """The types that a value at this path may have."""
    kinds: list[inspect.Type] = [_type(kind)]
    for step in STEP.finditer(path):
        kinds = [inner for outer in kinds for inner in _inner(outer, step.group(1))]
    return kinds


@lru_cache(maxsize=512)
def _type(kind: Any) -> inspect.Type:
    """A body's or a parameter's type, taken apart once."""
    return inspect.type_info(kind)


def _arms(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.Metadata():
            yield from _arms(kind.type)
        case inspect.UnionType():
            for one in kind.types:
                yield from _arms(one)
        case _:
            yield kind


def _inner(kind: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    """What stands one step further in: in the member of this name, or in any place of a list."""
    for arm in _arms(kind):
        match arm:
            case inspect.StructType() if name is not None:
                yield from (field.type for field in arm.fields if field.encode_name == name)
                if name == arm.tag_field:
                    yield inspect.LiteralType((arm.tag,))
            case inspect.DictType():
                yield arm.key_type if name == "<key>" else arm.value_type
            case inspect.TupleType() if name is None:
                yield from arm.item_types
            case inspect.CollectionType() if name is None:
                yield arm.item_type


def _words(arms: Iterable[inspect.Type]) -> set[str]:
    words: set[Any] = set()
    for arm in arms:
        match arm:
            case inspect.LiteralType():
                words.update(arm.values)
            case inspect.EnumType():
                words.update(member.value for member in arm.cls)
    return {str(word) for word in words}


def _listed(words: set[str]) -> str | None:
    return f"one of {_cut(words)}" if words else None


def _cut(words: set[str]) -> str:
    """The words, as many as fit; by the alphabet, because msgspec does not know in which order they were
    written."""
    text = ", ".join(sorted(words))
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rpartition(', ')[0]}, and others that /api/docs lists"


def sent_as(arms: list[inspect.Type]) -> str | None:
    """What a field of these types takes, as an instruction."""
    values = [arm for arm in arms if not isinstance(arm, inspect.NoneType)]
    if len(values) == 1 and (form := _FORMS.get(type(values[0]))):
        return form[1]
    if words := _words(values):
        return _listed(words)
    said = [text for arm in values if (text := _described(arm))]
    if not said:
        return None
    return f"send {_either(said)}" + (_OR_NULL if len(values) < len(arms) else "")


def without_kind(message: str) -> str:
    """The message without the kind of what was sent, where that can be no other than text."""
    return _GOT.sub("", message)


def in_address(message: str, kind: Any) -> tuple[str, str | None]:
    """As `refused`, of a value that stands in an address: what is sent there is text, and never null."""
    detail, fix = refused(without_kind(message), kind, "")
    return detail, fix and fix.removesuffix(_OR_NULL)


def _described(arm: inspect.Type) -> str | None:
    match arm:
        case inspect.IntType():
            return "a whole number" + _range(arm)
        case inspect.FloatType():
            return "a number" + _range(arm)
        case inspect.StrType(pattern=str(pattern)):
            return PATTERNS.get(pattern, f"text of the form {pattern}")
        case inspect.StrType():
            return "text" + _length(arm, "character")
        case inspect.DictType() | inspect.CollectionType():
            items = "member" if isinstance(arm, inspect.DictType) else "item"
            return f"{_noun(arm)}{_length(arm, items)}"
    return _noun(arm)


def _nouns(arms: list[inspect.Type]) -> list[str]:
    said = [_noun(arm) for arm in arms if not isinstance(arm, inspect.NoneType)]
    return list(dict.fromkeys(noun for noun in said if noun))


def _noun(arm: inspect.Type) -> str | None:
    match arm:
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return "text"
        case inspect.StructType() | inspect.DictType():
            return "an object"
        case inspect.LiteralType() | inspect.EnumType():
            return "one of the accepted values"
    if isinstance(arm, _LISTS):
        return "a list"
    form = _FORMS.get(type(arm))
    return form[0] if form else None


def _range(arm: inspect.IntType | inspect.FloatType) -> str:
    least = arm.ge if arm.ge is not None else arm.gt
    most = arm.le if arm.le is not None else arm.lt
    if least is not None and most is not None:
        return f" from {_number(least)} to {_number(most)}"
    if least is not None:
        return f" of at least {_number(least)}"
    return f" of at most {_number(most)}" if most is not None else ""


def _length(arm: inspect.StrType | inspect.DictType | inspect.CollectionType, of: str) -> str:
    least, most = arm.min_length, arm.max_length
    if least and most:
        return f" of {least} to {most} {of}s"
    if least:
        return f" of at least {least} {of}{'s' * (least != 1)}"
    return f" of at most {most} {of}{'s' * (most != 1)}" if most else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _either(words: list[str]) -> str:
    return " or ".join(words)


def _bound(word: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"is {word} {_number(float(found.group(1)))}"


def _few(found: re.Match[str]) -> str:
    of, least = _OF[found.group(1)], int(found.group(2))
    if least == 1:
        return "is empty" if of == "character" else f"has no {of}s"
    return f"has fewer than {least} {of}s"


def _many(found: re.Match[str]) -> str:
    most = int(found.group(2))
    return f"has more than {most} {_OF[found.group(1)]}{'s' * (most != 1)}"


_OF = {"str": "character", "array": "item", "object": "member"}
# What msgspec says of a value that is of the type but breaks a rule of it, and what we say. Of other messages
# the type itself tells what the value is not.
_BROKEN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Expected `(?:int|float)` >=? (\S+)$"), _bound("below")),
    (re.compile(r"Expected `(?:int|float)` <=? (\S+)$"), _bound("above")),
    (re.compile(r"Expected `(str|array|object)` of length >= (\d+)$"), _few),
    (re.compile(r"Expected `(str|array|object)` of length <= (\d+)$"), _many),
    (re.compile(r"Expected `str` matching regex "), lambda _: "is not written as it must be"),
    (re.compile(r"(?:Integer value|Number|Timestamp is) out of range"), lambda _: "is out of range"),
    (
        re.compile(r"Expected `(?:datetime|time)(?: \| null)?` with a timezone"),
        lambda _: "is a timestamp without a time zone",
    ),
)
