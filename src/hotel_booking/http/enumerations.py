"""Which words a call accepts where it takes only some: named to who sends another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import inspect

# What msgspec says of a value that is none of an enumeration, or that names none of several structs. It
# quotes the value, however long it is: that is not sent back.
_OTHER = re.compile(r"Invalid (?:enum )?value ")
_LONGEST = 600  # characters of the words that are named
# A step of a path as msgspec writes it: `.name` of an object, `[0]` of a list, `[...]` of a dictionary, whose
# keys are `.<key>` here.
_STEP = re.compile(r"\.([^.\[\]]+)|\[(?:\d+|\.\.\.)\]")


def refused(message: str, kind: Any, path: str) -> tuple[str, str | None] | None:
    """What is wrong and what would work, where msgspec's message is about an enumeration at this path
    (`$.rooms[0].meal`) of a value of type `kind`; None where it is about something else."""
    if not _OTHER.match(message):
        return None
    kinds: list[inspect.Type] = [_type(kind)]
    for step in _STEP.finditer(path):
        kinds = [inner for outer in kinds for inner in _inner(outer, step.group(1))]
    return "is not one of the accepted values", _listed({str(word) for one in kinds for word in _words(one)})


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


def _words(kind: inspect.Type) -> Iterator[Any]:
    for arm in _arms(kind):
        match arm:
            case inspect.LiteralType():
                yield from arm.values
            case inspect.EnumType():
                yield from (member.value for member in arm.cls)


def _listed(words: set[str]) -> str | None:
    """The words, as many as fit; by the alphabet, because msgspec does not know in which order they were
    written."""
    text = ", ".join(sorted(words))
    if len(text) <= _LONGEST:
        return f"one of {text}" if text else None
    return f"one of {text[:_LONGEST].rpartition(', ')[0]}, and others that /api/docs lists"
