"""Every error that the platform can answer with, read from its own code: the class says what it means, the
places that raise it what would work."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings.errors import StayNotSold
from hotel_booking.domains.rates.restrictions import MEANINGS
from hotel_booking.http.errors import status_of
from hotel_booking.http.problems import InvalidShape

_NOT_ANSWERED = ("hotel_booking.cli.", "hotel_booking.worker.")


class ErrorEntry(msgspec.Struct, frozen=True):
    """One code. `fixes` are what its answers propose, with … for what differs from case to case; `passes`
    says that the very same request may succeed later."""

    code: str
    status: int
    meaning: str
    fixes: tuple[str, ...]
    passes: bool


@cache
def entries() -> tuple[ErrorEntry, ...]:
    """All codes by their name. Parses the package's source (a second of a core), once: ask in a thread."""
    kinds = {kind.__name__: kind for kind in _kinds(DomainError)}
    fixes: dict[str, list[str]] = {}
    for tree in _sources(files("hotel_booking")):
        for name, fix in _raised(tree, set(kinds)):
            seen = fixes.setdefault(name, [])
            if fix and fix not in seen:
                seen.append(fix)
    found: dict[str, ErrorEntry] = {}
    for name, kind in sorted(kinds.items()):
        if name in fixes and kind is not StayNotSold:
            _add(found, kind.code, kind, (kind.__doc__ or "").strip(), fixes[name])
    for code, meaning in MEANINGS.items():
        _add(found, code, StayNotSold, meaning, ["the answer's `fix` is the nearest stay that is sold"])
    return tuple(sorted(found.values(), key=lambda entry: entry.code))


def _add(
    found: dict[str, ErrorEntry], code: str, kind: type[DomainError], meaning: str, fixes: list[str]
) -> None:
    before = found.get(code)
    status = before.status if before else status_of(_blank(kind, code))
    meaning = " ".join(meaning.split())
    if before and before.meaning != meaning:
        meaning = f"{before.meaning} {meaning}"
    all_fixes = dict.fromkeys((*(before.fixes if before else ()), *fixes))
    found[code] = ErrorEntry(code, status, meaning, tuple(all_fixes), kind.passes)


def _blank(kind: type[DomainError], code: str) -> DomainError:
    error = kind.__new__(kind)
    error.code = code  # type: ignore[misc]  # as StayNotSold does: one class, many codes
    return error


def _kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    if kind.__module__.startswith("hotel_booking.") and not kind.__module__.startswith(_NOT_ANSWERED):
        yield kind
    for family in kind.__subclasses__():
        yield from _kinds(family)


def _sources(folder: Traversable) -> Iterator[ast.Module]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir() and item.name not in {"cli", "worker", "migrations", "static"}:
            yield from _sources(item)
        elif item.name.endswith(".py"):
            text = item.read_text()
            if "rror" in text or "raise " in text:
                yield ast.parse(text)


def _raised(tree: ast.Module, names: set[str]) -> Iterator[tuple[str, str]]:
    """Class and fix of every place that makes an error: `SoldOut(…, fix=…)`, or the class for itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in names:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _name(call.func) == "__init__":
                    yield from ((node.name, fix) for fix in _fixes(call))
        elif isinstance(node, ast.Call):
            name = _name(node.func)
            if name == "FieldProblem":
                name = InvalidShape.__name__
            if name in names:
                yield name, ""
                yield from ((name, fix) for fix in _fixes(node))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _fixes(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "fix":
            value = keyword.value
            choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from (text for choice in choices if (text := _text(choice)).strip(" …"))


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr():
            return "".join(_text(part) for part in node.values)
        case ast.BinOp(op=ast.Add()):
            return _text(node.left) + _text(node.right)
    return "…"
