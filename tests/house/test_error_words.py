"""What an error says is read by people, beside a field that has a label: it names no column and no parameter.
`field` says to programs which one it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "hotel_booking"
# Raised for programs alone, to whom a name is what they sent.
FOR_PROGRAMS = {
    "domains/rates/ari.py",  # lines of PUT /ari
    "domains/rates/service.py",  # the capacity of such lines
    "domains/search/area.py",  # parameters of GET /search
}
NAME = re.compile(r"[a-z]_[a-z]")


def sentences(call: ast.Call) -> Iterator[ast.expr]:
    """What an error says: its detail, and what would work."""
    yield from call.args[:1]
    yield from (word.value for word in call.keywords if word.arg in ("detail", "fix"))


def literals(sentence: ast.expr) -> str:
    """The sentence without what is filled in."""
    if isinstance(sentence, ast.JoinedStr):
        parts = sentence.values
    elif isinstance(sentence, ast.IfExp):
        parts = [sentence.body, sentence.orelse]
    else:
        parts = [sentence]
    return " ".join(
        part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def names_in(source: str) -> list[str]:
    """The sentences of a module's errors that hold a name of the code."""
    return [
        said
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        for said in map(literals, sentences(node.exc))
        if NAME.search(re.sub(r"`[^`]*`", "", said))
    ]


def test_errors_name_nothing_by_its_column() -> None:
    found = {
        str(path.relative_to(SOURCE)): said
        for where in ("core", "domains", "admin")
        for path in sorted((SOURCE / where).rglob("*.py"))
        if str(path.relative_to(SOURCE)) not in FOR_PROGRAMS and (said := names_in(path.read_text()))
    }
    assert not found


def test_a_name_would_be_found() -> None:
    assert names_in('raise Invalid("valid_to must be later", field="valid_to")')
    assert names_in('raise Invalid(f"at most {most}", fix="keep it below max_stay")')
    assert not names_in('raise Invalid("a tax ends after it begins", field="valid_to")')
